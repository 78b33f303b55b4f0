//! Master files (RFC 1035 §5): text in, records with their line out.
//!
//! hickory's parser knows every record type, but not where in the file it stands, and stumbles over quotes inside
//! parentheses and a lone `@` in a record's data. So this module finds the entries, makes one line of each, and hands it
//! to hickory with what it inherits from those before it: the origin, the owner, the TTL.

use std::{iter::Peekable, str::Chars};

use hickory_proto::{
    ProtoError,
    rr::{DNSClass, Name, Record},
    serialize::{
        binary::BinEncodable,
        txt::{ParseError, Parser, parse_ttl},
    },
};

/// What is wrong with an entry of a master file.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// hickory cannot read the entry.
    #[error("{0}")]
    Entry(#[from] ParseError),
    /// The record cannot be sent: a text over 255 octets, for instance.
    #[error("{0}")]
    Unsendable(#[from] ProtoError),
    /// `(` without `)`, or the reverse.
    #[error("unbalanced parenthesis")]
    Parenthesis,
    /// A line ends inside `"…"`.
    #[error("a quoted text does not end on its line")]
    Quote,
    /// `\DDD` inside `"…"`.
    #[error("\\DDD is not read inside quotes: write the character itself")]
    Octet,
    /// `$TTL` or `$ORIGIN` without a good value.
    #[error("{directive} needs {needs}")]
    Directive {
        /// The directive.
        directive: &'static str,
        /// What must follow it.
        needs: &'static str,
    },
    /// `$INCLUDE`, `$GENERATE`, or a word of somebody's own.
    #[error("{0} is not known; write the records out")]
    UnknownDirective(String),
    /// An entry begins with a blank, but no owner went before.
    #[error("there is no owner name yet to go on with")]
    NoOwner,
    /// A class other than IN.
    #[error("class {0}; only IN is served")]
    Class(DNSClass),
    /// `*` as first label.
    #[error("{0} is a wildcard; wildcards are not served: write each name")]
    Wildcard(String),
    /// The name is not at or below the zone's origin.
    #[error("{name} is not in zone {origin}")]
    OutOfZone {
        /// The owner.
        name: String,
        /// The zone's.
        origin: String,
    },
    /// A second SOA, or one that is not at the origin.
    #[error("a zone has one SOA, at its origin")]
    Soa,
    /// A CNAME beside other data, or two of them (RFC 1034 §3.6.2).
    #[error("{0} has a CNAME, and so can have no other record")]
    Cname(String),
    /// Records of one name and type whose TTL differs (RFC 2181 §5.2).
    #[error("ttl {ttl}, but other records of this name and type have {before}")]
    Ttl {
        /// Of this record.
        ttl: u32,
        /// Of those before it.
        before: u32,
    },
}

/// A record, or what is wrong where one should be, each with the line on which its entry begins, from 1.
pub(crate) type Line = Result<(usize, Record), (usize, Mistake)>;

/// The records of a master file, in its order. Nothing follows a mistake.
pub(crate) struct Records<'t> {
    text: Peekable<Chars<'t>>,
    line: usize,
    origin: Name,
    owner: Option<Name>,
    /// What `$TTL` says, else the last TTL written.
    ttl: Option<u32>,
    ttl_is_default: bool,
    broken: bool,
}

impl<'t> Records<'t> {
    /// Of a file whose origin, where it does not say so itself, is `origin` (absolute).
    pub(crate) fn new(text: &'t str, origin: Name) -> Self {
        let text = text.chars().peekable();
        Self { text, line: 1, origin, owner: None, ttl: None, ttl_is_default: false, broken: false }
    }

