//! Events in words. A fault changes who is before whom for many audiences within a moment; what one pathway passes then is
//! one turn of events, and told as one. Standings change far more often than anything else, so they have a share of the page
//! and cannot crowd out a verdict.

use chrono::{DateTime, Utc};
use fairway_steering::{
    Event, Health, Live,
    event::{Ordered, Signed, Stage},
    live::Entry,
};

use crate::{
    format,
    model::{FeedItem, Tone},
};

/// How many items a page shows beside standings.
const SHOWN: usize = 20;
/// And how many turns of standings.
const TURNS_SHOWN: usize = 10;
/// Standings of the same pathway this close together are one turn.
const SAME_TURN_MS: i64 = 5_000;
/// So many audiences are named; the rest is counted.
const NAMED: usize = 6;

/// What happened to `service`, and to the node as a whole, newest first.
pub fn items(live: &Live, service: &str) -> Vec<FeedItem> {
    let mut told: Vec<Told> = Vec::new();
    for entry in live.feed.since(0).iter().filter(|entry| concerns(&entry.event, service)) {
        let next = tell(entry);
        match told.iter_mut().rev().find(|before| before.goes_on(&next)) {
            Some(turn) => turn.add(next),
            None => told.push(next),
        }
    }
    let (mut turns, mut others) = (TURNS_SHOWN, SHOWN);
    let newest_first = told.into_iter().rev();
    let shown = newest_first.filter(|told| {
        let left = if matches!(told, Told::Turn { .. }) { &mut turns } else { &mut others };
        let fits = *left > 0;
        *left = left.saturating_sub(1);
        fits
    });
    shown.map(Told::item).collect()
}

fn concerns(event: &Event, shown: &str) -> bool {
    match event {
        Event::Verdict { service, .. } | Event::Standing { service, .. } | Event::Scaling { service, .. } => {
            service == shown
        }
        Event::Recovery { service, .. } => service == shown,
        Event::Override { forced, .. } => forced.is_for(shown),
        Event::Reloaded { .. } | Event::ReloadRefused { .. } | Event::Store { .. } => true,
    }
}

/// What is told of an event, or of a turn of standings.
enum Told {
    One(FeedItem),
    /// The item's pathways are the one ahead, then those behind it; its title is made at the end.
    Turn {
        item: FeedItem,
        audiences: Vec<String>,
    },
}

impl Told {
    fn goes_on(&self, next: &Told) -> bool {
        match (self, next) {
            (Self::Turn { item, .. }, Self::Turn { item: next, .. }) => {
                item.pathways.first() == next.pathways.first() && next.at_ms - item.at_ms <= SAME_TURN_MS
            }
            _ => false,
        }
    }

    fn add(&mut self, next: Told) {
        if let (Self::Turn { item, audiences }, Self::Turn { item: next, audiences: more }) = (self, next) {
            // The widest audience's reason rests on the most viewers.
            if more.iter().any(|audience| audience == "world") {
                item.detail = next.detail;
            }
            add_new(audiences, more);
            add_new(&mut item.pathways, next.pathways);
        }
    }

    fn item(self) -> FeedItem {
        match self {
            Self::One(item) => item,
            Self::Turn { item, audiences } => {
                let named = audiences.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = match audiences.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let (ahead, behind) = item
                    .pathways
                    .split_first()
                    .map_or(("", String::new()), |(ahead, behind)| (ahead.as_str(), behind.join(" and ")));
                FeedItem { title: format!("{ahead} before {behind} for {named}{more}"), ..item }
            }
        }
    }
}

fn add_new(to: &mut Vec<String>, more: Vec<String>) {
    more.into_iter().for_each(|one| {
        if !to.contains(&one) {
            to.push(one);
        }
    });
}

