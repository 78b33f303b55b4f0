//! A pathway's `cost`.

use crate::{
    model::{Cost, CostTier},
    reading::{Bounds, Choice, Code, Fault, Fields, Key, Kind, Table, values},
};

/// Dearer than any: one that must not be used must be able to cost more.
const PRICE: Kind = Kind::Number(Bounds::of(0.0, 1_000_000.0));
const VOLUME: Kind = Kind::Number(Bounds { above: true, ..Bounds::from(0.0) });

/// What a pathway's traffic costs.
pub(crate) const TABLE: Table = Table {
    name: "a cost",
    title: "`cost`",
    doc: "In one calendar month (UTC), in whatever currency all pathways share. A terabyte is 10¹² bytes.",
    keys: &[
        Key::optional("per_tb", PRICE, "see `tiers`", "20", "The price of a terabyte, whatever the volume."),
        Key::optional(
            "tiers",
            Kind::List(&Kind::Table(&TIER)),
            "see `per_tb`",
            "[{ above_tb = 0, per_tb = 30 }, { above_tb = 500, per_tb = 22 }]",
            "Instead of `per_tb`: prices by volume, ascending from 0. Each holds for what goes beyond its `above_tb`.",
        ),
        Key::optional("commit_tb", VOLUME, "none", "100", "What is paid for whether used or not."),
        Key::optional("max_tb", VOLUME, "none", "900", "What must not be passed; not less than `commit_tb`."),
    ],
    choice: Choice::One(&["per_tb", "tiers"]),
    examples: &[],
};

pub(super) const TIER: Table = Table {
    name: "a price tier",
    title: "A price tier",
    doc: "",
    keys: &[
        Key::needed(
            "above_tb",
            Kind::Number(Bounds::from(0.0)),
            "500",
            "From this volume on, in terabytes this month.",
        ),
        Key::needed("per_tb", PRICE, "22", "The price of each terabyte beyond it."),
    ],
    choice: Choice::Free,
    examples: &[],
};

/// Reads a table of [`TABLE`].
pub(super) fn read(fields: &Fields<'_, '_>) -> Option<Cost> {
    let flat = fields.read("per_tb", values::number).map(|per_tb| vec![CostTier { above: 0.0, per_tb }]);
    let tiers = tiers(fields);
    let (commit_min, commit_max) = (fields.read("commit_tb", values::number), fields.read("max_tb", values::number));
    if commit_min.zip(commit_max).is_some_and(|(least, most)| least > most) {
        let fault = Fault::new(Code::Crossed, "more is committed to than may be used");
        fields.report("max_tb", fault.help("give a `max_tb` of at least `commit_tb`"));
    }
    Some(Cost { tiers: flat.or(tiers)?, commit_min, commit_max })
}

fn tiers(fields: &Fields<'_, '_>) -> Option<Vec<CostTier>> {
    let tables = fields.tables("tiers");
    let read = |tier: &Fields<'_, '_>| {
        let (above, per_tb) = (tier.read("above_tb", values::number), tier.read("per_tb", values::number));
        Some(CostTier { above: above?, per_tb: per_tb? })
    };
    // All of them are read before the first that is wrong ends it.
    let tiers: Vec<Option<CostTier>> = tables.iter().map(read).collect();
    let tiers: Vec<CostTier> = tiers.into_iter().collect::<Option<_>>().filter(|tiers: &Vec<_>| !tiers.is_empty())?;
    let begins = tiers.first().is_some_and(|tier| tier.above == 0.0);
    let wrong =
        if begins { tiers.windows(2).position(|pair| pair[0].above >= pair[1].above).map(|i| i + 1) } else { Some(0) };
    if let Some(wrong) = wrong {
        let (message, help) = match wrong {
            0 => ("the first price tier does not begin at 0", "write above_tb = 0: what does the first terabyte cost?"),
            _ => ("price tiers do not ascend", "order them by `above_tb`, each above the one before"),
        };
        tables[wrong].report("above_tb", Fault::new(Code::TierOrder, message).help(help));
    }
    Some(tiers)
}
