//! A master file's text as entries and words (RFC 1035 §5.1). What a word means is not known here.
//!
//! The text is octets, not characters: a file of the last century may hold Latin-1 in a comment or a text, and is none
//! the worse for it. Words are slices of the file, with their escapes still in them, because what an escaped octet means
//! depends on what the word is: `\.` in a name is not `.`. Nothing is copied.
//!
//! Quotes begin a word of their own, which ends with them; inside a word they belong to it (`alpn="h2,h3"`), blanks and
//! all. A quoted text ends on its line: RFC 1035 would let it go on, but then one forgotten quote swallows a file, and
//! no server in use reads it so.

use super::mistake::Mistake;

/// A word of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'t> {
    /// As written, escapes included, without the quotes around it.
    pub(super) raw: &'t [u8],
    /// Whether it stood in quotes.
    pub(super) quoted: bool,
}

impl Word<'_> {
    /// As it is repeated to the operator: at most so much as he needs to find it.
    pub(super) fn told(&self) -> String {
        const LONGEST: usize = 60;
        let told = String::from_utf8_lossy(self.raw);
        match told.char_indices().nth(LONGEST) {
            Some((cut, _)) => format!("{}…", &told[..cut]),
            None => told.into_owned(),
        }
    }

    /// Whether it is the origin's `@`.
    pub(super) fn is_at(&self) -> bool {
        !self.quoted && self.raw == b"@"
    }
}

/// Where an entry begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// From 1.
    pub(super) line: usize,
    /// Whether it begins with a blank: its owner is that of the record before.
    pub(super) indented: bool,
}

/// The entries of a text, in turn.
pub(super) struct Entries<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

impl<'t> Entries<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        // Some editors begin a file with a byte order mark, which no operator sees.
        let at = if text.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        Self { text, at, line: 1 }
    }

    /// Puts the next entry's words in the place of `words`, none of them for an empty line; `None` at the end. A mistake
    /// has the line where it is seen; what follows it cannot be read.
    pub(super) fn next(&mut self, words: &mut Vec<Word<'t>>) -> Option<Result<Entry, (usize, Mistake)>> {
        words.clear();
        let first = self.text.get(self.at)?;
        let entry = Entry { line: self.line, indented: first.is_ascii_whitespace() };
        let mut open = Vec::new(); // the lines of the parentheses
        loop {
            match self.text.get(self.at) {
                None => break,
                Some(b'\n') => {
                    self.line += 1;
                    self.at += 1;
                    if open.is_empty() {
                        break;
                    }
                }
                Some(b';') => self.at = self.end_of_line(),
                Some(b'(') => {
                    open.push(self.line);
                    self.at += 1;
                }
                Some(b')') => {
                    if open.pop().is_none() {
                        return Some(Err((self.line, Mistake::Parenthesis)));
                    }
                    self.at += 1;
                }
                Some(b) if is_blank(*b) => self.at += 1,
                Some(_) => match self.word() {
                    Some(word) => words.push(word),
                    None => return Some(Err((self.line, Mistake::Quote))),
                },
            }
        }
        Some(match open.first() {
            Some(line) => Err((*line, Mistake::Parenthesis)),
            None => Ok(entry),
        })
    }

    fn end_of_line(&self) -> usize {
        self.text[self.at..].iter().position(|b| *b == b'\n').map_or(self.text.len(), |n| self.at + n)
    }

    /// The word that begins here; `None` where a quote is not closed.
    fn word(&mut self) -> Option<Word<'t>> {
        let begin = self.at;
        if self.text[begin] == b'"' {
            self.quoted()?;
            return Some(Word { raw: &self.text[begin + 1..self.at - 1], quoted: true });
        }
        while let Some(b) = self.text.get(self.at) {
            match b {
                b'\n' | b';' | b'(' | b')' => break,
                b if is_blank(*b) => break,
                b'"' => self.quoted()?,
                b'\\' => self.escaped(),
                _ => self.at += 1,
            }
        }
        Some(Word { raw: &self.text[begin..self.at], quoted: false })
    }

    /// Passes over `"…"`.
    fn quoted(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.text.get(self.at)? {
                b'\n' => return None,
                b'"' => break,
                b'\\' => self.escaped(),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Passes over a backslash and what it protects, which is never the end of the line.
    fn escaped(&mut self) {
        self.at += 1;
        self.at += usize::from(self.text.get(self.at).is_some_and(|b| *b != b'\n'));
    }
}

/// What stands between words: a carriage return too, so that lines may end as on Windows.
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each entry as `line: words`, `>` for an indented one, quoted words in angles; or the mistake.
    fn told(text: &str) -> Vec<String> {
        let (mut entries, mut words, mut told) = (Entries::new(text.as_bytes()), Vec::new(), Vec::new());
        while let Some(entry) = entries.next(&mut words) {
            match entry {
                Ok(_) if words.is_empty() => {}
                Ok(Entry { line, indented }) => {
                    let words = words.iter().map(|w| if w.quoted { format!("<{}>", w.told()) } else { w.told() });
                    told.push(format!(
                        "{line}:{} {}",
                        if indented { ">" } else { "" },
                        words.collect::<Vec<_>>().join(" ")
                    ));
                }
                Err((line, mistake)) => {
                    told.push(format!("{line}! {mistake}"));
                    break;
                }
            }
        }
        told
    }

    #[test]
    fn words_stand_between_blanks_and_comments() {
        assert_eq!(told("a  B\tc;x \"(\r\n\n ; nothing\n d\r\ne"), ["1: a B c", "4:> d", "5: e"]);
        assert_eq!(told("\u{feff}a b"), ["1: a b"]);
        assert_eq!(told(""), [""; 0]);
    }

    #[test]
    fn parentheses_join_lines() {
        assert_eq!(told("a (b ;)\n(c\n)d\n) e\nf"), ["1: a b c d e", "5: f"]);
        assert_eq!(told("a\nb (\n(c)\n"), ["1: a", "2! unbalanced parenthesis"]);
        assert_eq!(told("a\nb )"), ["1: a", "2! unbalanced parenthesis"]);
    }

    #[test]
    fn quotes_and_escapes_protect() {
        assert_eq!(told(r#"a "b ;( c""d" \"e\;"#), [r#"1: a <b ;( c> <d> \"e\;"#]);
        assert_eq!(told(r#"a "b\"c" d="e f" \032"#), [r#"1: a <b\"c> d="e f" \032"#]);
        for open in ["a\nb \"c\nd\"", "a\nb \"c", "a\nb \"c\\\nd\"", "a\nb c=\"d"] {
            assert_eq!(told(open), ["1: a", "2! a quoted text does not end on its line"], "{open:?}");
        }
        assert_eq!(told("a\\\nb\\"), ["1: a\\", "2: b\\"]);
    }
}
