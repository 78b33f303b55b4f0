//! The account of one decision, in plain strings and numbers: what the command prints, the API returns as JSON, and the
//! pages show (in the browser too). Steering fills it from the trace of the very decision that answers; nothing here
//! decides anything.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

/// Why a client gets what it gets: the whole story, in the order it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Service id.
    pub service: String,
    /// Who asks.
    pub client: ExplainedClient,
    /// What the decision read.
    pub snapshot: ExplainedSnapshot,
    /// What a person should know before reading on, one sentence each: `nothing is healthy, so every pathway is kept (panic)`,
    /// `the cells are 95 s old`.
    pub warnings: Vec<String>,
    /// The order before the first step: all pathways, as equals, in file order.
    pub start: Vec<Tier>,
    /// The chain, in order; a step that is not for this client is there too.
    pub steps: Vec<ExplainedStep>,
    /// What DNS answers; `None` when the service has no steered name or no pathway left has an address or canonical name.
    pub dns: Option<DnsAnswer>,
    /// What HTTP steering answers.
    pub http: HttpAnswer,
    /// Of many clients that are like this one in all but session, address prefix and content: how many each pathway gets.
    #[serde(default)]
    pub likely: Vec<Likely>,
    /// The id under which a node recorded it, so that it can be told again later.
    #[serde(default)]
    pub decision: Option<String>,
}

/// How likely a pathway is to be the one answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likely {
    /// Pathway id.
    pub pathway: String,
    /// 0…1.
    pub share: f64,
}

/// Who asks, as far as the decision looks at it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedClient {
    /// Its address, when the question named one (it may have named a place instead).
    pub address: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Two letters.
    pub continent: Option<String>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// The addresses for which this place holds, as `192.0.2.0/24`; `None` when no address was named.
    pub prefix: Option<String>,
    /// How it asks: `dns`, `hls`, `dash` or `http`.
    pub via: String,
}

/// Which snapshot decided, and how fresh its parts are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainedSnapshot {
    /// Its number; 0 when the decision was made on policy files alone.
    pub version: u64,
    /// Seconds since it was compiled.
    pub age_seconds: f64,
    /// Seconds since the newest beacon in the cells it rests on; `None` when it has none.
    pub cells_age_seconds: Option<f64>,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainedStep {
    /// Place in the chain, from 1; 0 for what operators say, which comes before the chain.
    pub index: usize,
    /// The line of its `[[step]]` in the policy file; 0 where it is not of the file.
    pub line: u32,
    /// What it does, from [`crate::describe`].
    pub title: String,
    /// Whether it is for this client.
    pub applied: bool,
    /// One for each pathway that stood before it, best first; empty when it did not apply.
    pub rows: Vec<PathwayRow>,
    /// Who stands after it, best tier first.
    pub order: Vec<Tier>,
}

/// What one step did to one pathway, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathwayRow {
    /// Pathway id.
    pub pathway: String,
    /// What happened to it.
    pub effect: Effect,
    /// Why, as a clause: `3 probes in a row failed: connection refused`.
    pub why: String,
    /// What the reason rests on.
    pub numbers: Vec<Number>,
}

/// What a step did to a pathway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Examined, and left where it was.
    Kept,
    /// Out: it is not answered at all.
    Dropped,
    /// Set aside: the last resort of a steering list, never a DNS answer.
    Aside,
    /// Nearer to the front than before.
    MovedUp,
    /// Farther back than before.
    MovedDown,
    /// Given a share inside its tier.
    Weighed,
    /// The step has nothing to say of it.
    Untouched,
}

/// A number that a reason rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// What it counts or measures: `sessions`, `stall ratio`.
    pub name: String,
    /// How much, in `unit`.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
}

/// The unit of a [`Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// So many.
    #[serde(rename = "count")]
    Count,
    /// 0…1, shown in per cent.
    #[serde(rename = "share")]
    Share,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Bits per second.
    #[serde(rename = "bit/s")]
    BitsPerSecond,
}

/// Pathways that stand as equals, in the order in which this client gets them.
pub type Tier = Vec<Share>;

/// A pathway in a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Pathway id.
    pub pathway: String,
    /// Its share inside the tier; `None` where no `weights` step spoke.
    pub weight: Option<u32>,
}

/// A DNS answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// The pathway answered.
    pub pathway: String,
    /// Its records.
    pub records: Vec<DnsRecord>,
    /// Seconds.
    pub ttl: u32,
    /// The addresses for which this same answer holds, as `192.0.2.0/24`: its length is the scope that a resolver is told.
    /// Means nothing where the client has no address.
    pub scope: String,
}

/// One record of a DNS answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Owner, without the trailing dot.
    pub name: String,
    /// `A`, `AAAA` or `CNAME`.
    pub kind: String,
    /// Address or canonical name.
    pub value: String,
}

/// An HTTP steering answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// Pathway ids, best first, those set aside last.
    pub priority: Vec<String>,
    /// Seconds, before a client's own jitter.
    pub ttl: u32,
}

impl Effect {
    /// The word shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Dropped => "dropped",
            Self::Aside => "aside",
            Self::MovedUp => "moved up",
            Self::MovedDown => "moved down",
            Self::Weighed => "weighed",
            Self::Untouched => "untouched",
        }
    }
}

