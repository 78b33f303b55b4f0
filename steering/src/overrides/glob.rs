//! Globs of ids: `*` is any run of characters, none among them; `?` is any one.

/// Whether `pattern` matches the whole of `text`. Ids are ASCII, and so bytes do.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Where both stand, and where to go on when a star has to take one character more.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, is) in [
            ("*", "", true),
            ("*", "cdn-a", true),
            ("cdn-?", "cdn-a", true),
            ("cdn-?", "cdn-", false),
            ("cdn-*", "cdn-", true),
            ("*-a", "cdn-b-a", true),
            ("c*n*a", "cdn-cdn-a", true),
            ("c*n*a", "cdn-cdn-b", false),
            ("**a*", "cdn-a", true),
            ("cdn-a", "cdn-a", true),
            ("cdn-a", "cdn-ab", false),
            ("cdn-a", "CDN-A", false),
            ("", "a", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern:?} {text:?}");
        }
    }
}
