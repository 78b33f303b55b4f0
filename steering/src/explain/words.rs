//! Every reason in words, and the numbers it rests on. The only place where that is done.

use chrono::{DateTime, Utc};
use fairway_policies::{
    StickBy,
    explain::{Number, Unit},
};

use super::{OLD_CELLS, id};
use crate::{
    decide::{Decision, Reason, SETTLING, StepReport},
    estimates::Known,
    health::{Cause, Health, Verdict},
    overrides::Force,
    snapshot::Service,
    standing::{Comparison, Lead, Standing},
};

/// What is needed to word a reason of one step for one pathway.
pub(super) struct Words<'a> {
    pub(super) service: &'a Service,
    pub(super) report: &'a StepReport,
    pub(super) now: DateTime<Utc>,
    pub(super) pathway: u8,
}

impl Words<'_> {
    pub(super) fn of(&self, reason: &Reason) -> (String, Vec<Number>) {
        let plain = |text: &str| (text.to_owned(), Vec::new());
        match reason {
            Reason::Forced { id, force, among, in_vain } => self.forced(*id, *force, *among, *in_vain),
            Reason::NotForced => plain("operators say nothing of it here"),
            Reason::Fit { verdict } | Reason::Unfit { verdict } => self.verdict("", verdict),
            Reason::Panic { verdict } => self.verdict("too few others are fit; ", verdict),
            Reason::ForcedUp { verdict } => self.verdict("an operator forced it up; it would be ", verdict),
            Reason::ComingBack { verdict, share, trial, among, in_vain } => {
                self.coming_back(verdict, *share, *trial, *among, *in_vain)
            }
            Reason::Inside => plain("allowed here"),
            Reason::Outside => plain("not allowed here"),
            Reason::Preferred { tier } => (format!("preferred, choice {}", tier + 1), Vec::new()),
            Reason::NotPreferred => plain("not among the preferred"),
            Reason::Distant { km, bias } => {
                let bias = match *bias {
                    0.0 => String::new(),
                    more if more > 0.0 => format!(", taken as {more:.0} km farther"),
                    less => format!(", taken as {:.0} km nearer", -less),
                };
                (format!("{km:.0} km away{bias}"), Vec::new())
            }
            Reason::NoLocation => plain("has no location: after those that have"),
            Reason::ClientNowhere => plain("where the client is, is not known"),
            Reason::Compared { over, by, waiting, known } => self.compared(over, by, waiting, known.as_ref()),
            Reason::Priced { price } if price.is_infinite() => {
                plain("its commitment for now is used up: after all others")
            }
            Reason::Priced { price } if *price == 0.0 => {
                plain("already paid for: the next terabyte costs nothing more")
            }
            Reason::Priced { price } => (format!("the next terabyte costs {price:.2}"), Vec::new()),
            Reason::Unpriced => plain("its cost is not declared: after those whose is"),
            Reason::BehindFirstTier => plain("not in the first tier"),
            Reason::Share { weight: 0 } => plain("has no share: after those that have"),
            Reason::Share { weight } => (format!("share {weight}"), Vec::new()),
            Reason::Stuck { by: StickBy::Session } => plain("shared out by session"),
            Reason::Stuck { by: StickBy::Prefix } => plain("shared out by address prefix"),
            Reason::Stuck { by: StickBy::Content } => plain("shared out by what is watched"),
            Reason::Admitted { share } if *share >= 1.0 => plain("can carry all whom it gets"),
            Reason::Admitted { share } => (
                format!("can carry {} of those whom it would get, this client among them", percent(*share)),
                Vec::new(),
            ),
            Reason::Full { share, to } => {
                let then = match to {
                    Some(to) => format!("it goes to {}", self.id(*to)),
                    None => "but no other can carry it either".into(),
                };
                let share = percent(*share);
                (
                    format!("can carry {share} of those whom it would get, this client not among them: {then}"),
                    Vec::new(),
                )
            }
            Reason::NotReached => plain("the client does not come this far"),
            Reason::Explored { share, others } => {
                let of = if *others > 1 { format!(", picked from {others}") } else { String::new() };
                (
                    format!("{} of clients try another than their first, this one now{of}", percent(*share as f32)),
                    Vec::new(),
                )
            }
            Reason::NotExplored { share } => (
                format!("{} of clients try another than their first; not this one now", percent(*share as f32)),
                Vec::new(),
            ),
            Reason::Within => plain("within the limit"),
            Reason::Reserve => plain("past the limit; kept as a last resort"),
            Reason::Beyond => plain("past the limit"),
            Reason::NotForClient => plain("not for this client"),
        }
    }

    fn id(&self, pathway: u8) -> String {
        id(&self.service.policy, pathway)
    }

    /// `drained by ana until 2026-03-01 18:00 UTC: maintenance; kept, since nothing else is left`.
    fn forced(&self, id: u64, force: Force, among: bool, in_vain: bool) -> (String, Vec<Number>) {
        let found = self.service.inputs.overrides.iter().find(|o| o.id == id);
        let mut why = found.map_or_else(|| force.to_string(), ToString::to_string);
        if matches!(force, Force::Share(_)) {
            why += if among { "; this client is among them" } else { "; this client is not among them" };
        }
        if in_vain {
            why += "; kept, since nothing else is left";
        }
        let since = found.map(|o| number("for", self.age(o.since), Unit::Seconds));
        (why, since.into_iter().collect())
    }

    fn verdict(&self, before: &str, verdict: &Verdict) -> (String, Vec<Number>) {
        let why = format!("{before}{}: {}", verdict.health.word(), verdict.cause);
        // A pathway that was never judged is not so since any time.
        let since = (verdict.cause != Cause::Unprobed).then(|| number("for", self.age(verdict.since), Unit::Seconds));
        (why, since.into_iter().collect())
    }

    fn coming_back(
        &self,
        verdict: &Verdict,
        share: f32,
        trial: bool,
        among: bool,
        in_vain: bool,
    ) -> (String, Vec<Number>) {
        let (mut why, numbers) = self.verdict("", verdict);
        let of = if trial { "of the sessions that can afford it, in turn" } else { "of clients so far" };
        let so = match verdict.health {
            _ if trial => "on trial by",
            Health::Degraded => "fit for",
            _ => "coming back, for",
        };
        let this = if among { "this one among them" } else { "this one not among them" };
        why += &format!("; {so} {} {of}, {this}", percent(share));
        if in_vain {
            why += "; kept, since all else is unfit";
        }
        (why, numbers)
    }

    /// Seconds.
    fn age(&self, since: DateTime<Utc>) -> f64 {
        (self.now - since).num_milliseconds().max(0) as f64 / 1000.0
    }

    /// `passed cdn-a: stall ratio 0.4 % (continent EU, 310 sessions) against 6.1 % (country DE, 41 sessions), for 30 % of country
    /// DE so far, this client among them`; or how it stays, and for whom it does not.
    fn compared(&self, over: &[u8], by: &[u8], waiting: &[Lead], known: Option<&Known>) -> (String, Vec<Number>) {
        let standing = standing(self.service, self.report);
        let won = over.iter().map(|other| self.lead(standing, self.pathway, *other, "passed", *other));
        let lost = by.iter().map(|other| self.lead(standing, *other, self.pathway, "was passed by", *other));
        let waiting = waiting.iter().map(|lead| {
            let (verb, other) = match lead.ahead == self.pathway {
                true => ("is passing", lead.behind),
                false => ("is being passed by", lead.ahead),
            };
            let numbers = standing.and_then(|s| Comparison::of(s, lead.ahead, lead.behind, lead.by));
            let numbers = numbers.map(|c| format!(": {c}")).unwrap_or_default();
            format!("{verb} {}{numbers}, for {}, this client not among them", self.id(other), self.so_far(lead.share))
        });
        let mut clauses: Vec<String> = won.chain(lost).collect();
        if clauses.is_empty() {
            clauses.push(match known {
                Some(known) => format!("stays; measured for {}", known.level),
                None => "not compared: nothing is known of it".into(),
            });
        }
        clauses.extend(waiting);
        (clauses.join("; "), known.map(|known| self.numbers(known)).unwrap_or_default())
    }

    fn lead(&self, standing: Option<&Standing>, ahead: u8, behind: u8, verb: &str, other: u8) -> String {
        let lead = standing.and_then(|s| s.lead(ahead, behind));
        let numbers = standing.zip(lead).and_then(|(s, lead)| Comparison::of(s, ahead, behind, lead.by));
        let numbers = numbers.map(|c| format!(": {c}")).unwrap_or_default();
        let phase = match lead {
            Some(lead) if lead.share < 1.0 => format!(", for {}, this client among them", self.so_far(lead.share)),
            _ => String::new(),
        };
        format!("{verb} {}{numbers}{phase}", self.id(other))
    }

    /// `30 % of country DE so far`.
    fn so_far(&self, share: f32) -> String {
        let audience = self.report.audience.map_or_else(|| "clients".into(), |audience| audience.to_string());
        format!("{} of {audience} so far", percent(share))
    }

    /// The values compared, how sure they are, how many they rest on and, where that is no longer usual, how old they are.
    fn numbers(&self, known: &Known) -> Vec<Number> {
        let mut numbers = Vec::new();
        for value in &known.values {
            let unit = value.metric.unit();
            numbers.push(number(value.metric.text(), value.value.into(), unit));
            if value.error > 0.0 {
                numbers.push(number("±", value.error.into(), unit));
            }
        }
        numbers.push(number("sessions", known.sessions as f64, Unit::Count));
        let age = Some(self.age(known.at)).filter(|age| *age > OLD_CELLS);
        numbers.extend(age.map(|age| number("age", age, Unit::Seconds)));
        numbers
    }
}