/// `stall ratio 1.2 %`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name)?;
        match self.unit {
            Unit::Count => write!(f, "{}", self.value),
            Unit::Share => write!(f, "{:.1} %", self.value * 100.0),
            Unit::Milliseconds => write!(f, "{:.0} ms", self.value),
            Unit::Seconds => f.write_str(&lasting(self.value)),
            Unit::BitsPerSecond => write!(f, "{:.1} Mbit/s", self.value / 1e6),
        }
    }
}

/// `0.8 s`, `95 s`, `12 min`, `5 h`, `3 days`: as exact as a person wants it.
pub fn lasting(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 2.0 * MINUTE => format!("{s:.0} s"),
        s if s < 2.0 * HOUR => format!("{:.0} min", s / MINUTE),
        s if s < 2.0 * DAY => format!("{:.0} h", s / HOUR),
        s => format!("{:.0} days", s / DAY),
    }
}

/// `DE, EU, AS3320`, or `an unknown place`.
impl fmt::Display for ExplainedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asn = self.asn.map(|n| format!("AS{n}"));
        let known: Vec<&str> =
            [&self.country, &self.continent, &asn].into_iter().filter_map(|p| p.as_deref()).collect();
        f.write_str(&if known.is_empty() { "an unknown place".into() } else { known.join(", ") })
    }
}

impl Explanation {
    /// The account as lines for a terminal, at most some 120 columns wide where the texts allow.
    pub fn render_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail; the Result is the trait's.
        self.write_text(&mut out).unwrap_or_default();
        out
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        let client = &self.client;
        let asker = client.address.as_deref().unwrap_or("a client");
        write!(out, "{} over {}, asked by {asker} in {client}", self.service, client.via)?;
        match &client.prefix {
            Some(prefix) => writeln!(out, ", as all of {prefix}")?,
            None => writeln!(out)?,
        }
        match (self.snapshot.version, self.snapshot.cells_age_seconds) {
            (0, _) => writeln!(out, "by the policy files alone: every pathway taken to be up, nothing measured")?,
            (version, cells) => {
                let cells = cells.map_or("none yet".into(), |age| lasting(age) + " old");
                writeln!(out, "snapshot {version}, {} old; cells: {cells}", lasting(self.snapshot.age_seconds))?;
            }
        }
        for warning in &self.warnings {
            writeln!(out, "! {warning}")?;
        }
        writeln!(out, "\n   {}", order_text(&self.start))?;
        for step in &self.steps {
            step.write_text(out)?;
        }
        writeln!(out)?;
        match &self.dns {
            Some(dns) => {
                for record in &dns.records {
                    writeln!(out, "DNS   {} {} IN {} {}", record.name, dns.ttl, record.kind, record.value)?;
                }
                write!(out, "      {}", dns.pathway)?;
                // A place as such is no set of addresses.
                match client.address {
                    Some(_) => writeln!(out, ", the same for all of {}", dns.scope)?,
                    None => writeln!(out)?,
                }
            }
            None => writeln!(out, "DNS   no records: no steered name, or no pathway left that has an address")?,
        }
        let list = if self.http.priority.is_empty() { "no pathway".into() } else { self.http.priority.join(", ") };
        writeln!(out, "HTTP  {list}, for {} s", self.http.ttl)?;
        // Where all get the same, the answer has said it.
        if self.likely.len() > 1 {
            let likely = self.likely.iter().map(|l| format!("{} {:.1} %", l.pathway, l.share * 100.0));
            writeln!(out, "      of clients like this one: {}", likely.collect::<Vec<_>>().join(", "))?;
        }
        if let Some(id) = &self.decision {
            writeln!(out, "\nrecorded as decision {id}")?;
        }
        Ok(())
    }
}

impl ExplainedStep {
    fn write_text(&self, out: &mut String) -> fmt::Result {
        match self.index {
            0 => writeln!(out, "\n{}", self.title)?,
            index => writeln!(out, "\n{index}. {} (line {})", self.title, self.line)?,
        }
        if !self.applied {
            return writeln!(out, "   not for this client");
        }
        let wide = self.rows.iter().map(|r| r.pathway.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            write!(out, "   {:wide$}  {:10}  {}", row.pathway, row.effect.text(), row.why)?;
            if !row.numbers.is_empty() {
                let numbers: Vec<String> = row.numbers.iter().map(Number::to_string).collect();
                write!(out, " ({})", numbers.join(", "))?;
            }
            writeln!(out)?;
        }
        writeln!(out, "   → {}", order_text(&self.order))
    }
}

/// `cdn-a 40 = cdn-b 60 > cdn-c`: equals joined by `=`, the better tier before `>`.
pub fn order_text(order: &[Tier]) -> String {
    let share = |s: &Share| match s.weight {
        Some(weight) => format!("{} {weight}", s.pathway),
        None => s.pathway.clone(),
    };
    let tiers: Vec<String> = order.iter().map(|t| t.iter().map(share).collect::<Vec<_>>().join(" = ")).collect();
    if tiers.is_empty() { "nothing stands".into() } else { tiers.join(" > ") }
}
