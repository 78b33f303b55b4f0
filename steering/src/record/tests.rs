use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize},
};

use chrono::TimeDelta;
use fairway_geo::{Asn, Country, Place};
use fairway_policies::{Metric, StepKind, parse};
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    cells::Audience,
    client::{Client, Via},
    decide::decide,
    estimates::{Known, Value},
    health::{Health, Ramp},
    overrides::{Force, Override},
    snapshot::{Inputs, Service},
    standing::{Lead, Standing},
    testing::{Numbers, healthy, now, policy, snapshot, unwell, verdict},
};

const EXAMPLES: [(&str, &str); 6] = [
    ("canary.policy.toml", include_str!("../../../policies/examples/canary.policy.toml")),
    ("commit.policy.toml", include_str!("../../../policies/examples/commit.policy.toml")),
    ("failover.policy.toml", include_str!("../../../policies/examples/failover.policy.toml")),
    ("live-event.policy.toml", include_str!("../../../policies/examples/live-event.policy.toml")),
    ("multi-cdn.policy.toml", include_str!("../../../policies/examples/multi-cdn.policy.toml")),
    ("rights.policy.toml", include_str!("../../../policies/examples/rights.policy.toml")),
];
const COUNTRIES: [&str; 4] = ["DE", "FR", "BR", "JP"];

fn country(numbers: &mut Numbers) -> Country {
    numbers.pick(&COUNTRIES).parse().unwrap()
}

/// 0…1, and no round number.
fn share(numbers: &mut Numbers) -> f64 {
    numbers.next() as f64 / u64::MAX as f64
}

/// All kinds of things that may be known of a policy's pathways.
fn inputs(numbers: &mut Numbers, policy: &fairway_policies::Policy) -> Inputs {
    let count = policy.pathways.len();
    let health = [Health::Up, Health::Up, Health::Degraded, Health::Down, Health::Drained];
    let ramp = |numbers: &mut Numbers| Ramp { share: share(numbers) as f32, trial: numbers.chance(30) };
    let standing = |numbers: &mut Numbers, level: Audience| {
        let known = |numbers: &mut Numbers| Known {
            level,
            sessions: numbers.next() % 1000,
            own: numbers.next() % 100,
            values: vec![Value {
                metric: Metric::StallRatio,
                value: share(numbers) as f32,
                error: share(numbers) as f32,
                samples: share(numbers) as f32 * 100.0,
            }],
            at: now() - TimeDelta::nanoseconds(numbers.below(1 << 40) as i64),
        };
        let known = (0..count).map(|_| numbers.chance(80).then(|| known(numbers))).collect();
        let lead = (count > 1).then(|| Lead {
            share: share(numbers).max(1e-6) as f32,
            ..Lead::whole(numbers.below(count) as u8, 0, Metric::StallRatio)
        });
        Arc::new(Standing::new(known, lead.into_iter().filter(|lead| lead.ahead != 0).collect()))
    };
    let standings = policy.steps.iter().map(|step| {
        if !matches!(step.kind, StepKind::Rank(_)) {
            return Arc::default();
        }
        let places = (0..4).map(|_| match numbers.below(3) {
            0 => Audience::World,
            1 => Audience::Country(country(numbers)),
            _ => Audience::CountryAsn(country(numbers), Asn(3320)),
        });
        let places: Vec<_> = places.collect();
        Arc::new(places.into_iter().map(|audience| (audience, standing(numbers, audience))).collect())
    });
    let standings = standings.collect();
    let order = Override {
        id: 7,
        service: "*".into(),
        pathway: policy.pathways[numbers.below(count)].id.clone(),
        place: Default::default(),
        force: *numbers.pick(&[Force::Up, Force::Drained, Force::Share(0.3)]),
        author: "ada".into(),
        reason: "maintenance".into(),
        since: now() - TimeDelta::seconds(30),
        expires: Some(now() + TimeDelta::hours(1)),
    };
    Inputs {
        verdicts: (0..count).map(|_| verdict(*numbers.pick(&health))).collect(),
        ramps: (0..count).map(|_| ramp(numbers)).collect(),
        standings,
        admits: (0..count).map(|_| share(numbers) as f32).collect(),
        prices: (0..count).map(|_| numbers.chance(70).then(|| share(numbers) * 30.0)).collect(),
        overrides: if numbers.chance(30) { Arc::from([order]) } else { Arc::default() },
        volumes: Vec::new(),
        cells_at_ms: Some(now().timestamp_millis() - 4_000),
    }
}

