//! Names and texts as master files write them (RFC 1035 §5.1), into the octets that are sent.

use arrayvec::ArrayVec;

use super::{entries::Word, mistake::NotAName};

/// A name in wire form (RFC 1035 §3.1), letters as written.
pub(super) type Wire = ArrayVec<u8, 255>;

/// Octets of the longest label.
const MAX_LABEL: usize = 63;

/// An escape that is none: `\` at a word's end, or with digits that are no octet's number.
#[derive(Debug)]
pub(super) struct BadEscape;

/// The octets of a word, each with whether it was escaped.
pub(super) struct Octets<'w>(pub(super) &'w [u8]);

impl Iterator for Octets<'_> {
    type Item = Result<(u8, bool), BadEscape>;

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        if *first != b'\\' {
            return Some(Ok((*first, false)));
        }
        let (octet, rest) = match rest {
            [a @ b'0'..=b'2', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
                let number = [a, b, c].into_iter().fold(0_u16, |n, d| n * 10 + u16::from(d - b'0'));
                (u8::try_from(number).ok(), rest)
            }
            [b'0'..=b'9', ..] => (None, rest),
            [other, rest @ ..] => (Some(*other), rest),
            [] => (None, rest),
        };
        self.0 = rest;
        Some(octet.map(|octet| (octet, true)).ok_or(BadEscape))
    }
}

/// The name that `word` writes; one without a dot at its end is below `origin`, and `@` is `origin` itself.
pub(super) fn name(word: &Word<'_>, origin: &[u8]) -> Result<Wire, NotAName> {
    let mut wire = Wire::new();
    if word.is_at() {
        wire.try_extend_from_slice(origin).map_err(|_| NotAName::Long)?;
        return Ok(wire);
    }
    if word.raw == b"." {
        wire.push(0);
        return Ok(wire);
    }
    let (mut label, mut absolute) = (0, false); // where the label's length stands; whether a dot was the last
    wire.push(0);
    for octet in Octets(word.raw) {
        let (octet, escaped) = octet.map_err(|_| NotAName::Escape)?;
        if absolute {
            label = wire.len();
            wire.try_push(0).map_err(|_| NotAName::Long)?;
        }
        absolute = octet == b'.' && !escaped;
        if absolute {
            close(&mut wire, label)?;
        } else if escaped || (octet.is_ascii_graphic() && octet != b'"') {
            wire.try_push(octet).map_err(|_| NotAName::Long)?;
        } else {
            return Err(NotAName::Octet);
        }
    }
    if absolute {
        wire.try_push(0).map_err(|_| NotAName::Long)?;
    } else {
        close(&mut wire, label)?;
        wire.try_extend_from_slice(origin).map_err(|_| NotAName::Long)?;
    }
    Ok(wire)
}

/// Ends the label whose length stands at `label`.
fn close(wire: &mut Wire, label: usize) -> Result<(), NotAName> {
    let length = wire.len() - label - 1;
    match length {
        0 => Err(NotAName::Empty),
        1..=MAX_LABEL => {
            wire[label] = length as u8;
            Ok(())
        }
        _ => Err(NotAName::Label),
    }
}

/// The labels of a name in wire form, the root's not among them.
pub(super) fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first().filter(|(length, _)| **length > 0)?;
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        Some(label)
    })
}

/// As it would be written: with a dot at its end, and decimal escapes (hickory's are octal).
pub(super) fn shown<'n>(labels: impl Iterator<Item = &'n [u8]>) -> String {
    let mut shown = String::new();
    for label in labels {
        for octet in label {
            match octet {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => shown.extend(['\\', char::from(*octet)]),
                b'!'..=b'~' => shown.push(char::from(*octet)),
                other => shown.push_str(&format!("\\{other:03}")),
            }
        }
        shown.push('.');
    }
    if shown.is_empty() { ".".into() } else { shown }
}

/// Octets of the name at the beginning of `bytes`, uncompressed; `None` if there is none.
pub(super) fn name_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += length + 1;
        if length > MAX_LABEL || at > Wire::new_const().capacity() {
            return None;
        }
        if length == 0 {
            return Some(at);
        }
    }
}

