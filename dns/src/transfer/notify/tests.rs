use chrono::Utc;
use hickory_proto::rr::Name;

use super::*;
use crate::{
    transfer::Secondary,
    tsig::{KeySettings, Keys, Verified},
};

/// In which no test needs to wait long, and none gives up before a slow machine replies.
const LONG: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_millis(20);

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn keys() -> Keys {
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=".to_owned();
    Keys::new(&[KeySettings { name: name("k."), algorithm: "hmac-sha256".into(), secret }]).unwrap()
}

fn changed(zone: &str, serial: u32) -> Changed {
    let zone = Key::new(&name(zone));
    let soa = [zone.as_wire(), zone.as_wire(), &serial.to_be_bytes(), &[0; 16]].concat();
    Changed { soa: Set::new(RecordType::SOA, 300, &[soa], &zone), zone }
}

/// A secondary for all zones under `test`, and one who tells it.
struct Place {
    secondary: UdpSocket,
    notifier: Notifier,
    counts: Arc<Counts>,
    stop: CancellationToken,
}

async fn place(key: Option<&str>) -> Place {
    let secondary = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let listed = Secondary {
        zones: "*.test".into(),
        notify: vec![secondary.local_addr().unwrap()],
        source: Some("127.0.0.1".parse().unwrap()),
        allow: vec![],
        key: key.map(name),
    };
    let (counts, stop) = (Arc::<Counts>::default(), CancellationToken::new());
    let transfers = Transfers::new(&[listed], keys()).unwrap();
    let notifier = Notifier::start(transfers, WAIT, 1, Utc::now, counts.clone(), stop.clone());
    Place { secondary, notifier, counts, stop }
}

impl Place {
    /// The next notice, and from where.
    async fn hear(&self) -> (Vec<u8>, SocketAddr) {
        let mut message = vec![0; 4096];
        let heard = tokio::time::timeout(LONG, self.secondary.recv_from(&mut message)).await.expect("a notice comes");
        let (length, from) = heard.unwrap();
        message.truncate(length);
        (message, from)
    }

    async fn reply(&self, (mut message, from): (Vec<u8>, SocketAddr), code: u8) {
        (message[2], message[3]) = (message[2] | 0x80, code);
        self.secondary.send_to(&message, from).await.unwrap();
    }

    /// Until a count is there.
    async fn until(&self, count: impl Fn(&Counts) -> &AtomicU64, wanted: u64) {
        let there = async {
            while count(&self.counts).load(Relaxed) < wanted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, there).await.unwrap_or_else(|_| panic!("{:?}", self.counts));
    }
}

fn zone(message: &[u8]) -> Key {
    Query::read(message).unwrap().question.unwrap().name
}

#[tokio::test]
async fn a_notice_is_repeated_until_it_is_acknowledged() {
    let place = place(None).await;
    place.notifier.changed(&[changed("z.test.", 7), changed("z.elsewhere.", 7)]);
    let (first, _) = place.hear().await;
    let query = Query::read(&first).unwrap();
    assert_eq!((query.flags, query.malformed, query.question.unwrap().rtype), (0x2400, false, 6));
    assert_eq!(first[4..12], [0, 1, 0, 1, 0, 0, 0, 0]);
    assert_eq!(first[first.len() - 20..][..4], 7_u32.to_be_bytes());
    let (second, _) = place.hear().await;
    let third = place.hear().await;
    assert!(first == second && second == third.0, "the same, ID and all");
    place.reply(third, 0).await;
    place.until(|c| &c.acknowledged, 1).await;
    // The next zone is the next thing told: nothing of the one before comes in between.
    place.notifier.changed(&[changed("next.test.", 1)]);
    let next = place.hear().await;
    assert_eq!(zone(&next.0), Key::new(&name("next.test.")));
    place.reply(next, 5).await;
    place.until(|c| &c.refused, 1).await;
    assert_eq!(place.counts.unanswered.load(Relaxed), 0);
}

