//! Values out of the layers, as the types that they should have.

use std::{net::SocketAddr, time::Duration};

use fairway_policies::Problem;
use serde::de::DeserializeOwned;
use url::Url;

use super::layers::{Layers, Row};

/// Seconds; longer is a mistake, and the store's clock ends in 2106.
const LONGEST: u64 = 3650 * 86_400;

/// Takes values out of the layers; what does not fit is noted, and a harmless value stands in until the refusal.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn text(&mut self, key: &'static str) -> String {
        match self.layers.text(key) {
            Some(text) => text.to_owned(),
            None => self.refuse(key, "a string in quotes"),
        }
    }

    pub(super) fn optional(&mut self, key: &'static str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    pub(super) fn url(&mut self, key: &'static str) -> Option<Url> {
        let url = self.optional(key)?.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
        url.or_else(|| self.refuse(key, "a URL that begins with http:// or https://"))
    }

    pub(super) fn address(&mut self, key: &'static str) -> SocketAddr {
        self.layers.text(key).and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            self.refuse::<()>(key, "an address and port, such as \"127.0.0.1:8080\"");
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    pub(super) fn bytes(&mut self, key: &'static str) -> u64 {
        let text = self.layers.text(key).unwrap_or("");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
        let unit = match text.trim_start_matches(|c: char| !c.is_ascii_alphabetic()) {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => 0,
        };
        match digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).filter(|n| *n > 0) {
            Some(bytes) => bytes,
            None => self.refuse(key, "an amount with its unit, such as \"1536 MiB\" or \"4 GiB\""),
        }
    }

    pub(super) fn amount(&mut self, key: &'static str) -> f64 {
        let value = self.layers.value(key);
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let number = number.filter(|number| number.is_finite() && *number >= 0.0);
        number.unwrap_or_else(|| self.refuse(key, "a number, 0 or more"))
    }

    /// A whole number within these.
    pub(super) fn number<N: TryFrom<i64> + Default>(&mut self, key: &'static str, from: i64, to: i64) -> N {
        let number = self.layers.value(key).as_integer().filter(|number| (from..=to).contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        number.unwrap_or_else(|| self.refuse(key, &format!("a whole number from {from} to {to}")))
    }

    /// Tables that fit; the others are told of.
    pub(super) fn rows<T: DeserializeOwned>(&mut self, key: &'static str) -> Vec<Row<T>> {
        self.layers.rows(key).unwrap_or_else(|problems| {
            self.problems.extend(problems);
            Vec::new()
        })
    }

    pub(super) fn duration(&mut self, key: &'static str) -> Duration {
        let text = self.layers.text(key).unwrap_or("");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => 0,
        };
        match digits.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).filter(|n| (1..=LONGEST).contains(n))
        {
            Some(seconds) => Duration::from_secs(seconds),
            None => self.refuse(key, "a time with its unit, up to 10 years, such as \"24h\" or \"7d\""),
        }
    }

    pub(super) fn parsed_list<T: std::str::FromStr>(&mut self, key: &'static str, wanted: &str) -> Vec<T> {
        let items = match self.layers.value(key) {
            toml::Value::Array(items) => items.clone(),
            one @ toml::Value::String(_) => vec![one.clone()],
            _ => return self.refuse(key, "a list of strings"),
        };
        let parsed: Option<Vec<T>> = items.iter().map(|item| item.as_str()?.parse().ok()).collect();
        match parsed {
            Some(parsed) => parsed,
            None => self.refuse(key, &format!("a list of which each is {wanted}")),
        }
    }

    pub(super) fn refuse<T: Default>(&mut self, key: &'static str, wanted: &str) -> T {
        self.problems.push(self.layers.problem(key, format!("`{key}` must be {wanted}")));
        T::default()
    }
}