/// Octets that compare as RFC 4034 §6.1 orders names: label by label from the right, lower case, a parent before its
/// children. The octets of a name are a beginning of those of every name below it.
///
/// Each label ends in 0; a 0 in it, and the 1 that says so, become two octets.
pub(crate) fn order(wire: &[u8]) -> Box<[u8]> {
    let labels: ArrayVec<&[u8], 128> = labels(wire).take(128).collect();
    let mut order = Vec::with_capacity(wire.len());
    for label in labels.iter().rev() {
        for octet in *label {
            match octet.to_ascii_lowercase() {
                low @ 0..=1 => order.extend([1, low + 1]),
                octet => order.push(octet),
            }
        }
        order.push(0);
    }
    order.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, NotAName> {
        name(&Word { raw: text.as_bytes(), quoted: false }, b"\x01z\0").map(|wire| wire.to_vec())
    }

    #[test]
    fn names_are_read_as_written() {
        let long =
            [&[b'a'; 63][..], &[b'b'; 63], &[b'c'; 63], &[b'd'; 59]].map(|l| String::from_utf8_lossy(l)).join(".");
        for (text, wire) in [
            ("@", &b"\x01z\0"[..]),
            (".", b"\0"),
            ("a", b"\x01a\x01z\0"),
            ("A.b.", b"\x01A\x01b\0"),
            ("*.a", b"\x01*\x01a\x01z\0"),
            (r"a\.b.c", b"\x03a.b\x01c\x01z\0"),
            (r"\000\255\@x", b"\x04\0\xff@x\x01z\0"),
            (r"\@", b"\x01@\x01z\0"),
        ] {
            assert_eq!(read(text).unwrap(), wire, "{text}");
            assert_eq!(read(&shown(labels(wire))).unwrap(), wire, "and back");
        }
        assert_eq!(read(&long).unwrap().len(), 255);
        for (text, told) in [
            ("a..b", "a label is empty"),
            (".a", "a label is empty"),
            ("", "a label is empty"),
            ("..", "a label is empty"),
            (&"a".repeat(64), "a label is longer than 63 octets"),
            (&format!("{long}d"), "it is longer than 255 octets"),
            (&format!("{long}ddd."), "it is longer than 255 octets"),
            (r"a\25", "a backslash in it is followed by neither three digits up to 255 nor another octet"),
            (r"a\256", "a backslash in it is followed by neither three digits up to 255 nor another octet"),
            ("a\\", "a backslash in it is followed by neither three digits up to 255 nor another octet"),
            ("caf\u{e9}", "letters beyond ASCII are written as xn--…, any other octet as \\DDD"),
            ("a\"b\"", "letters beyond ASCII are written as xn--…, any other octet as \\DDD"),
        ] {
            assert_eq!(read(text).map_err(|e| e.to_string()), Err(told.into()), "{text}");
        }
    }

    #[test]
    fn order_is_that_of_rfc_4034() {
        // The example of RFC 4034 §6.1.
        let names = [
            r"example",
            r"a.example",
            r"yljkjljk.a.example",
            r"Z.a.example",
            r"zABC.a.EXAMPLE",
            r"z.example",
            r"\001.z.example",
            r"*.z.example",
            r"\200.z.example",
        ];
        let orders: Vec<_> = names.iter().map(|n| order(&read(&format!("{n}.")).unwrap())).collect();
        assert!(orders.is_sorted_by(|a, b| a < b));
        let order = |n: &str| order(&read(n).unwrap());
        assert_eq!(order("A.b."), order("a.B."));
        assert!(
            order(r"a.\000.") < order(r"\000\000.")
                && order(r"\000.") < order(r"\000\000.")
                && order(r"\001.") > order(r"\000\255.")
        );
        assert!(order("a.b.c.").starts_with(&order("b.c.")) && !order("xb.c.").starts_with(&order("b.c.")));
        assert_eq!(order("."), Box::<[u8]>::default());
    }

    #[test]
    fn lengths_of_names_are_measured() {
        assert_eq!(name_length(b"\x01a\0rest"), Some(3));
        for bad in [&b""[..], b"\x01", b"\x01a", b"\xc0\x0c", &[1; 300]] {
            assert_eq!(name_length(bad), None);
        }
    }
}
