//! A domain name as a look-up key.

use arrayvec::{ArrayString, ArrayVec};
use hickory_proto::rr::Name;

/// A name in wire form (RFC 1035 §3.1), lower case. Each of its ancestors is a suffix of it, so that walking a tree of
/// names takes no copy.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    wire: ArrayVec<u8, 255>,
    /// Where each label begins; the last is the root's.
    starts: ArrayVec<u8, 128>,
}

impl Key {
    pub(crate) fn new(name: &Name) -> Self {
        let mut key = Self { wire: ArrayVec::new(), starts: ArrayVec::new() };
        for label in name {
            key.starts.push(key.wire.len() as u8);
            key.wire.push(label.len() as u8);
            key.wire.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        key.starts.push(key.wire.len() as u8);
        key.wire.push(0);
        key
    }

    /// How many labels, the root's not counted.
    pub(crate) fn labels(&self) -> usize {
        self.starts.len() - 1
    }

    /// The name of its last `labels` labels: 0 is the root, [`Key::labels`] the name itself.
    pub(crate) fn suffix(&self, labels: usize) -> &[u8] {
        &self.wire[usize::from(self.starts[self.labels() - labels])..]
    }

    /// As policies write names: without the trailing dot. `None` for what no policy can name: other than ASCII, or a dot
    /// inside a label.
    pub(crate) fn text(&self) -> Option<ArrayString<255>> {
        let mut text = ArrayString::new();
        for (i, start) in self.starts[..self.labels()].iter().enumerate() {
            let start = usize::from(*start);
            let label = &self.wire[start + 1..][..usize::from(self.wire[start])];
            let label = std::str::from_utf8(label).ok().filter(|l| l.is_ascii() && !l.contains('.'))?;
            if i > 0 {
                text.push('.');
            }
            text.push_str(label);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_suffixes() {
        let key = Key::new(&Name::from_ascii("Live.Fairway.TEST.").unwrap());
        assert_eq!(key.labels(), 3);
        assert_eq!(key.suffix(3), b"\x04live\x07fairway\x04test\0");
        assert_eq!(key.suffix(1), b"\x04test\0");
        assert_eq!(key.suffix(0), b"\0");
        assert_eq!(key.text().as_deref(), Some("live.fairway.test"));
    }

    #[test]
    fn what_no_policy_can_name_has_no_text() {
        assert_eq!(Key::new(&Name::from_ascii(r"a\.b.test.").unwrap()).text(), None);
        assert_eq!(Key::new(&Name::from_labels([&b"\xff"[..], b"test"]).unwrap()).text(), None);
    }

    #[test]
    fn the_longest_name_fits() {
        let (long, last) = ([b'a'; 63], [b'a'; 61]);
        let key = Key::new(&Name::from_labels([&long[..], &long, &long, &last]).unwrap());
        assert_eq!(key.suffix(4).len(), 255);
        let many = Name::from_labels(std::iter::repeat_n(&b"a"[..], 127)).unwrap();
        assert_eq!(Key::new(&many).labels(), 127);
        assert_eq!(Key::new(&many).text().map(|t| t.len()), Some(253));
    }
}