/// Why the answer may soon be another: what its TTL follows.
pub(super) fn unsettled(
    service: &Service,
    decision: &Decision,
    reports: &[StepReport],
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut why = Vec::new();
    let mut say = |text: String| {
        if !why.contains(&text) {
            why.push(text);
        }
    };
    let mut said = Vec::new();
    for report in reports {
        for (pathway, reason) in &report.reasons {
            let name = id(&service.policy, *pathway);
            match reason {
                Reason::Forced { id, force, .. } => {
                    let young = |o: &&crate::overrides::Override| o.id == *id && now - o.since < SETTLING;
                    if service.inputs.overrides.iter().any(|o| young(&o)) {
                        say(format!("an operator spoke of {name} less than a minute ago"));
                    }
                    said.extend((!matches!(force, Force::Share(_))).then_some((*pathway, force.health())));
                }
                Reason::ComingBack { verdict, .. } if verdict.health > Health::Up => {
                    say(format!("{name} is fit for some only"))
                }
                Reason::ComingBack { .. } => say(format!("{name} is coming back")),
                Reason::Admitted { share } | Reason::Full { share, .. } if *share < 1.0 => {
                    say(format!("{name} is full"))
                }
                Reason::Compared { .. } => {
                    let stands = |pathway: u8| report.before.iter().any(|c| c.pathway == pathway);
                    let leads = standing(service, report).map_or(&[][..], |standing| &standing.leads);
                    let moving = |l: &&Lead| l.ahead == *pathway && l.share < 1.0 && stands(l.behind) && l.share > 0.0;
                    for lead in leads.iter().filter(moving) {
                        say(format!("{name} is passing {}", id(&service.policy, lead.behind)));
                    }
                }
                _ => {}
            }
        }
    }
    let ranked = decision.ranked.iter().map(|c| (c.pathway, true));
    for (pathway, ranked) in ranked.chain(decision.aside.iter().map(|pathway| (*pathway, false))) {
        let (name, verdict) = (id(&service.policy, pathway), &service.inputs.verdicts[usize::from(pathway)]);
        let forced = said.iter().find(|(of, _)| *of == pathway);
        let health = forced.and_then(|(_, health)| *health).unwrap_or(verdict.health);
        if ranked && health != Health::Up {
            say(format!("{name} is {}", health.word()));
        }
        if forced.is_none() && now - verdict.since < SETTLING {
            say(format!("the verdict on {name} is under a minute old"));
        }
    }
    why
}

/// The standing that spoke.
fn standing<'s>(service: &'s Service, report: &StepReport) -> Option<&'s Standing> {
    service.inputs.standings.get(report.step?)?.get(&report.audience?).map(|standing| &**standing)
}

fn number(name: &str, value: f64, unit: Unit) -> Number {
    Number { name: name.into(), value, unit }
}

/// `30 %`, `0.5 %`.
fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent < 10.0 { format!("{} %", (percent * 10.0).round() / 10.0) } else { format!("{percent:.0} %") }
}
