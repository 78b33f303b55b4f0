//! CMCD: a dictionary of structured fields (RFC 9651), read by the `sfv` crate straight into a [`Beacon`].
//!
//! The parser is strict, as the RFC demands: one bad character loses the record. Released players do send two things that
//! it rejects, fractions longer than three digits (`msd=812.300000011`) and letters outside ASCII in strings; only when
//! parsing has failed are these mended, and it is tried once more.

use std::{borrow::Cow, convert::Infallible};

use sfv::{
    BareItemFromInput, KeyRef, Parser,
    visitor::{DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor},
};

use crate::{
    error::Cause,
    record::{Beacon, Medium, Member, Value},
};

/// Reads one record: a line of an event batch, the value of `?CMCD=`, or the four headers' values joined by commas.
pub(crate) fn parse(text: &str) -> Result<Beacon, Cause> {
    let text = text.trim();
    read(text).or_else(|error| match mend(text) {
        Some(mended) => read(&mended).map_err(|_| error),
        None => Err(error),
    })
}

fn read(text: &str) -> Result<Beacon, Cause> {
    let mut beacon = Beacon::default();
    match Parser::new(text).parse_dictionary_with_visitor(Dictionary(&mut beacon)) {
        Ok(()) => Ok(beacon),
        Err(error) => Err(Cause::Malformed(error.to_string())),
    }
}

/// `text` with fractions cut to three digits and strings in ASCII; `None` where there was nothing of the kind.
fn mend(text: &str) -> Option<String> {
    let (mut out, mut quoted, mut escaped, mut fraction, mut mended) = (String::new(), false, false, None, false);
    for c in text.chars() {
        fraction = match (fraction, c) {
            (_, '.') if !quoted && out.ends_with(|d: char| d.is_ascii_digit()) => Some(0),
            (Some(digits), '0'..='9') => Some(digits + 1),
            _ => None,
        };
        if fraction.is_some_and(|digits| digits > 3) {
            mended = true;
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
        if quoted && !c.is_ascii() {
            mended = true;
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    mended.then_some(out)
}

impl<'a> From<BareItemFromInput<'a>> for Value<'a> {
    fn from(item: BareItemFromInput<'a>) -> Self {
        match item {
            BareItemFromInput::Integer(n) => Value::Number(i64::from(n) as f64),
            BareItemFromInput::Decimal(n) => Value::Number(n.into()),
            BareItemFromInput::Boolean(b) => Value::Flag(b),
            BareItemFromInput::Token(t) => Value::Text(Cow::Borrowed(t.as_str())),
            BareItemFromInput::String(Cow::Borrowed(s)) => Value::Text(Cow::Borrowed(s.as_str())),
            BareItemFromInput::String(Cow::Owned(s)) => Value::Text(Cow::Owned(s.into())),
            BareItemFromInput::DisplayString(s) => Value::Text(s),
            BareItemFromInput::ByteSequence(_) | BareItemFromInput::Date(_) => Value::Other,
        }
    }
}

struct Dictionary<'b>(&'b mut Beacon);

struct Entry<'b, 'a>(&'b mut Beacon, &'a KeyRef);

struct List<'b, 'a>(&'b mut Beacon, &'a KeyRef, Vec<Member<'a>>);

struct Item<'b, 'a>(&'b mut Vec<Member<'a>>);

impl<'a> DictionaryVisitor<'a> for Dictionary<'_> {
    type Out = ();
    type Error = Infallible;
    fn entry(&mut self, key: &'a KeyRef) -> Result<impl EntryVisitor<'a>, Infallible> {
        Ok(Entry(self.0, key))
    }
    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl<'a> EntryVisitor<'a> for Entry<'_, 'a> {
    type Error = Infallible;
    fn item(self) -> Result<impl ItemVisitor<'a>, Infallible> {
        Ok(self)
    }
    fn inner_list(self) -> Result<impl InnerListVisitor<'a>, Infallible> {
        Ok(List(self.0, self.1, Vec::new()))
    }
}

impl<'a> ItemVisitor<'a> for Entry<'_, 'a> {
    type Out = ();
    type Error = Infallible;
    fn bare_item(self, item: BareItemFromInput<'a>) -> Result<impl ParameterVisitor<'a, Out = ()>, Infallible> {
        self.0.set(self.1.as_str(), item.into());
        Ok(Ignored)
    }
}

impl<'a> InnerListVisitor<'a> for List<'_, 'a> {
    type Error = Infallible;
    fn item(&mut self) -> Result<impl ItemVisitor<'a>, Infallible> {
        Ok(Item(&mut self.2))
    }
    fn finish(self) -> Result<impl ParameterVisitor<'a>, Infallible> {
        self.0.set(self.1.as_str(), Value::List(self.2));
        Ok(Ignored)
    }
}

impl<'a> ItemVisitor<'a> for Item<'_, 'a> {
    type Out = ();
    type Error = Infallible;
    fn bare_item(self, item: BareItemFromInput<'a>) -> Result<impl ParameterVisitor<'a, Out = ()>, Infallible> {
        self.0.push(Member { value: item.into(), of: Medium::Untold });
        Ok(self)
    }
}

impl<'a> ParameterVisitor<'a> for Item<'_, 'a> {
    type Out = ();
    type Error = Infallible;
    fn parameter(&mut self, key: &'a KeyRef, _: BareItemFromInput<'a>) -> Result<(), Infallible> {
        if let Some(member) = self.0.last_mut() {
            member.of = Medium::named(key.as_str());
        }
        Ok(())
    }
    fn finish(self) -> Result<(), Infallible> {
        Ok(())
    }
}
