//! Texts that nobody would write.

use super::*;

/// Entries of all kinds, to be torn apart.
const WHOLE: &str = concat!(
    "$TTL 1h\n@ SOA ns1 admin ( 1 1h ; c\n 15m 1w 60 )\n  NS ns1\nns1 A 192.0.2.1\n",
    include_str!("types.zone"),
    "$ORIGIN sub\n$GENERATE 1-3/2 a${1,2,n} 60 IN MX \"$ m$$\"\n$INCLUDE x y\n*.a NS \\\\b\\.\\000c\n",
);

#[test]
fn no_text_makes_the_reader_fall() {
    let mut random = fastrand::Rng::with_seed(7);
    let lines: Vec<&str> = WHOLE.split_inclusive('\n').collect();
    let (mut good, mut texts) = (0, 0);
    for _ in 0..20_000 {
        let mut text: Vec<u8> = HEAD.into();
        for _ in 0..random.usize(0..4) {
            let line = lines[random.usize(0..lines.len())].as_bytes();
            text.extend(line);
            let torn = text.len() - line.len()..text.len();
            for _ in 0..random.usize(0..3) {
                let at = random.usize(torn.clone());
                match random.u8(0..4) {
                    0 => text[at] = random.u8(..),
                    1 => text[at] = b"\\\"();$@.{}#=,0 \n"[random.usize(0..16)],
                    2 => text.truncate(at + 1),
                    _ => text.insert(at, b"\\\"();$@.{}#=,0 \n"[random.usize(0..16)]),
                }
                if text.len() <= torn.start {
                    break;
                }
                text.resize(text.len().max(torn.end), b' ');
            }
        }
        texts += 1;
        match Zone::of_text("z.test", &text) {
            Ok(zone) => {
                good += 1;
                assert!(zone.sets.is_sorted_by_key(|set| (set.name.to_lowercase(), u16::from(set.rtype))), "in order");
            }
            Err(error) => assert!(error.to_string().starts_with("z.test.zone:"), "{error}"),
        }
    }
    assert!(good > texts / 10 && good < texts * 9 / 10, "{good} of {texts} texts were zones");
}

#[test]
fn generic_data_are_whole_or_refused() {
    let mut random = fastrand::Rng::with_seed(8);
    for _ in 0..20_000 {
        let (code, length) = (random.u16(1..300), random.usize(0..24));
        let octets: Vec<u8> = (0..length).map(|_| random.u8(..) & random.u8(..) & random.u8(..)).collect();
        let text = format!("{HEAD}a TYPE{code} \\# {length} {}\n", hex(&octets));
        if let Ok(zone) = zone(&text)
            && let Some(set) = zone.sets.iter().find(|set| u16::from(set.rtype) == code && set.name.num_labels() == 3)
        {
            assert_eq!(set.data.len(), 1);
        }
    }
}
