//! Roll-overs lived through by a resolver that has cached each thing at the worst time.

use super::*;
use crate::dnssec::Algorithm;

fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn id(tag: u16, algorithm: Algorithm) -> KeyId {
    KeyId { tag, algorithm }
}

/// What the parent has, from when.
type Parent = Vec<(DateTime<Utc>, Vec<KeyId>)>;

/// A zone's life: what its history was from when, and what its parent had.
struct Life {
    told: Vec<(DateTime<Utc>, History)>,
    parent: Parent,
    ds_ttl: u32,
    end: DateTime<Utc>,
}

impl Life {
    /// From the first key to `secure`, without haste.
    fn begin(random: &mut fastrand::Rng, algorithm: Algorithm) -> Self {
        let ds_ttl = [300, 3_600, 86_400, DS_TTL][random.usize(0..4)];
        let history = History::new(id(1, algorithm), start());
        let told = vec![(start() - TimeDelta::days(30), None), (start(), Some(history))];
        let told = told.into_iter().filter_map(|(at, history)| Some((at, history?))).collect();
        let mut life = Self { told, parent: vec![(start() - TimeDelta::days(30), vec![])], ds_ttl, end: start() };
        life.parent_follows(random);
        life
    }

    fn now(&self) -> History {
        self.told.last().unwrap().1.clone()
    }

    fn tell(&mut self, f: impl FnOnce(&mut History)) {
        let mut history = self.now();
        f(&mut history);
        self.told.push((self.end, history));
    }

    /// Time passes until something is asked of the parent; some time later it does so, and some later it is seen.
    fn parent_follows(&mut self, random: &mut fastrand::Rng) {
        while self.now().plan(self.end).task.is_none() {
            self.end = self.now().plan(self.end).until.unwrap();
        }
        self.end += TimeDelta::minutes(random.i64(0..10_000));
        let has = match self.now().plan(self.end).task.unwrap() {
            Task::SubmitDs(key) => vec![key],
            Task::WithdrawDs => vec![],
        };
        self.parent.push((self.end, has));
        self.end += TimeDelta::minutes(random.i64(0..1_000));
        let (now, ttl) = (self.end, self.ds_ttl);
        self.tell(|history| history.seen(ttl, now).unwrap());
        while let Some(until) = self.now().plan(self.end).until {
            self.end = until;
        }
        self.end += TimeDelta::minutes(random.i64(0..10_000));
    }

    /// What a node serves that hears of what the operator does so late.
    fn plan(&self, at: DateTime<Utc>, late: TimeDelta) -> Option<Plan> {
        let told = self.told.iter().rev().find(|(since, _)| *since + late <= at)?;
        Some(told.1.plan(at))
    }

    /// Each moment at which something changes, for a node that hears so late.
    fn changes(&self, late: TimeDelta) -> Vec<DateTime<Utc>> {
        let mut changes: Vec<_> = self.parent.iter().map(|(at, _)| *at).collect();
        for (since, history) in &self.told {
            let mut at = *since + late;
            changes.push(at);
            while let Some(until) = history.plan(at).until {
                at = until;
                changes.push(at);
            }
        }
        changes
    }

    /// All that can be cached at `now` of what stood with this TTL.
    fn cached<T: PartialEq>(
        &self,
        now: DateTime<Utc>,
        ttl: u32,
        late: TimeDelta,
        of: impl Fn(DateTime<Utc>) -> T,
    ) -> Vec<T> {
        let oldest = now - TimeDelta::seconds(ttl.into());
        let mut found = vec![];
        let moments = self.changes(late).into_iter().flat_map(|at| [at, at - TimeDelta::seconds(1)]);
        for moment in moments.chain([oldest, now]).filter(|at| *at >= oldest && *at <= now) {
            let value = of(moment);
            if !found.contains(&value) {
                found.push(value);
            }
        }
        found
    }

