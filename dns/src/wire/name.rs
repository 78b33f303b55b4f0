//! A domain name as a look-up key.

use arrayvec::ArrayString;
use hickory_proto::rr::Name;

/// Octets of the longest name (RFC 1035 §3.1).
pub(crate) const MAX_NAME: usize = 255;
/// Labels of the name that has the most, the root's included.
const MAX_LABELS: usize = 128;

/// A name in wire form (RFC 1035 §3.1), lower case. Each of its ancestors is a suffix of it, so that walking a tree of
/// names takes no copy.
#[derive(Clone)]
pub(crate) struct Key {
    wire: [u8; MAX_NAME],
    length: u8,
    /// Where each label begins; the last is the root's.
    starts: [u8; MAX_LABELS],
    /// The root's not counted.
    labels: u8,
}

impl Key {
    pub(crate) fn new(name: &Name) -> Self {
        let (mut wire, mut at) = ([0; MAX_NAME], 0);
        for label in name {
            wire[at] = label.len() as u8; // a Name's labels are 63 octets at most, and all of it 255
            wire[at + 1..][..label.len()].copy_from_slice(label);
            at += label.len() + 1;
        }
        Self::of(wire, at + 1)
    }

    /// The root.
    pub(crate) const ROOT: Self = Self { wire: [0; MAX_NAME], length: 1, starts: [0; MAX_LABELS], labels: 0 };

    /// The name at the beginning of `bytes`, written out (no pointer), and the octets that it takes; `None` where there is
    /// no such name.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut key = Self::ROOT;
        let length = key.fill(bytes)?;
        Some((key, length))
    }

    /// The same, into the place of the root: a name is four hundred octets to move. After `None` it is no name.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let length = usize::from(*bytes.get(at)?);
            if length > 63 || at + length >= MAX_NAME {
                return None;
            }
            self.starts[usize::from(self.labels)] = at as u8;
            at += length + 1;
            if length == 0 {
                break;
            }
            self.labels += 1;
        }
        self.length = at as u8;
        self.wire[..at].copy_from_slice(bytes.get(..at)?);
        // Lengths are under 64, below every letter: they may be lowered with the letters.
        self.wire[..at].make_ascii_lowercase();
        Some(at)
    }

    /// Of a whole and well-formed name.
    fn of(wire: [u8; MAX_NAME], length: usize) -> Self {
        let mut key = Self { wire, length: length as u8, starts: [0; MAX_LABELS], labels: 0 };
        key.wire[..length].make_ascii_lowercase();
        let mut at = 0;
        while wire[at] != 0 {
            key.starts[usize::from(key.labels)] = at as u8;
            key.labels += 1;
            at += usize::from(wire[at]) + 1;
        }
        key.starts[usize::from(key.labels)] = at as u8;
        key
    }

    /// The `*` below this name's last `labels` labels (RFC 4592); `None` where that is too long to be a name.
    pub(crate) fn wildcard(&self, labels: usize) -> Option<Self> {
        let parent = self.suffix(labels);
        let mut wire = [0; MAX_NAME];
        wire[..2].copy_from_slice(b"\x01*");
        wire.get_mut(2..)?.get_mut(..parent.len())?.copy_from_slice(parent);
        Some(Self::of(wire, parent.len() + 2))
    }

    /// Whether its first label is `*` (RFC 4592 §2.1.1).
    pub(crate) fn is_wildcard(&self) -> bool {
        self.wire.starts_with(b"\x01*")
    }

    /// All of it.
    pub(crate) fn as_wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.length)]
    }

    /// How many labels, the root's not counted.
    pub(crate) fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// Where in the wire form its last `labels` labels begin.
    pub(crate) fn start(&self, labels: usize) -> usize {
        usize::from(self.starts[self.labels() - labels])
    }

    /// The name of its last `labels` labels: 0 is the root, [`Key::labels`] the name itself.
    pub(crate) fn suffix(&self, labels: usize) -> &[u8] {
        &self.wire[self.start(labels)..usize::from(self.length)]
    }

    /// Whether it is `ancestor`, or below it.
    pub(crate) fn is_within(&self, ancestor: &Self) -> bool {
        ancestor.labels <= self.labels && self.suffix(ancestor.labels()) == ancestor.as_wire()
    }

    /// As policies write names: without the trailing dot. `None` for what no policy can name: other than ASCII, or a dot
    /// inside a label.
    pub(crate) fn text(&self) -> Option<ArrayString<MAX_NAME>> {
        let mut text = ArrayString::new();
        for labels in (1..=self.labels()).rev() {
            let start = self.start(labels);
            let label = &self.wire[start + 1..][..usize::from(self.wire[start])];
            let label = std::str::from_utf8(label).ok().filter(|l| l.is_ascii() && !l.contains('.'))?;
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(label);
        }
        Some(text)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.as_wire().escape_ascii())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_wire() == other.as_wire()
    }
}

impl Eq for Key {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new(&Name::from_ascii(name).unwrap())
    }

    #[test]
    fn ancestors_are_suffixes() {
        let key = key("Live.Fairway.TEST.");
        assert_eq!(key.labels(), 3);
        assert_eq!(key.suffix(3), b"\x04live\x07fairway\x04test\0");
        assert_eq!(key.suffix(1), b"\x04test\0");
        assert_eq!(key.suffix(0), b"\0");
        assert_eq!(key.text().as_deref(), Some("live.fairway.test"));
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let bytes = b"\x04LIVE\x07fairway\x04test\0rest";
        let (read, length) = Key::read(bytes).unwrap();
        assert_eq!((&read, length), (&key("live.fairway.test."), bytes.len() - 4));
        assert_eq!((read.labels(), read.start(1)), (3, 13));
        let (root, length) = Key::read(b"\0").unwrap();
        assert_eq!((root.labels(), length, root.suffix(0)), (0, 1, &b"\0"[..]));
        for bad in [&b""[..], b"\x04live", b"\x04liv", b"\xc0\x0c", b"\x40", &[1; 300]] {
            assert!(Key::read(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn within_is_by_labels() {
        assert!(key("a.b.test.").is_within(&key("b.test.")) && key("b.test.").is_within(&key("b.test.")));
        assert!(!key("ab.test.").is_within(&key("b.test.")) && !key("test.").is_within(&key("b.test.")));
        assert!(key("test.").is_within(&key(".")));
        assert_eq!(key("a.b.test.").wildcard(2).unwrap(), key("*.b.test."));
    }

    #[test]
    fn what_no_policy_can_name_has_no_text() {
        assert_eq!(key(r"a\.b.test.").text(), None);
        assert_eq!(Key::new(&Name::from_labels([&b"\xff"[..], b"test"]).unwrap()).text(), None);
    }

    #[test]
    fn the_longest_name_fits() {
        let (long, last) = ([b'a'; 63], [b'a'; 61]);
        let longest = Key::new(&Name::from_labels([&long[..], &long, &long, &last]).unwrap());
        assert_eq!(longest.suffix(4).len(), 255);
        assert_eq!(Key::read(longest.as_wire()).unwrap(), (longest.clone(), 255));
        assert!(longest.wildcard(4).is_none());
        let many = Name::from_labels(std::iter::repeat_n(&b"a"[..], 127)).unwrap();
        assert_eq!(Key::new(&many).labels(), 127);
        assert_eq!(Key::read(Key::new(&many).as_wire()).unwrap().0.labels(), 127);
        assert_eq!(Key::new(&many).text().map(|t| t.len()), Some(253));
    }
}
