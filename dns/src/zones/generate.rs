//! `$GENERATE start-stop[/step] lhs [ttl] [class] type rhs`: one entry for each number, as in BIND.
//!
//! `$` stands for the number, `${offset,width,base}` for it with `offset` added, at least `width` characters wide, in
//! base `d`, `o`, `x`, `X`, or `n` and `N` (hex digits from the last, dots between, as reverse names of IPv6 have them).
//! `\$` and `$$` are a `$`. Words after the type are all expanded; if there is but one, in quotes, then, as in BIND, what
//! the quotes hold is what would stand there: `MX "10 mail$"`.
//!
//! Each entry is written out and read as if it stood in the file, so that every rule of entries is in one place.

use super::{entries::Word, mistake::Mistake, types::class, words::number};

/// Entries of one directive: the addresses of a /16. A larger range is a slip of the pen, or a zone that should be made
/// by a program.
const MAX_ENTRIES: u64 = 1 << 16;
/// Characters of one number: a name has no more.
const MAX_WIDTH: usize = 255;

const RANGE: Mistake = Mistake::Generate("a range is written 1-100 or 0-100/2, and not downwards");
const FORM: Mistake =
    Mistake::Generate("${…} is written ${offset}, ${offset,width} or ${offset,width,base}, base one of doxXnN");
const NEGATIVE: Mistake = Mistake::Generate("an offset makes a number negative");

/// The entries' texts, of the words behind `$GENERATE`.
pub(super) fn entries(words: &[Word<'_>]) -> Result<impl Iterator<Item = Result<Vec<u8>, Mistake>>, Mistake> {
    let needs = || Mistake::Directive { directive: "$GENERATE", needs: "a range, a name, a type and its data" };
    let [range, words @ ..] = words else { return Err(needs()) };
    let template = template(words).ok_or_else(needs)?;
    let (first, last, step) = self::range(range.raw).ok_or(RANGE)?;
    if (last - first) / step >= MAX_ENTRIES {
        return Err(Mistake::Generate("more than 65536 entries"));
    }
    Ok((0..=(last - first) / step).map(move |n| expand(&template, first + n * step)))
}

/// What each entry is made from, of the words behind the range: a name, perhaps a TTL and a class, a type, and its data.
fn template(words: &[Word<'_>]) -> Option<Vec<u8>> {
    let is_head = |word: &Word<'_>| word.raw.first().is_some_and(u8::is_ascii_digit) || class(word.raw).is_some();
    let rtype = 1 + words.get(1..)?.iter().position(|word| !is_head(word))?;
    let data = words.get(rtype + 1..)?;
    let mut template = Vec::new();
    for word in words {
        match data {
            [] => return None,
            [sole] if sole.quoted && std::ptr::eq(word, sole) => {
                let protects = |pair: &[u8]| pair == b"\\\"";
                let kept = |at: &usize| !word.raw.get(*at..at + 2).is_some_and(protects);
                template.extend((0..word.raw.len()).filter(kept).map(|at| word.raw[at]));
            }
            _ if word.quoted => template.extend([b"\"", word.raw, b"\""].concat()),
            _ => template.extend(word.raw),
        }
        template.push(b' ');
    }
    Some(template)
}

/// `start-stop[/step]`.
fn range(word: &[u8]) -> Option<(u64, u64, u64)> {
    let (range, step) = match word.iter().position(|b| *b == b'/') {
        Some(slash) => (&word[..slash], number::<u32>(&word[slash + 1..])?),
        None => (word, 1),
    };
    let dash = range.iter().position(|b| *b == b'-')?;
    let (start, stop) = (number::<u32>(&range[..dash])?, number::<u32>(&range[dash + 1..])?);
    (start <= stop && step > 0).then(|| (start.into(), stop.into(), step.into()))
}

fn expand(template: &[u8], number: u64) -> Result<Vec<u8>, Mistake> {
    let (mut entry, mut rest) = (Vec::with_capacity(template.len() + 8), template);
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', [escaped, after @ ..]) => {
                entry.extend([b'\\', *escaped]);
                rest = after;
            }
            (b'$', [b'$', after @ ..]) => {
                entry.push(b'$');
                rest = after;
            }
            (b'$', [b'{', after @ ..]) => {
                let end = after.iter().position(|b| *b == b'}').ok_or(FORM)?;
                entry.extend(formatted(&after[..end], number)?.into_bytes());
                rest = &after[end + 1..];
            }
            (b'$', _) => entry.extend(number.to_string().into_bytes()),
            (other, _) => entry.push(*other),
        }
    }
    Ok(entry)
}

/// A number as `offset[,width[,base]]` says.
fn formatted(form: &[u8], value: u64) -> Result<String, Mistake> {
    let mut parts = form.split(|b| *b == b',');
    let offset = parts.next().unwrap_or_default();
    let (sign, digits) = match offset {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let offset = sign * i64::from(number::<u32>(digits).ok_or(FORM)?);
    let width = parts.next().map_or(Some(0), number::<usize>).filter(|width| *width <= MAX_WIDTH).ok_or(FORM)?;
    let base = parts.next().unwrap_or(b"d");
    if parts.next().is_some() {
        return Err(FORM);
    }
    let value = value.checked_add_signed(offset).ok_or(NEGATIVE)?;
    Ok(match base {
        b"d" => format!("{value:0width$}"),
        b"o" => format!("{value:0width$o}"),
        b"x" => format!("{value:0width$x}"),
        b"X" => format!("{value:0width$X}"),
        b"n" => nibbles(value, width),
        b"N" => nibbles(value, width).to_ascii_uppercase(),
        _ => return Err(FORM),
    })
}

/// Hex digits from the last one, dots between; `width` counts the dots, and one behind the last digit if it falls there.
fn nibbles(mut value: u64, width: usize) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from_digit((value % 16) as u32, 16).unwrap_or('0'));
        value /= 16;
        if text.len() < width || value != 0 {
            text.push('.');
        }
        if text.len() >= width && value == 0 {
            return text;
        }
    }
}