fn noted(recorder: &Recorder, snapshot: &Snapshot, client: &Client<'_>, at: chrono::DateTime<chrono::Utc>) -> Noted {
    let service = snapshot.services[0].clone();
    let asker = service.asker(client, at);
    let made = (snapshot.version, snapshot.made_at);
    Noted { id: recorder.id(at), at, occasion: Occasion::Sampled, weight: 8, service, snapshot: made, asker }
}

#[test]
fn a_record_tells_all_that_it_takes_to_make_the_decision_again() {
    let (mut numbers, recorder) = (Numbers(21), Recorder::new(now()));
    let (mut bytes, mut records) = (0, 0);
    for (file, text) in EXAMPLES {
        let policy = Arc::new(parse(file, text).unwrap());
        for n in 0..12 {
            let service = Service::new(policy.clone(), inputs(&mut numbers, &policy), Arc::default());
            let snapshot = snapshot(service);
            let country = numbers.chance(90).then(|| country(&mut numbers));
            let continent = country.and_then(|country| country.continent());
            let place = Place { country, continent, asn: numbers.chance(50).then_some(Asn(3320)), ..Place::default() };
            let (session, via) = (format!("session-{n}"), *numbers.pick(&[Via::Dns, Via::Hls, Via::Dash, Via::Http]));
            let client = Client {
                address: Some("192.0.2.77".parse().unwrap()),
                buffer_ms: Some(numbers.below(20_000) as u32),
                ..Client::at(place, via, (via != Via::Dns).then_some(session.as_str()))
            };
            let at = now() + TimeDelta::nanoseconds(numbers.below(1 << 50) as i64);
            let given = decide(&snapshot, &snapshot.services[0], &client, at, &mut ());

            let record = Recorded::of(noted(&recorder, &snapshot, &client, at));
            let json = serde_json::to_string(&record).unwrap();
            assert!(!json.contains("192.0.2") && !json.contains(&session), "{json}");
            let read: Recorded = serde_json::from_str(&json).unwrap();
            assert_eq!(read, record, "JSON keeps every bit");

            let id = |index: u8| policy.pathways[usize::from(index)].id.as_str();
            let candidates: Vec<_> = read.answer.candidates.iter().map(|c| (&*c.pathway, c.tier, c.weight)).collect();
            let ranked: Vec<_> = given.ranked.iter().map(|c| (id(c.pathway), c.tier, c.weight)).collect();
            assert_eq!((candidates, read.answer.ttl), (ranked, given.ttl), "what was answered");
            assert_eq!(read.answer.chosen.as_deref(), given.first(&policy, via).map(id));
            if read.answer.chosen.is_some() {
                assert!(read.answer.why.as_ref().is_some_and(|why| !why.word().is_empty()), "{json}");
                assert!(read.answer.probability > 0.0, "{json}");
            }

            let replay = read.replay(text).unwrap();
            assert_eq!(replay.differences, []);
            assert_eq!(replay.answer, record.answer);
            assert_eq!(replay.explanation.http.ttl, given.ttl);
            (bytes, records) = (bytes + json.len(), records + 1);
        }
    }
    assert!(bytes / records < 8_000, "{} bytes a record", bytes / records);
}

#[test]
fn what_a_replay_finds_otherwise_it_names() {
    let policy = policy(&["a", "b"], "[[step]]\ndo = \"healthy\"\n[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\n");
    let snapshot = unwell(&policy, &[("b", Health::Down)]);
    let client = Client::at(Place::default(), Via::Hls, None);
    let mut record = Recorded::of(noted(&Recorder::new(now()), &snapshot, &client, now()));
    assert_eq!((record.answer.chosen.as_deref(), &record.answer.aside), (Some("a"), &vec!["b".to_owned()]));
    record.answer.chosen = Some("b".into());
    record.answer.ttl += 1;
    let differences = record.replay(&policy.text).unwrap().differences;
    let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["chosen: then \"b\", now \"a\"", "ttl: then 21, now 20"]);
    assert!(matches!(record.replay(""), Err(ReplayError::NoPolicy)));
    assert!(matches!(record.replay("# another"), Err(ReplayError::OtherPolicy)));
    record.policy = known_by("ttl = 1");
    assert!(matches!(record.replay("ttl = 1"), Err(ReplayError::Policy(_))));
}

#[test]
fn why_is_the_step_that_put_it_first() {
    let steps = "[[step]]\ndo = \"healthy\"\n[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\n\
                 [[step]]\ndo = \"prefer\"\ntiers = [[\"a\"]]\nwhen = { country = [\"DE\"] }\n";
    let snapshot = healthy(&policy(&["a", "b"], steps));
    let why = |place| {
        let client = Client::at(place, Via::Hls, None);
        let why = Recorded::of(noted(&Recorder::new(now()), &snapshot, &client, now())).answer.why.unwrap();
        (why.step, why.word())
    };
    assert_eq!(why(Place::default()), (2, "preferred".into()));
    let german = Place { country: "DE".parse().ok(), ..Place::default() };
    assert_eq!(why(german), (3, "preferred".into()));
}