    /// The next entry as one line, with the number of the line on which it begins: comments and parentheses gone, a lone
    /// `@` spelled out. Blank entries are given too.
    fn entry(&mut self) -> Option<Result<(usize, String), (usize, Mistake)>> {
        self.text.peek()?;
        let (begins, mut entry, mut depth, mut quoted) = (self.line, String::new(), 0_u32, false);
        while let Some(c) = self.text.next() {
            match c {
                '\n' => {
                    self.line += 1;
                    if quoted {
                        return Some(Err((self.line - 1, Mistake::Quote)));
                    }
                    if depth == 0 {
                        return Some(Ok((begins, entry)));
                    }
                    entry.push(' ');
                }
                '\\' => {
                    entry.push(c);
                    if quoted && self.text.peek().is_some_and(char::is_ascii_digit) {
                        return Some(Err((self.line, Mistake::Octet)));
                    }
                    entry.extend(self.text.next_if(|c| *c != '\n'));
                }
                '"' => {
                    quoted = !quoted;
                    entry.push(c);
                }
                _ if quoted => entry.push(c),
                ';' => while self.text.next_if(|c| *c != '\n').is_some() {},
                '(' => {
                    depth += 1;
                    entry.push(' ');
                }
                ')' if depth == 0 => return Some(Err((self.line, Mistake::Parenthesis))),
                ')' => {
                    depth -= 1;
                    entry.push(' ');
                }
                '@' if self.stands_alone(&entry) => entry.push_str(&self.origin.to_ascii()),
                c => entry.push(if c.is_whitespace() { ' ' } else { c }),
            }
        }
        Some(match (quoted, depth) {
            (true, _) => Err((self.line, Mistake::Quote)),
            (_, 1..) => Err((begins, Mistake::Parenthesis)),
            _ => Ok((begins, entry)),
        })
    }

    /// Whether what has just been read stands between blanks.
    fn stands_alone(&mut self, before: &str) -> bool {
        (before.is_empty() || before.ends_with(' '))
            && self.text.peek().is_none_or(|c| c.is_whitespace() || matches!(c, ';' | '(' | ')'))
    }

    /// What an entry says: a record, or `None` for a directive, which is obeyed.
    fn read(&mut self, entry: &str) -> Result<Option<Record>, Mistake> {
        let mut words = entry.split_ascii_whitespace();
        match words.next() {
            None => return Ok(None),
            Some("$TTL") => {
                let needs = Mistake::Directive { directive: "$TTL", needs: "a time, as in 300 or 5m" };
                self.ttl = Some(words.next().and_then(|w| parse_ttl(w).ok()).ok_or(needs)?);
                self.ttl_is_default = true;
                return Ok(None);
            }
            Some("$ORIGIN") => {
                let needs = Mistake::Directive { directive: "$ORIGIN", needs: "a domain name" };
                let origin = words.next().and_then(|w| Name::parse(w, Some(&self.origin)).ok());
                self.origin = origin.ok_or(needs)?;
                return Ok(None);
            }
            Some(word) if word.starts_with('$') => return Err(Mistake::UnknownDirective(word.into())),
            Some(_) => {}
        }
        let owner = match (&self.owner, entry.starts_with(' ')) {
            (_, false) => String::new(),
            (Some(owner), true) => owner.to_ascii(),
            (None, true) => return Err(Mistake::NoOwner),
        };
        let ttl = self.ttl.map(|ttl| format!("$TTL {ttl}\n")).unwrap_or_default();
        let (_, sets) = Parser::new(format!("{ttl}{owner}{entry}\n"), None, Some(self.origin.clone())).parse()?;
        // hickory takes an owner without a type for nothing at all.
        let nothing = || Mistake::Entry(ParseError::Message("a name, but no record"));
        let record = sets.into_values().flat_map(|set| set.into_parts().records).next().ok_or_else(nothing)?;
        if record.dns_class != DNSClass::IN {
            return Err(Mistake::Class(record.dns_class));
        }
        record.to_bytes()?;
        if !self.ttl_is_default {
            self.ttl = Some(record.ttl);
        }
        self.owner = Some(record.name.clone());
        Ok(Some(record))
    }
}

