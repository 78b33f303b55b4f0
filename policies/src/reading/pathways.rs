//! Values that name pathways of the file.

use toml::de::DeValue;

use super::{Code, Fault, Fields, Kind, kind_of, values};
use crate::{
    model::PathSet,
    words::{did_you_mean, list},
};

/// The ids of the file's pathways, in file order.
pub(crate) type Ids = [String];

/// The index of the pathway that a value names.
pub(crate) fn pathway(value: &DeValue<'_>, ids: &Ids) -> Result<usize, Fault> {
    named(values::plain(value)?, ids)
}

fn named(value: &str, ids: &Ids) -> Result<usize, Fault> {
    ids.iter().position(|id| id == value).ok_or_else(|| {
        let known: Vec<&str> = ids.iter().map(String::as_str).collect();
        let all = || match &known[..] {
            [] => "the file has none".into(),
            [only] => format!("there is only `{only}`"),
            known => format!("there are {}", list("and", known)),
        };
        let help = did_you_mean(value, known.iter().copied()).unwrap_or_else(all);
        Fault::new(Code::UnknownPathway, format!("there is no pathway `{value}`")).help(help)
    })
}

/// The indexes of the pathways that the list at `key` names, in its order.
pub(crate) fn pathways(fields: &Fields<'_, '_>, key: &str, ids: &Ids) -> Option<Vec<usize>> {
    fields.list(key, |v, _| pathway(v, ids))
}

/// The set of pathways that the list at `key` names.
pub(crate) fn set(fields: &Fields<'_, '_>, key: &str, ids: &Ids) -> Option<PathSet> {
    Some(pathways(fields, key, ids)?.into_iter().collect())
}

/// What the table at `key` says of the pathways that it names; `None` when absent, or when anything in it is wrong.
pub(crate) fn by_pathway<T>(
    fields: &Fields<'_, '_>,
    key: &str,
    ids: &Ids,
    read: impl Fn(&DeValue<'_>, Kind) -> Result<T, Fault>,
) -> Option<Vec<(usize, T)>> {
    let value = fields.get(key)?;
    let DeValue::Table(table) = value.get_ref() else {
        let message = format!("expected a table, found {}", kind_of(value.get_ref()));
        return fields.check(key, value, Err(Fault::new(Code::WrongType, message)));
    };
    let entry = fields.kind(key)?.entry();
    let mut found = Vec::with_capacity(table.len());
    let mut sound = true;
    for (id, value) in table.iter() {
        let said = fields.check(key, value, read(value.get_ref(), entry));
        match (named(id.get_ref(), ids), said) {
            (Ok(index), Some(said)) => found.push((index, said)),
            (Err(fault), _) => {
                fields.reader.report(id.span(), fault);
                sound = false;
            }
            (Ok(_), None) => sound = false,
        }
    }
    sound.then_some(found)
}
