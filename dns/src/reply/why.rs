//! `_fairway.<name>` TXT: which place, row and snapshot answered, for those who run the node.
//!
//! Asked for by addresses that the operator lists, and by nobody else: it tells where a client is taken to be, and which
//! pathway is in force. It says what a question for the name itself, by the same client at the same moment, is answered;
//! the strings are in a fixed order, each `key=value`.
//!
//! It is the one reply that allocates, and it is never asked for in numbers.

use fairway_steering::{Place, Via, decide};

use super::lookup::{Lookup, Step, Stop};
use crate::{
    names::{Zone, table::Found},
    wire::{name::Key, query::rtype, writer::Section},
};

/// The label below which a steered name tells of itself.
const LABEL: &[u8] = b"\x08_fairway";

impl Lookup<'_, '_, '_, '_> {
    /// Answers, if that is what is asked, and by one who may; else says that it is not.
    pub(super) fn why(&mut self, step: &Step<'_>, zone: &Zone) -> Result<bool, Stop> {
        let (asking, name) = (self.asking, step.name);
        let view = asking.view;
        let told = || view.settings.debug.iter().any(|prefix| prefix.contains(&asking.source.to_canonical()));
        if asking.question.rtype != rtype::TXT || !name.as_wire().starts_with(LABEL) || !told() {
            return Ok(false);
        }
        let Some((about, _)) = Key::read(name.suffix(name.labels() - 1)) else { return Ok(false) };
        let Found::Name(node) = view.names.table.find(&about) else { return Ok(false) };
        let Some(steered) = &node.steered else { return Ok(false) };
        let snapshot = &*view.snapshot;
        let Some(service) = snapshot.services.get(steered.service) else { return Ok(false) };

        let address = asking.subnet.filter(|_| service.policy.client_subnet).unwrap_or(asking.source);
        let client = snapshot.client(address, Via::Dns, None);
        let decision = decide(snapshot, service, &client, asking.now, &mut ());
        let holds = decision.holds(snapshot, service, &client, asking.now);
        let first = decision.first(&service.policy, Via::Dns);
        let pathway = first.and_then(|index| service.policy.pathways.get(usize::from(index)));
        self.found.scope = self.found.scope.max(holds.prefix_len());
        let strings = [
            format!("service={}", service.policy.service),
            format!("pathway={}", pathway.map_or("none", |pathway| &pathway.id)),
            format!("place={}", place(&client.located.place)),
            format!("prefix={}", client.located.prefix),
            format!("row={}", service.row_of(snapshot, &client).map_or("none".to_owned(), |row| row.to_string())),
            format!("holds={holds}"),
            format!("ttl={}", decision.ttl),
            format!("snapshot={}", snapshot.version),
        ];
        let octets = |text: &String| {
            let text = &text.as_bytes()[..text.len().min(255)];
            [&[text.len() as u8], text].concat()
        };
        let data: Vec<u8> = strings.iter().flat_map(octets).collect();
        self.write(step, zone, Section::Answer, rtype::TXT, 0, &data)?;
        self.sign_one(step, zone, rtype::TXT, 0, &data)?;
        Ok(true)
    }
}

/// From the largest to the smallest, as far as it is known.
fn place(place: &Place) -> String {
    let parts = [
        place.continent.map(|continent| continent.to_string()),
        place.country.map(|country| country.to_string()),
        place.subdivision.map(|subdivision| subdivision.to_string()),
        place.asn.map(|asn| asn.to_string()),
    ];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    if known.is_empty() { "unknown".to_owned() } else { known.join("/") }
}