fn tell(entry: &Entry) -> Told {
    let told = |at: &DateTime<Utc>, tone, about: &str, title, pathways, detail| FeedItem {
        id: entry.id,
        at_ms: at.timestamp_millis(),
        tone,
        about: about.into(),
        title,
        pathways,
        detail,
    };
    Told::One(match &entry.event {
        Event::Verdict { at, pathway, from, to, .. } => {
            let tone = match to.health {
                Health::Up => Tone::Good,
                Health::Degraded | Health::Drained => Tone::Warn,
                Health::Down => Tone::Bad,
            };
            let title = format!("{pathway} is {}, was {}", to.health.word(), from.health.word());
            told(at, tone, "Verdict", title, vec![pathway.clone()], to.cause.to_string())
        }
        Event::Standing { at, audience, ahead, behind, why, .. } => {
            let pathways = vec![ahead.clone(), behind.clone()];
            let item = told(at, Tone::Note, "Standing", String::new(), pathways, why.clone());
            return Told::Turn { item, audiences: vec![audience.strip_prefix("country ").unwrap_or(audience).into()] };
        }
        Event::Reloaded { at, services, revision } => {
            let services = format!("{services} service{}", if *services == 1 { "" } else { "s" });
            let (title, detail) = match revision {
                Some(Signed { number, author, message }) => {
                    (format!("Policies are revision {number}: {services}"), format!("{author}: {message}"))
                }
                None => (format!("Policies reloaded: {services}"), String::new()),
            };
            told(at, Tone::Good, "Policies", title, Vec::new(), detail)
        }
        Event::ReloadRefused { at, problems } => {
            let first = problems.lines().next().unwrap_or_default().to_owned();
            told(at, Tone::Bad, "Policies", "A reload was refused".into(), Vec::new(), first)
        }
        Event::Scaling { at, pathway, over, bits_per_second, capacity, .. } => {
            let (tone, title) = match over {
                true => (Tone::Warn, format!("{pathway} asks for more capacity")),
                false => (Tone::Good, format!("{pathway} no longer asks for more capacity")),
            };
            let demand = *bits_per_second as f64;
            let share = if *capacity > 0 { demand / *capacity as f64 } else { 0.0 };
            let detail = format!("{}, {} of its capacity", format::bits_per_second(demand), format::percent(share));
            told(at, tone, "Scaling", title, vec![pathway.clone()], detail)
        }
        Event::Recovery { at, pathway, stage, .. } => {
            let (tone, title, detail) = match stage {
                Stage::Begins => (Tone::Note, "is coming back", "a few sessions try it first, then a growing share"),
                Stage::Shrinks => (
                    Tone::Warn,
                    "is taken a part of its clients",
                    "their requests fail; it is still there for the others",
                ),
                Stage::Back => (Tone::Good, "is back", "everyone may use it again"),
                Stage::Relapsed => (Tone::Bad, "fell back", "it failed again before it was back for everyone"),
            };
            told(at, tone, "Recovery", format!("{pathway} {title}"), vec![pathway.clone()], detail.into())
        }
        Event::Override { at, forced, ordered } => {
            let (tone, title) = match ordered {
                Ordered::Set => (Tone::Warn, format!("{} forced {}", forced.pathway, forced.force)),
                Ordered::Cleared { by: Some(by) } => (Tone::Good, format!("{by} cleared override {}", forced.id)),
                Ordered::Cleared { by: None } => (Tone::Good, format!("Override {} was cleared", forced.id)),
                Ordered::Expired => (Tone::Good, format!("Override {} is over", forced.id)),
            };
            let detail = match ordered {
                Ordered::Set => forced.to_string(),
                Ordered::Cleared { .. } | Ordered::Expired => format!("it was: {} {forced}", forced.pathway),
            };
            told(at, tone, "Override", title, vec![forced.pathway.clone()], detail)
        }
        Event::Store { at, up, detail } => {
            let (tone, title) = if *up { (Tone::Good, "The store answers") } else { (Tone::Warn, "The store is away") };
            told(at, tone, "Store", title.into(), Vec::new(), detail.clone())
        }
    })
}

#[cfg(test)]
mod tests {
    use fairway_steering::Snapshot;

    use super::*;

    fn standing(second: i64, audience: &str, behind: &str) -> Event {
        Event::Standing {
            at: DateTime::from_timestamp(second, 0).unwrap(),
            service: "live".into(),
            audience: audience.into(),
            ahead: "b".into(),
            behind: behind.into(),
            why: format!("{audience} says so"),
        }
    }

    #[test]
    fn a_turn_of_standings_is_told_as_one_and_newest_is_first() {
        let now = DateTime::UNIX_EPOCH;
        let live = Live::new(Snapshot::compile(1, now, Default::default(), Vec::new()), now);
        live.feed.tell(Event::Store { at: now, up: false, detail: "gone".into() });
        for audience in ["country DE", "country AT", "country CH", "country FR", "country NL", "continent EU", "world"]
        {
            live.feed.tell(standing(10, audience, "a"));
            live.feed.tell(standing(10, audience, "c"));
        }
        live.feed.tell(standing(90, "world", "a"));
        let items = items(&live, "live");
        let titles: Vec<&str> = items.iter().map(|item| item.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "b before a for world",
                "b before a and c for DE, AT, CH, FR, NL, continent EU and 1 more",
                "The store is away"
            ]
        );
        assert_eq!(items[1].detail, "world says so");
        assert_eq!(super::items(&live, "vod").len(), 1, "another service's standings are not shown");

        (0..30).for_each(|n| live.feed.tell(standing(100 + n * 10, "world", "a")));
        let items = super::items(&live, "live");
        assert_eq!((items.len(), items[10].title.as_str()), (11, "The store is away"), "nothing is crowded out");
    }
}
