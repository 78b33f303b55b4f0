//! Events in words. Many audiences change their order in the same tick, so standings of the same two pathways that follow
//! each other closely are told as one.

use chrono::{DateTime, Utc};
use fairway_steering::{Event, Health, Live, live::Entry};

use crate::{
    format,
    model::{FeedItem, Tone},
};

/// How many items a page shows.
const SHOWN: usize = 30;
/// Standings this close together are one turn of events.
const SAME_TURN_MS: i64 = 3_000;
/// So many audiences are named; the rest is counted.
const NAMED: usize = 6;

/// What happened to `service`, and to the node as a whole, newest first.
pub fn items(live: &Live, service: &str) -> Vec<FeedItem> {
    let mut items: Vec<FeedItem> = Vec::new();
    let mut turn: Option<Turn> = None;
    for entry in live.feed.since(0).iter().filter(|entry| concerns(&entry.event, service)) {
        match (&mut turn, Turn::begins(entry)) {
            (Some(turn), Some(next)) if turn.goes_on(&next) => turn.add(next),
            (_, next) => {
                items.extend(turn.take().map(Turn::item));
                turn = next;
                if turn.is_none() {
                    items.push(item(entry));
                }
            }
        }
    }
    items.extend(turn.map(Turn::item));
    items.reverse();
    items.truncate(SHOWN);
    items
}

fn concerns(event: &Event, shown: &str) -> bool {
    match event {
        Event::Verdict { service, .. } | Event::Standing { service, .. } | Event::Scaling { service, .. } => {
            service == shown
        }
        Event::Reloaded { .. } | Event::ReloadRefused { .. } | Event::Store { .. } => true,
    }
}

/// Standings told as one.
struct Turn {
    id: u64,
    at: DateTime<Utc>,
    ahead: String,
    behind: String,
    why: String,
    audiences: Vec<String>,
}

impl Turn {
    fn begins(entry: &Entry) -> Option<Self> {
        let Event::Standing { at, audience, ahead, behind, why, .. } = &entry.event else { return None };
        Some(Self {
            id: entry.id,
            at: *at,
            ahead: ahead.clone(),
            behind: behind.clone(),
            why: why.clone(),
            audiences: vec![audience.clone()],
        })
    }

    fn goes_on(&self, next: &Turn) -> bool {
        (&self.ahead, &self.behind) == (&next.ahead, &next.behind)
            && (next.at - self.at).num_milliseconds() <= SAME_TURN_MS
    }

    fn add(&mut self, next: Turn) {
        self.id = next.id;
        // The narrowest audiences come first and last; the world's reason is the one most people share.
        if next.audiences.iter().any(|audience| audience == "world") {
            self.why = next.why;
        }
        self.audiences.extend(next.audiences);
    }

    fn item(self) -> FeedItem {
        let more = self.audiences.len().saturating_sub(NAMED);
        let mut audiences = self.audiences;
        audiences.truncate(NAMED);
        let mut whom = audiences.join(", ");
        if more > 0 {
            whom.push_str(&format!(" and {more} more"));
        }
        FeedItem {
            id: self.id,
            at_ms: self.at.timestamp_millis(),
            tone: Tone::Note,
            about: "Standing".into(),
            title: format!("{} passed {} for {whom}", self.ahead, self.behind),
            pathways: vec![self.ahead, self.behind],
            detail: self.why,
        }
    }
}

fn item(entry: &Entry) -> FeedItem {
    let told = |at: &DateTime<Utc>, tone, about: &str, title, pathways, detail| FeedItem {
        id: entry.id,
        at_ms: at.timestamp_millis(),
        tone,
        about: about.into(),
        title,
        pathways,
        detail,
    };
    match &entry.event {
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
            let title = format!("{ahead} passed {behind} for {audience}");
            told(at, Tone::Note, "Standing", title, vec![ahead.clone(), behind.clone()], why.clone())
        }
        Event::Reloaded { at, services } => {
            let title = format!("Policies reloaded: {services} service{}", if *services == 1 { "" } else { "s" });
            told(at, Tone::Good, "Policies", title, Vec::new(), String::new())
        }
        Event::ReloadRefused { at, problems } => {
            let first = problems.lines().next().unwrap_or_default().to_owned();
            told(at, Tone::Bad, "Policies", "A policy reload was refused".into(), Vec::new(), first)
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
        Event::Store { at, up, detail } => {
            let (tone, title) = if *up { (Tone::Good, "The store answers") } else { (Tone::Warn, "The store is away") };
            told(at, tone, "Store", title.into(), Vec::new(), detail.clone())
        }
    }
}
