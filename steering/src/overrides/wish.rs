//! What an operator asks for, and what is wrong with it.

use chrono::{DateTime, SecondsFormat, Utc};
use fairway_policies::{Policy, did_you_mean};

use super::{Force, Override, OverridePlace, glob};

/// How many overrides there may be: every decision walks those of its service, and nobody oversees more.
pub const MOST: usize = 100;
/// Characters of an author's name, at most.
const AUTHOR: usize = 100;
/// Characters of a reason, at most.
const REASON: usize = 500;

/// An override, asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// A glob of service ids.
    pub service: String,
    /// A glob of pathway ids.
    pub pathway: String,
    /// For clients there.
    pub place: OverridePlace,
    /// What is to be so.
    pub force: Force,
    /// Who asks.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Until when; `None`: until it is cleared.
    pub expires: Option<DateTime<Utc>>,
}

/// Why an order is refused. All of these are the asker's to mend and a retry changes nothing, save `Stopping`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Nobody stands behind it.
    #[error("`author` is missing: an override says who forced it")]
    NoAuthor,
    /// It says no reason.
    #[error("`reason` is missing: an override says why")]
    NoReason,
    /// Author or reason is too long, or not one line of text.
    #[error("`{0}` must be one line of at most {1} characters")]
    NotOneLine(&'static str, usize),
    /// No service's id matches.
    #[error("no service matches {asked:?}{}", hint(.help, .known))]
    NoService { asked: String, known: Vec<String>, help: Option<String> },
    /// No pathway's id matches, in the services that do.
    #[error("no pathway of {of} matches {asked:?}{}", hint(.help, .known))]
    NoPathway { of: String, asked: String, known: Vec<String>, help: Option<String> },
    /// A share that is none.
    #[error("a share is from 0 to 1 (0 % to 100 %)")]
    NoShare,
    /// The country is elsewhere: nobody would be meant.
    #[error("country {country} is not in continent {continent}, so nobody is meant")]
    NoPlace { country: String, continent: String },
    /// It would be over before it began.
    #[error("it would end at {}, which is past: it is {} now", second(.expires), second(.now))]
    Past { expires: DateTime<Utc>, now: DateTime<Utc> },
    /// There are too many.
    #[error("there are {MOST} overrides already: clear some first")]
    TooMany,
    /// There is none of this number: never was, was cleared, or its time is over.
    #[error("there is no override {0}")]
    NoSuch(u64),
    /// The node ends; ask again when it is back.
    #[error("the node is stopping: ask again")]
    Stopping,
}

impl Wish {
    /// The override, under this number, if it can be: it must mean somebody now.
    pub(super) fn grant<'p>(
        self,
        id: u64,
        policies: impl Iterator<Item = &'p Policy> + Clone,
        now: DateTime<Utc>,
    ) -> Result<Override, Refused> {
        let Self { service, pathway, place, force, author, reason, expires } = self;
        let (service, pathway) = (service.trim().to_owned(), pathway.trim().to_owned());
        let (author, reason) = (author.trim().to_owned(), reason.trim().to_owned());
        if author.is_empty() {
            return Err(Refused::NoAuthor);
        }
        if reason.is_empty() {
            return Err(Refused::NoReason);
        }
        for (name, text, most) in [("author", &author, AUTHOR), ("reason", &reason, REASON)] {
            if text.chars().count() > most || text.chars().any(char::is_control) {
                return Err(Refused::NotOneLine(name, most));
            }
        }
        if let Force::Share(share) = force
            && !(0.0..=1.0).contains(&share)
        {
            return Err(Refused::NoShare);
        }
        if let (Some(country), Some(continent)) = (place.country, place.continent)
            && country.continent() != Some(continent)
        {
            return Err(Refused::NoPlace { country: country.to_string(), continent: continent.to_string() });
        }
        if let Some(expires) = expires
            && expires <= now
        {
            return Err(Refused::Past { expires, now });
        }
        let meant = policies.clone().filter(|policy| glob::matches(&service, &policy.service));
        if meant.clone().next().is_none() {
            let known: Vec<String> = policies.map(|policy| policy.service.clone()).collect();
            let help = did_you_mean(&service, known.iter().map(String::as_str));
            return Err(Refused::NoService { asked: service, known, help });
        }
        let mut known: Vec<String> = Vec::new();
        for pathway in meant.flat_map(|policy| &policy.pathways) {
            if !known.contains(&pathway.id) {
                known.push(pathway.id.clone());
            }
        }
        if !known.iter().any(|id| glob::matches(&pathway, id)) {
            let help = did_you_mean(&pathway, known.iter().map(String::as_str));
            return Err(Refused::NoPathway { of: service, asked: pathway, known, help });
        }
        Ok(Override { id, service, pathway, place, force, author, reason, since: now, expires })
    }
}

fn second(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What to write instead.
fn hint(help: &Option<String>, known: &[String]) -> String {
    match (help, known) {
        (Some(help), _) => format!(": {help}"),
        (None, []) => "; there is none".into(),
        (None, known) => format!("; there is: {}", known.join(", ")),
    }
}