impl Iterator for Records<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while !self.broken {
            let read = self.entry()?.and_then(|(line, entry)| match self.read(&entry) {
                Ok(record) => Ok(record.map(|r| (line, r))),
                Err(mistake) => Err((line, mistake)),
            });
            self.broken = read.is_err();
            if let Some(line) = read.transpose() {
                return Some(line);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RData;

    use super::*;

    fn records(text: &str) -> Vec<Line> {
        Records::new(text, Name::from_ascii("fairway.test.").unwrap()).collect()
    }

    /// Each record as `line: text`, or the mistake.
    fn told(text: &str) -> Vec<String> {
        let tell = |line: Line| match line {
            Ok((line, record)) => format!("{line}: {record}"),
            Err((line, mistake)) => format!("{line}! {mistake}"),
        };
        records(text).into_iter().map(tell).collect()
    }

    #[test]
    fn entries_inherit_origin_owner_and_ttl() {
        let text = "\
$TTL 5m ; five minutes
@   SOA ns1 admin ( 1 1h ; comment ) inside
        15m 1w
        60 )
    NS  ns1
ns1 A   192.0.2.1
    60 IN AAAA 2001:db8::1

$ORIGIN sub
@   MX 10 @
www CNAME @ ; the origin in a record's data
$ORIGIN other.test.
a A 192.0.2.2";
        assert_eq!(
            told(text),
            [
                "2: fairway.test. 300 IN SOA ns1.fairway.test. admin.fairway.test. 1 3600 900 604800 60",
                "5: fairway.test. 300 IN NS ns1.fairway.test.",
                "6: ns1.fairway.test. 300 IN A 192.0.2.1",
                "7: ns1.fairway.test. 60 IN AAAA 2001:db8::1",
                "10: sub.fairway.test. 300 IN MX 10 sub.fairway.test.",
                "11: www.sub.fairway.test. 300 IN CNAME sub.fairway.test.",
                "13: a.other.test. 300 IN A 192.0.2.2",
            ]
        );
    }

    #[test]
    fn without_a_default_the_last_ttl_holds() {
        assert_eq!(
            told("a 60 A 192.0.2.1\nb A 192.0.2.2\nc 30 A 192.0.2.3\nd A 192.0.2.4"),
            [
                "1: a.fairway.test. 60 IN A 192.0.2.1",
                "2: b.fairway.test. 60 IN A 192.0.2.2",
                "3: c.fairway.test. 30 IN A 192.0.2.3",
                "4: d.fairway.test. 30 IN A 192.0.2.4"
            ]
        );
        assert_eq!(told("a A 192.0.2.1"), ["1! record ttl not specified"]);
    }

    #[test]
    fn quotes_keep_what_they_hold() {
        let [Ok((1, record))] = &records("a 60 TXT ( \"v=1; (x) @ y\"\n \"two\" )")[..] else { panic!("one record") };
        let RData::TXT(txt) = &record.data else { panic!("a text") };
        assert_eq!(*txt.txt_data, [b"v=1; (x) @ y".as_slice().into(), b"two".as_slice().into()]);
    }

    #[test]
    fn a_mistake_has_its_line_and_ends_the_file() {
        for (text, told_) in [
            ("$TTL 60\na A 192.0.2\nb A 192.0.2.1", "2! network address parse error: invalid IPv4 address syntax"),
            ("$TTL 60\n\n a A 192.0.2.1", "3! there is no owner name yet to go on with"),
            ("$TTL 60\na\n", "2! a name, but no record"),
            ("$TTL soon", "1! $TTL needs a time, as in 300 or 5m"),
            ("\n$ORIGIN", "2! $ORIGIN needs a domain name"),
            ("$INCLUDE other.zone", "1! $INCLUDE is not known; write the records out"),
            ("$GENERATE 1-9 a$ A 192.0.2.$", "1! $GENERATE is not known; write the records out"),
            ("\na 60 TXT \"open\nb 60 A 192.0.2.1", "2! a quoted text does not end on its line"),
            ("\na 60 TXT (\n\"x\"\n", "2! unbalanced parenthesis"),
            ("a 60 TXT x )", "1! unbalanced parenthesis"),
            (r#"a 60 TXT "\065""#, "1! \\DDD is not read inside quotes: write the character itself"),
            ("a 60 CH TXT x", "1! class CH; only IN is served"),
            ("a 60 IN NONSENSE x", "1! "),
        ] {
            let got = told(text);
            assert!(got.last().is_some_and(|l| l.starts_with(told_)), "{text:?} gives {got:?}, not {told_:?}");
            assert_eq!(got.iter().filter(|l| l.contains("! ")).count(), 1, "{got:?}");
        }
        assert!(told(&format!("a 60 TXT \"{}\"", "x".repeat(256)))[0].starts_with("1! "));
    }
}