    /// Every mix of what caches may hold at `now` is one that a validator takes.
    fn check(&self, now: DateTime<Utc>) -> Result<(), String> {
        let lates = [TimeDelta::zero(), TimeDelta::seconds(MARGIN.into())];
        let all_ds = self.cached(now, self.ds_ttl, lates[0], |at| {
            self.parent.iter().rev().find(|(since, _)| *since <= at).map(|(_, has)| has.clone()).unwrap_or_default()
        });
        let cached = |ttl, what: &dyn Fn(Option<Plan>) -> Vec<KeyId>| {
            let of = |late| self.cached(now, ttl, late, move |at| what(self.plan(at, late)));
            lates.map(of).concat()
        };
        let all_dnskey = cached(DNSKEY_TTL, &|plan| plan.map(|plan| plan.published).unwrap_or_default());
        let all_signing = cached(MAX_TTL, &|plan| plan.map(|plan| plan.signing).unwrap_or_default());
        for ds in all_ds.iter().filter(|ds| !ds.is_empty()) {
            for dnskey in &all_dnskey {
                for signing in &all_signing {
                    let followed = ds.iter().any(|key| dnskey.contains(key));
                    let signed = signing.iter().any(|key| dnskey.contains(key));
                    let by = |algorithm| signing.iter().any(|key| key.algorithm == algorithm);
                    let strict = dnskey.iter().all(|key| by(key.algorithm));
                    if !(followed && signed && strict) {
                        return Err(format!("{now}: DS {ds:?}, DNSKEY {dnskey:?}, signed by {signing:?}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks every moment at which something changes or leaves a cache, and every third hour between.
    fn check_all(&self) -> Result<(), String> {
        let ttls = [0, DNSKEY_TTL, MAX_TTL, self.ds_ttl];
        let late = TimeDelta::seconds(MARGIN.into());
        let changes = [self.changes(TimeDelta::zero()), self.changes(late)].concat();
        let ends = changes.iter().flat_map(|at| ttls.map(|ttl| *at + TimeDelta::seconds(ttl.into())));
        let edges = ends.flat_map(|at| [-1, 0, 1].map(|second| at + TimeDelta::seconds(second)));
        let hours = (0..(self.end - start()).num_hours()).step_by(3).map(|hour| start() + TimeDelta::hours(hour));
        edges.chain(hours).filter(|at| *at >= start()).try_for_each(|now| self.check(now))
    }
}

#[test]
fn every_mix_of_what_caches_hold_validates_at_every_moment() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut algorithm = Algorithm::ALL[random.usize(0..2)];
        let mut life = Life::begin(&mut random, algorithm);
        for tag in 2..=4 {
            algorithm = if random.bool() { algorithm } else { Algorithm::ALL[random.usize(0..2)] };
            let now = life.end;
            life.tell(|history| history.roll(id(tag, algorithm), false, now).unwrap());
            life.parent_follows(&mut random);
            assert_eq!(life.now().settled(life.end).key, id(tag, algorithm));
        }
        let now = life.end;
        life.tell(|history| history.unsign(now).unwrap());
        life.parent_follows(&mut random);
        assert_eq!(life.now().plan(life.end).phase, Phase::Unsigned);
        life.end += TimeDelta::days(3);
        if let Err(gap) = life.check_all() {
            panic!("seed {seed}: {gap}");
        }
    }
}

/// A roll whose parent follows so many minutes after it began, and is seen to at once.
fn emergency(minutes: i64) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut life = Life::begin(&mut random, Algorithm::Ed25519);
    let began = life.end;
    life.tell(|history| history.roll(id(9, Algorithm::Ed25519), true, began).unwrap());
    life.end += TimeDelta::minutes(minutes);
    let (now, ttl) = (life.end, life.ds_ttl);
    life.parent.push((now, vec![id(9, Algorithm::Ed25519)]));
    life.tell(|history| history.seen(ttl, now).unwrap());
    life.end = life.now().plan(now).until.unwrap() + TimeDelta::days(3);
    assert_eq!(life.now().settled(life.end).key, id(9, Algorithm::Ed25519));
    life.check_all()
}

#[test]
fn in_an_emergency_there_is_a_gap_only_where_the_parent_is_quicker_than_the_caches() {
    emergency(i64::from(DNSKEY_TTL + MARGIN) / 60).unwrap();
    emergency(3_000).unwrap();
    assert!(emergency(1).is_err(), "a resolver may have the old DNSKEY set and the new DS");
}

#[test]
fn the_check_finds_a_gap() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut life = Life::begin(&mut random, Algorithm::Ed25519);
    let now = life.end;
    life.told.push((now, History { key: id(2, Algorithm::Ed25519), ..life.now() }));
    life.end += TimeDelta::days(3);
    assert!(life.check_all().is_err(), "a key replaced at once");
}

#[test]
fn a_roll_is_told_step_by_step() {
    let (old, new) = (id(1, Algorithm::Ed25519), id(2, Algorithm::Ed25519));
    let hour = |hours| start() + TimeDelta::hours(hours);
    let mut history = History::new(old, start());
    let phase = |history: &History, hours| history.plan(hour(hours)).phase;
    assert_eq!((phase(&history, 0), phase(&history, 24)), (Phase::Introducing, Phase::Introducing));
    assert_eq!(history.plan(start()).announced, Announced::Nothing);
    let plan = history.plan(hour(25));
    assert_eq!((plan.phase, plan.task, plan.until), (Phase::Submitting, Some(Task::SubmitDs(old)), None));
    assert_eq!(history.roll(new, false, hour(25)), Err(Refusal::CannotRoll(Phase::Submitting)));
    history.seen(3_600, hour(30)).unwrap();
    assert_eq!(history.seen(3_600, hour(31)), Err(Refusal::NothingAsked(Phase::Secure)));

    history.roll(new, false, hour(100)).unwrap();
    let plan = history.plan(hour(101));
    assert_eq!((plan.phase, plan.until), (Phase::Publishing, Some(hour(102))));
    assert_eq!((plan.published, plan.signing), (vec![old, new], vec![old]));
    assert_eq!(history.seen(3_600, hour(101)), Err(Refusal::NothingAsked(Phase::Publishing)));
    let plan = history.plan(hour(102));
    assert_eq!((plan.phase, plan.task), (Phase::Submitting, Some(Task::SubmitDs(new))));
    assert_eq!((plan.signing, plan.announced), (vec![new], Announced::Keys(vec![new])));
    history.seen(3_600, hour(110)).unwrap();
    let plan = history.plan(hour(111));
    assert_eq!((plan.phase, plan.until), (Phase::Retiring, Some(hour(135))));
    assert_eq!(history.unsign(hour(111)), Err(Refusal::CannotUnsign(Phase::Retiring)));
    assert_eq!(history.plan(hour(135)), alone(Phase::Secure, new));
    assert_eq!(history.clone().settled(hour(135)).keys().collect::<Vec<_>>(), [new]);
    history.unsign(hour(135)).unwrap();
    assert_eq!((phase(&history, 135), history.key), (Phase::Withdrawing, new));
}
