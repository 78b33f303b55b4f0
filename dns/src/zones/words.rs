//! The words of a record's data, and what one of them may be: a number, a time.

use super::{entries::Word, mistake::NotData};

/// The words of a record's data, of which fields take what is theirs.
pub(super) struct Words<'w> {
    rest: &'w [Word<'w>],
    pub(super) origin: &'w [u8],
}

impl<'w> Words<'w> {
    pub(super) fn new(rest: &'w [Word<'w>], origin: &'w [u8]) -> Self {
        Self { rest, origin }
    }

    pub(super) fn peek(&self) -> Option<&'w Word<'w>> {
        self.rest.first()
    }

    /// The next word, which is to be this.
    pub(super) fn next(&mut self, needs: &'static str) -> Result<&'w Word<'w>, NotData> {
        let (word, rest) = self.rest.split_first().ok_or(NotData::Missing(needs))?;
        self.rest = rest;
        Ok(word)
    }

    /// The next word, as that which `read` takes it for.
    pub(super) fn take<T>(
        &mut self,
        needs: &'static str,
        read: impl FnOnce(&'w [u8]) -> Option<T>,
    ) -> Result<T, NotData> {
        let word = self.next(needs)?;
        read(word.raw).ok_or_else(|| wrong(word, needs))
    }

    /// A number; digits alone, for `+1` is none.
    pub(super) fn number<T: std::str::FromStr>(&mut self, needs: &'static str) -> Result<T, NotData> {
        self.take(needs, number)
    }

    /// The remaining words as one text: what is written in hex or base 64 may hold blanks.
    pub(super) fn joined<T>(
        &mut self,
        needs: &'static str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, NotData> {
        let first = self.peek().ok_or(NotData::Missing(needs))?;
        let all: Vec<u8> = self.rest.iter().flat_map(|word| word.raw).copied().collect();
        let read = read(&all).ok_or_else(|| wrong(first, needs))?;
        self.rest = &[];
        Ok(read)
    }
}

/// A word that is something else.
pub(super) fn wrong(word: &Word<'_>, needs: &'static str) -> NotData {
    NotData::Word { word: word.told(), needs }
}

/// A number written in digits alone.
pub(super) fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    parsed(Some(digits).filter(|d| d.iter().all(u8::is_ascii_digit))?)
}

/// What its text is read as by its own type.
pub(super) fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds, as `300` or as `1h30m`; at most 2³¹ − 1 (RFC 2181 §8).
pub(super) fn time(word: &[u8]) -> Option<u32> {
    let (mut seconds, mut amount) = (0_u64, None::<u64>);
    for b in word {
        if b.is_ascii_digit() {
            amount = Some(amount.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(b - b'0'))?);
            continue;
        }
        let unit = match b.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(amount.take()?.checked_mul(unit)?)?;
    }
    if word.is_empty() || (amount.is_some() && word.iter().any(|b| !b.is_ascii_digit())) {
        return None; // `1h30` may be thirty of anything
    }
    let seconds = seconds.checked_add(amount.unwrap_or(0))?;
    u32::try_from(seconds).ok().filter(|s| *s <= i32::MAX as u32)
}
