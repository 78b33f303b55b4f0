//! The data of a record: from words, and compared.
//!
//! Both walk the fields that [`types`](super::types) gives for the type. So do generic data (RFC 3597 §5) of a type that is
//! known: octets that are no data of it are refused, because those who look for the targets in them must find them.

use super::{
    entries::Word,
    fields,
    mistake::{Mistake, NotData},
    text::name_length,
    types::{Field, Type},
    words::Words,
};

/// The data that `words` write, as they are sent: names not compressed, letters as written.
pub(super) fn read(rtype: Type, words: &[Word<'_>], origin: &[u8]) -> Result<Vec<u8>, Mistake> {
    let mut words = Words::new(words, origin);
    let read = match (words.peek(), rtype.fields()) {
        (Some(word), fields) if !word.quoted && word.raw == b"\\#" => generic(&mut words, fields),
        (_, Some(fields)) => {
            let mut data = Vec::new();
            fields.iter().try_for_each(|field| fields::read(*field, &mut words, &mut data)).map(|()| data)
        }
        (_, None) => Err(NotData::GenericOnly),
    };
    read.and_then(|data| match words.peek() {
        Some(word) => Err(NotData::Extra(word.told())),
        None if data.len() > usize::from(u16::MAX) => Err(NotData::Long),
        None => Ok(data),
    })
    .map_err(|fault| Mistake::Data { rtype: rtype.name().into(), fault })
}

/// `\# length hex…`.
fn generic(words: &mut Words<'_>, fields: Option<&[Field]>) -> Result<Vec<u8>, NotData> {
    words.next("\\#")?;
    let said = words.number("the number of octets")?;
    let mut data = Vec::new();
    if words.peek().is_some() {
        fields::read(Field::Hex, words, &mut data)?;
    }
    if data.len() != usize::from(said) {
        return Err(NotData::GenericLength { said, octets: data.len() });
    }
    if fields.is_some_and(|fields| !are_whole(fields, &data)) {
        return Err(NotData::Malformed);
    }
    Ok(data)
}

/// Whether `data` are these fields, and no more.
fn are_whole(fields: &[Field], data: &[u8]) -> bool {
    let rest = fields.iter().try_fold(data, |rest, field| rest.get(fields::length(*field, rest)?..));
    rest.is_some_and(<[u8]>::is_empty)
}

/// The data as they are compared (RFC 4034 §6.2): the names of the older types in lower case.
pub(crate) fn canonical(rtype: u16, data: &[u8]) -> Vec<u8> {
    let (mut canonical, mut at) = (data.to_vec(), 0);
    for field in Type::of(rtype).fields().unwrap_or_default() {
        let Some(length) = fields::length(*field, &data[at..]) else { break };
        if *field == Field::Name {
            canonical[at..at + length].make_ascii_lowercase(); // lengths are under 64, below every letter
        }
        at += length;
    }
    canonical
}

/// The first name in the data of a type that sends its client there: NS, MX, SRV.
pub(super) fn target(rtype: Type, data: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    for field in rtype.fields()? {
        let length = fields::length(*field, data.get(at..)?)?;
        if *field == Field::Name {
            return data.get(at..at + name_length(&data[at..])?);
        }
        at += length;
    }
    None
}