#[tokio::test]
async fn a_later_change_takes_the_place_of_one_under_way() {
    let place = place(None).await;
    place.notifier.changed(&[changed("z.test.", 7)]);
    let old = place.hear().await;
    place.notifier.changed(&[changed("z.test.", 8)]);
    let latest = loop {
        let heard = place.hear().await;
        if heard.0[..2] != old.0[..2] {
            break heard;
        }
    };
    assert_eq!(latest.0[latest.0.len() - 20..][..4], 8_u32.to_be_bytes());
    place.reply(old, 0).await;
    place.reply(latest, 0).await;
    place.until(|c| &c.acknowledged, 1).await;
}

#[tokio::test]
async fn replies_that_are_not_to_it_are_passed_over_and_it_gives_up_in_the_end() {
    let place = place(None).await;
    place.notifier.changed(&[changed("z.test.", 7)]);
    let mut sent = 0;
    for spoil in [
        |message: &mut Vec<u8>| message[0] ^= 1,         // another ID
        |message: &mut Vec<u8>| message[13] = b'y',      // another zone
        |message: &mut Vec<u8>| message[2] ^= 0x20,      // a query's opcode
        |message: &mut Vec<u8>| message.truncate(20),    // cut
        |message: &mut Vec<u8>| message[2..].fill(0xff), // noise
    ] {
        let (mut message, from) = place.hear().await;
        sent += 1;
        spoil(&mut message);
        message[2] |= 0x80;
        place.secondary.send_to(&message, from).await.unwrap();
    }
    place.until(|c| &c.unanswered, 1).await;
    assert_eq!((sent, place.counts.sent.load(Relaxed)), (5, 5));
    assert_eq!(place.counts.acknowledged.load(Relaxed) + place.counts.refused.load(Relaxed), 0);
}

#[tokio::test]
async fn with_a_key_both_sides_sign() {
    let place = place(Some("k.")).await;
    place.notifier.changed(&[changed("z.test.", 7)]);
    let (message, from) = place.hear().await;
    let Ok(Verified::Good(mut signer)) = keys().verify(&message, Utc::now()) else { panic!("it is signed") };
    // Unsigned, with no TSIG record: passed over, so that it is told again.
    let question = HEADER + 8 + 4;
    let mut reply = [&message[..2], &[0xa4, 0, 0, 1, 0, 0, 0, 0, 0, 0], &message[HEADER..question]].concat();
    place.secondary.send_to(&reply, from).await.unwrap();
    let (again, _) = place.hear().await;
    assert_eq!(again[..2], message[..2]);
    if let Ok(Verified::Good(latest)) = keys().verify(&again, Utc::now()) {
        signer = latest;
    }
    let length = reply.len();
    reply.resize(512, 0);
    let length = signer.sign(&mut reply, length, Utc::now()).unwrap();
    place.secondary.send_to(&reply[..length], from).await.unwrap();
    place.until(|c| &c.acknowledged, 1).await;
}

#[tokio::test]
async fn a_thousand_zones_come_through_one_window() {
    let place = place(None).await;
    let zones: Vec<_> = (0..1000).map(|n| changed(&format!("z{n}.test."), n)).collect();
    place.notifier.changed(&zones);
    let mut told = std::collections::BTreeSet::new();
    while told.len() < zones.len() {
        let heard = place.hear().await;
        told.insert(zone(&heard.0).as_wire().to_vec());
        place.reply(heard, 0).await;
    }
    place.until(|c| &c.acknowledged, 1000).await;
}

#[tokio::test]
async fn who_is_stopped_says_no_more_and_who_is_dropped_ends_what_it_began() {
    let dropped = place(None).await;
    dropped.notifier.changed(&[changed("z.test.", 7)]);
    let Place { secondary, notifier, counts, stop } = dropped;
    drop(notifier);
    let dropped = Place { notifier: place(None).await.notifier, secondary, counts, stop };
    let heard = dropped.hear().await;
    dropped.reply(heard, 0).await;
    dropped.until(|c| &c.acknowledged, 1).await;

    let stopped = place(None).await;
    stopped.stop.cancel();
    let ended = async {
        while stopped.notifier.tasks.values().any(|task| !task.is_closed()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LONG, ended).await.expect("the task ends");
    stopped.notifier.changed(&[changed("z.test.", 7)]);
    assert_eq!(stopped.counts.sent.load(Relaxed), 0);
}
