//! Every key of every table: its example, its default.

use super::good;
use crate::{
    model::{Policy, Step},
    parse::{case, cost, head, pathway},
    reading::{Absent, Choice, Key, Table},
    steps::{COMMON, STEPS, when, window},
};

/// All pathways that examples name, the last of them without a word too many.
const FOUR: &str = "
[[pathway]]
id = 'cdn-b'
url = 'https://cdn-b.example.net/'
location = { lat = 1, lon = 2 }
capacity = '1 Gbit/s'
cost = { per_tb = 20 }
addresses = ['192.0.2.2']
[[pathway]]
id = 'cdn-c'
url = 'https://cdn-c.example.net/'
[[pathway]]
id = 'origin'
url = 'https://origin.example.net/'
[[pathway]]
";
const A: &str = "id = 'cdn-a'\nurl = 'https://cdn-a.example.net/'\n";

/// Every table of the language, and what stands above its keys in a file.
fn sections() -> Vec<(&'static Table, String)> {
    let step = |header: &str| format!("{FOUR}{A}[[step]]\ndo = 'limit'\nto = 1\n{header}\n");
    let test = |header: &str| format!("{FOUR}{A}[[test]]\nname = 'n'\nexpect = {{ ttl = '20s' }}\n{header}\n");
    let in_pathway = |header: &str| format!("{FOUR}{A}{header}\n");
    let mut sections = vec![
        (&head::TABLE, String::new()),
        (&pathway::TABLE, FOUR.to_owned()),
        (&pathway::LOCATION, in_pathway("[pathway.location]")),
        (&pathway::PROBE, in_pathway("[pathway.probe]")),
        (&cost::TABLE, in_pathway("[pathway.cost]")),
        (&cost::TIER, in_pathway("[[pathway.cost.tiers]]\nabove_tb = 0\nper_tb = 30\n[[pathway.cost.tiers]]")),
        (&when::TABLE, step("[step.when]")),
        (&window::TABLE, step("[[step.when.time]]")),
        (&case::TABLE, format!("{FOUR}{A}[[test]]\n")),
        (&case::CLIENT, test("[test.client]")),
        (&case::GIVEN, test("[test.given]")),
        (&case::CELL, test("[[test.given.cells]]")),
        (&case::EXPECT, format!("{FOUR}{A}[[test]]\nname = 'n'\n[test.expect]\n")),
    ];
    sections.extend(STEPS.iter().map(|d| (&d.table, format!("{FOUR}{A}[[step]]\ndo = '{}'\n", d.name))));
    sections
}

/// The file in which the table has what it needs, and this.
fn file(table: &Table, above: &str, key: &Key, value: Option<&str>) -> String {
    let chosen = match table.choice {
        Choice::One(keys) if !keys.contains(&key.name) => Some(keys[0]),
        _ => None,
    };
    let needed = |other: &&Key| {
        let alone =
            [("scale_at", "capacity"), ("from", "to"), ("to", "from"), ("asn", "country"), ("alpn", "addresses")];
        let beside = alone.contains(&(key.name, other.name));
        other.name != key.name
            && !other.example.is_empty()
            && (other.absent == Absent::Refused || Some(other.name) == chosen || beside)
    };
    let line = |key: &Key, value: &str| format!("{} = {value}\n", key.name);
    let mut body: String = table.keys.iter().filter(needed).map(|other| line(other, other.example)).collect();
    body += &value.map_or(String::new(), |value| line(key, value));
    match above {
        "" => format!("{body}{FOUR}{A}"),
        above => format!("{above}{}", body),
    }
}

/// A policy without what depends on lines.
fn plain(policy: Policy) -> Policy {
    let steps = policy.steps.into_iter().map(|step| Step { line: 0, ..step }).collect();
    Policy { text: "".into(), steps, ..policy }
}

#[test]
fn a_default_written_out_means_the_same_as_one_left_out() {
    for (table, above) in sections() {
        for key in table.keys {
            let Absent::Means(default) = key.absent else { continue };
            let [without, with] = [None, Some(default)].map(|value| plain(good(&file(table, &above, key, value))));
            assert_eq!(without, with, "{} of {}", key.name, table.name);
        }
    }
}

#[test]
fn every_key_takes_its_example() {
    let mut seen = 0;
    for (table, above) in sections() {
        for key in table.keys.iter().filter(|key| !key.example.is_empty()) {
            good(&file(table, &above, key, Some(key.example)));
            seen += 1;
        }
    }
    assert!(seen > 90, "{seen} keys");
    assert_eq!(COMMON.keys.len(), 2, "what each step here has been read with");
}

#[test]
fn every_example_of_a_table_is_read() {
    let mut seen = 0;
    for (table, _) in sections() {
        for example in table.examples {
            good(&match table.name {
                "the head of a policy" => format!("{example}\n{FOUR}{A}"),
                "a pathway" => format!("{}{example}", FOUR.trim_end_matches("[[pathway]]\n")),
                "`when`" | "a time window" => format!("{FOUR}{A}[[step]]\ndo = 'limit'\nto = 1\n{example}"),
                _ => format!("{FOUR}{A}{example}"),
            });
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} examples");
}
