//! The same text through another reader: ldns 1.8, which prints what it read as octets.

use std::{collections::BTreeMap, process::Command};

use super::*;

/// A record of each type that ldns reads as the RFCs say.
const ALL: &str = include_str!("types.zone");

#[test]
fn every_type_is_read_as_ldns_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("z.test.zone");
    std::fs::write(&file, format!("$ORIGIN z.test.\n{HEAD}{ALL}")).unwrap();
    let run = Command::new("ldns-read-zone").args(["-U", "SOA"]).arg(&file).output();
    let run = run.expect("ldns-read-zone, of Debian's ldnsutils, is there");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let theirs: BTreeMap<String, String> = String::from_utf8_lossy(&run.stdout)
        .lines()
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, "300", "IN", rtype, "\\#", _, ref data @ ..] => {
                let rtype = Type::named(rtype.as_bytes()).unwrap().name();
                Some((name.into(), format!("{rtype} {}", data.concat())))
            }
            _ => None,
        })
        .filter(|(name, _): &(String, _)| !["z.test.", "ns1.z.test."].contains(&&**name))
        .collect();
    let ours = records(ALL).into_iter().map(|record| match &record.splitn(3, ' ').collect::<Vec<_>>()[..] {
        [name, "300", data] => (String::from(*name), String::from(*data)),
        _ => panic!("{record}"),
    });
    let ours: BTreeMap<_, _> = ours.collect();
    for (name, data) in &theirs {
        assert_eq!(ours.get(name), Some(data), "{name}");
    }
    assert_eq!((ours.len(), ours.len()), (theirs.len(), ALL.lines().count()));
}
