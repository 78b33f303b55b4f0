//! A plan in lines, for a terminal.

use std::fmt::{self, Write};

use super::{AudiencePlan, Fate, PathwayPlan, Plan, Projection, ServicePlan};

/// So many countries are shown; the others are few and small.
const COUNTRIES: usize = 10;

impl Plan {
    /// The plan as lines, the diff first, then what it means.
    pub fn render_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail; the Result is the trait's.
        self.write_text(&mut out).unwrap_or_default();
        out
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        if self.is_empty() {
            return writeln!(out, "nothing changes: these are the policies in force (revision {})", self.base);
        }
        for service in &self.services {
            service.write_text(out)?;
        }
        for breach in &self.breaches {
            writeln!(out, "! {breach}")?;
        }
        Ok(())
    }
}

impl ServicePlan {
    fn write_text(&self, out: &mut String) -> fmt::Result {
        let fate = match self.fate {
            Fate::Added => "is added",
            Fate::Changed => "changes",
            Fate::Removed => "is removed: its names and URLs are answered no more",
        };
        writeln!(out, "service {} {fate}\n", self.service)?;
        writeln!(out, "{}", self.diff.trim_end())?;
        for warning in &self.warnings {
            writeln!(out, "\n{}", warning.trim_end())?;
        }
        if self.fate != Fate::Changed {
            return writeln!(out);
        }
        let moved: f64 = self.moved;
        writeln!(out, "\n{} of its decisions get another first pathway ({})", percent(moved), self.basis)?;
        let moving: Vec<&AudiencePlan> = self.audiences.iter().filter(|audience| audience.moved > 0.0).collect();
        for audience in moving.iter().take(COUNTRIES) {
            let country = if audience.country.is_empty() { "??" } else { &audience.country };
            let (share, moved) = (percent(audience.share), percent(audience.moved));
            write!(out, "  {country}  {share:>6} of decisions, {moved:>6} of them move: ")?;
            writeln!(out, "{} → {}", shares(&audience.before), shares(&audience.after))?;
        }
        if moving.len() > COUNTRIES {
            writeln!(out, "  and {} more countries", moving.len() - COUNTRIES)?;
        }
        writeln!(out)?;
        let wide = self.pathways.iter().map(|p| p.pathway.chars().count()).max().unwrap_or(0);
        for pathway in &self.pathways {
            pathway.write_text(out, wide)?;
        }
        writeln!(out)
    }
}

impl PathwayPlan {
    fn write_text(&self, out: &mut String, wide: usize) -> fmt::Result {
        write!(out, "  {:wide$}  ", self.pathway)?;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => writeln!(out, "{before} → {after}"),
            (None, Some(after)) => writeln!(out, "new → {after}"),
            (Some(before), None) => writeln!(out, "{before} → gone"),
            (None, None) => writeln!(out),
        }
    }
}

/// `40.0 %, 31.2 Mbit/s, 39 % of capacity, 1.20 an hour`.
impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent(self.share))?;
        if let Some(bits) = self.bits_per_second {
            write!(f, ", {:.1} Mbit/s", bits / 1e6)?;
        }
        if let Some(full) = self.of_capacity {
            write!(f, ", {:.0} % of capacity", full * 100.0)?;
        }
        match self.cost_per_hour {
            Some(cost) if cost.is_infinite() => f.write_str(", over its maximum"),
            Some(cost) => write!(f, ", {cost:.2} an hour"),
            None => Ok(()),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `cdn-a 60 %, cdn-b 40 %`, the largest first; what has nothing is left out.
fn shares(shares: &std::collections::BTreeMap<String, f64>) -> String {
    let mut shares: Vec<_> = shares.iter().filter(|(_, share)| **share >= 0.005).collect();
    shares.sort_by(|a, b| b.1.total_cmp(a.1));
    let share = |(id, share): (&String, &f64)| format!("{id} {:.0} %", share * 100.0);
    if shares.is_empty() { "nothing".into() } else { shares.into_iter().map(share).collect::<Vec<_>>().join(", ") }
}
