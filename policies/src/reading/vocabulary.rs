//! The words of a fixed set that a policy may say.

use chrono::Weekday;

use crate::model::{Alpn, Device, Metric, Protocol, StickBy, Stream};

/// A type whose every value is a word of the language.
pub(crate) trait Word: Copy + 'static {
    /// What it is a word for, without article: `metric`.
    const WHAT: &'static str;
    /// Each word as written, with what it stands for.
    const ALL: &'static [(&'static str, Self)];
}

/// A value that says its own word, with it.
macro_rules! spelt {
    ($name:ident) => {
        (Self::$name.word(), Self::$name)
    };
}

/// The words as written.
pub(crate) fn names<W: Word>() -> Vec<&'static str> {
    W::ALL.iter().map(|(name, _)| *name).collect()
}

impl Word for Metric {
    const WHAT: &'static str = "metric";
    const ALL: &'static [(&'static str, Self)] = &Metric::ALL;
}

impl Word for Protocol {
    const WHAT: &'static str = "protocol";
    const ALL: &'static [(&'static str, Self)] = &[spelt!(Dns), spelt!(Hls), spelt!(Dash), spelt!(Http)];
}

impl Word for Alpn {
    const WHAT: &'static str = "application protocol";
    const ALL: &'static [(&'static str, Self)] = &[spelt!(H3), spelt!(H2), spelt!(Http11)];
}

impl Word for Device {
    const WHAT: &'static str = "device";
    const ALL: &'static [(&'static str, Self)] =
        &[spelt!(Tv), spelt!(Phone), spelt!(Tablet), spelt!(Desktop), spelt!(Console)];
}

impl Word for Stream {
    const WHAT: &'static str = "kind of stream";
    const ALL: &'static [(&'static str, Self)] = &[spelt!(Live), spelt!(Vod)];
}

impl Word for StickBy {
    const WHAT: &'static str = "key to hash by";
    const ALL: &'static [(&'static str, Self)] =
        &[("session", Self::Session), ("prefix", Self::Prefix), ("content", Self::Content)];
}

impl Word for Weekday {
    const WHAT: &'static str = "day";
    const ALL: &'static [(&'static str, Self)] = &[
        ("mon", Self::Mon),
        ("tue", Self::Tue),
        ("wed", Self::Wed),
        ("thu", Self::Thu),
        ("fri", Self::Fri),
        ("sat", Self::Sat),
        ("sun", Self::Sun),
    ];
}