#[test]
fn an_id_is_its_time_and_sixteen_digits() {
    let recorder = Recorder::new(now());
    let (a, b) = (recorder.id(now()), recorder.id(now()));
    assert!(a != b && a.0 >> 20 == now().timestamp_millis() as u64);
    assert_eq!(a.to_string().parse(), Ok(a));
    assert_eq!(serde_json::to_string(&DecisionId(255)).unwrap(), "\"00000000000000ff\"");
    for wrong in ["", "ff", "00000000000000fg", "+0000000000000ff", "000000000000000ff"] {
        assert!(wrong.parse::<DecisionId>().is_err(), "{wrong}");
    }
}

/// A store that can be away.
#[derive(Clone, Default)]
struct Fake(Arc<FakeStore>);

#[derive(Default)]
struct FakeStore {
    away: AtomicBool,
    tried: AtomicUsize,
    records: Mutex<Vec<Recorded>>,
    texts: Mutex<Vec<String>>,
}

impl Fake {
    fn is_away(&self) -> Result<(), RecordsRefused> {
        self.0.tried.fetch_add(1, Ordering::Relaxed);
        match self.0.away.load(Ordering::Relaxed) {
            true => Err(RecordsRefused { why: "away".into(), temporary: true }),
            false => Ok(()),
        }
    }
    fn records(&self) -> Vec<Recorded> {
        self.0.records.lock().unwrap().clone()
    }
    async fn holds(&self, count: usize) -> Vec<Recorded> {
        self.until(|fake| fake.records().len() >= count).await;
        self.records()
    }
    /// Under the paused clock this waits for conditions, not for time.
    async fn until(&self, is: impl Fn(&Self) -> bool) {
        let so = async {
            while !is(self) {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(600), so).await.expect("it comes about");
    }
}

impl RecordSink for Fake {
    async fn write(&self, _: &str, records: &[Recorded]) -> Result<(), RecordsRefused> {
        self.is_away()?;
        self.0.records.lock().unwrap().extend_from_slice(records);
        Ok(())
    }
    async fn keep(&self, policies: &[(String, Arc<str>)]) -> Result<(), RecordsRefused> {
        self.is_away()?;
        self.0.texts.lock().unwrap().extend(policies.iter().map(|(_, text)| text.to_string()));
        Ok(())
    }
}

struct World {
    live: Arc<Live>,
    sink: Fake,
    end: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl World {
    async fn new(snapshot: Snapshot, budget: f64) -> Self {
        let (live, sink) = (Arc::new(Live::new(snapshot, now())), Fake::default());
        let end = CancellationToken::new();
        let task = tokio::spawn(start(live.clone(), sink.clone(), budget, end.clone()));
        // The first tick says how densely is sampled.
        sleep(Duration::from_millis(1)).await;
        Self { live, sink, end, task }
    }

    /// So many answers of the only service, to sessions of their own.
    fn answer(&self, count: u32) {
        let snapshot = self.live.snapshot();
        let service = &snapshot.services[0];
        for n in 0..count {
            let session = n.to_string();
            let client = Client::at(Place::default(), Via::Hls, Some(&session));
            let decision = decide(&snapshot, service, &client, now(), &mut ());
            let answered = Answered::of(&decision, service, Via::Hls, now());
            self.live.recorder.answered(&snapshot, service, &answered, || service.asker(&client, now()));
        }
    }

    fn counts(&self) -> (u64, u64) {
        let recorder = &self.live.recorder;
        (recorder.recorded.load(Ordering::Relaxed), recorder.dropped.load(Ordering::Relaxed))
    }

    async fn end(self) -> Fake {
        self.end.cancel();
        self.task.await.unwrap();
        self.sink
    }
}

const HALVES: &str = "[[step]]\ndo = \"healthy\"\n[[step]]\ndo = \"weights\"\nshares = { a = 3, b = 1 }\n";

#[tokio::test(start_paused = true)]
async fn the_sample_keeps_to_its_budget_and_weighs_true() {
    let world = World::new(healthy(&policy(&["a", "b"], HALVES)), 20.0).await;
    world.answer(15);
    assert_eq!(world.sink.holds(15).await.len(), 15, "the few are recorded whole");
    let (seconds, rate) = (50, 4_000);
    // The first second's flood is not foreseen: each of it that the queue takes stands for itself.
    world.answer(rate);
    for _ in 0..seconds {
        sleep(Duration::from_secs(1)).await;
        world.answer(rate);
    }
    sleep(Duration::from_secs(5)).await;
    let mut records = world.end().await.records();
    records.retain(|record| record.weight > 1);
    assert!((10 * seconds..=20 * seconds).contains(&records.len()), "{}", records.len());
    let stands_for = |id: Option<&str>| -> u64 {
        let of = |record: &&Recorded| id.is_none() || record.answer.chosen.as_deref() == id;
        records.iter().filter(of).map(|record| record.weight).sum()
    };
    let all = seconds as f64 * f64::from(rate);
    assert!((stands_for(None) as f64 / all - 1.0).abs() < 0.05, "{} of {all}", stands_for(None));
    let share = stands_for(Some("a")) as f64 / stands_for(None) as f64;
    assert!((share - 0.75).abs() < 0.05, "{share}");
    assert!(records.iter().all(
        |record| (record.answer.probability - 0.75).abs() < 1e-9 || (record.answer.probability - 0.25).abs() < 1e-9
    ));
}

#[tokio::test(start_paused = true)]
async fn answers_that_failed_have_a_budget_of_their_own() {
    let snapshot = unwell(&policy(&["a", "b"], HALVES), &[("a", Health::Down), ("b", Health::Down)]);
    let world = World::new(snapshot, 20.0).await;
    world.answer(18);
    let records = world.sink.holds(18).await;
    assert!(records.iter().all(|record| record.occasion == Occasion::Failed && record.answer.panic));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_no_budget_only_what_was_asked_for_is_recorded() {
    let world = World::new(healthy(&policy(&["a", "b"], HALVES)), 0.0).await;
    world.answer(1_000);
    let snapshot = world.live.snapshot();
    let asker = snapshot.services[0].asker(&Client::at(Place::default(), Via::Dns, None), now());
    let id = world.live.recorder.explained(&snapshot, &snapshot.services[0], asker, now());
    let records = world.end().await.records();
    assert_eq!(records.iter().map(|r| (Some(r.id), r.occasion)).collect::<Vec<_>>(), [(id, Occasion::Explained)]);
}

#[tokio::test(start_paused = true)]
async fn a_swap_records_whom_it_answers_otherwise() {
    let steps =
        "[[step]]\ndo = \"healthy\"\n[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\nwhen = { country = [\"DE\"] }\n";
    let policy = policy(&["a", "b"], steps);
    let world = World::new(healthy(&policy), 20.0).await;
    let mut next = unwell(&policy, &[("b", Health::Degraded)]);
    world.live.publish(next, false);
    next = unwell(&policy, &[("a", Health::Down)]);
    next.version = 9;
    world.live.publish(next, false);
    let records = world.end().await.records();
    let places: Vec<_> = records.iter().map(|r| (r.asker.place.continent, r.asker.place.country)).collect();
    assert_eq!(places.len(), 8, "the world and its continents, but not Germany, whose answer stayed: {places:?}");
    assert!(records.iter().all(|r| r.occasion == Occasion::Changed && r.snapshot == 9 && r.weight == 0));
    assert!(records.iter().all(|r| r.answer.chosen.as_deref() == Some("b")));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_costs_records_and_nothing_else() {
    let world = World::new(healthy(&policy(&["a", "b"], HALVES)), 1e9).await;
    world.sink.0.away.store(true, Ordering::Relaxed);
    let mut told = 0;
    while world.counts().1 == 0 {
        world.answer(500);
        told += 500;
        sleep(Duration::from_millis(10)).await;
    }
    assert!(told >= writer::WAITING, "{told} waited");
    assert_eq!(world.counts().0, 0);
    world.sink.0.away.store(false, Ordering::Relaxed);
    let kept = told - world.counts().1 as usize;
    let records = world.sink.holds(kept).await;
    let mut ids: Vec<_> = records.iter().map(|record| record.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((records.len(), ids.len()), (kept, kept), "each once");
    assert_eq!(world.sink.0.texts.lock().unwrap().len(), 1, "and the policy once");
    let live = world.live.clone();
    world.end().await;
    assert_eq!(live.recorder.recorded.load(Ordering::Relaxed), kept as u64);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_does_not_hold_up_the_end() {
    let world = World::new(healthy(&policy(&["a", "b"], HALVES)), 20.0).await;
    world.sink.0.away.store(true, Ordering::Relaxed);
    world.answer(10);
    world.sink.until(|fake| fake.0.tried.load(Ordering::Relaxed) > 2).await;
    let live = world.live.clone();
    assert!(world.end().await.records().is_empty());
    assert_eq!(live.recorder.dropped.load(Ordering::Relaxed), 10);
}
