//! What else takes time.

use std::{hint::black_box, net::IpAddr};

use chrono::TimeDelta;
use hickory_proto::rr::Name;

use super::{Cost, Costs, ZONES, key};
use crate::{
    dnssec::{
        Algorithm,
        cache::Signatures,
        denial::{Denial, MAX_NSEC},
    },
    fuzzing::world::{TSIG, now, signer_with},
    limit::{Kind, Limiter, Limits},
    transport::{Answers, Transport},
    wire::{name::Key, query::rtype},
};

/// Replies that are judged in a round.
const JUDGED: u32 = 1 << 18;
/// Judged at one moment: a thread takes the time once a batch.
const BATCH: u32 = 64;
/// Sets that are signed in a round.
const SIGNED: usize = 2_000;

impl Costs {
    /// The limiter, signatures of each algorithm, a zone transfer.
    pub fn parts(&self) -> Vec<Cost<'_>> {
        let limits = [1, 1_000, 100_000, 10_000_000].into_iter().map(limit);
        let signatures = Algorithm::ALL.into_iter().flat_map(signatures);
        let transfers = [false, true].into_iter().map(|signed| self.transfer(signed));
        limits.chain(signatures).chain(transfers).collect()
    }

    /// A whole zone; a round is counted by its records.
    fn transfer(&self, signed: bool) -> Cost<'_> {
        let name = |text: &str| Key::new(&Name::from_ascii(text).expect("a name"));
        let mut query = [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], name(ZONES[0]).as_wire(), &[0, 252, 0, 1]].concat();
        if signed {
            self.serving.view.load().transfers.keys().sign(&name(TSIG.0), &mut query, now()).expect("the key");
        }
        let records = move || {
            let source = IpAddr::from([192, 0, 2, 1]);
            let messages = self.serving.transfer(&query, source, Transport::Tcp, now()).expect("a transfer");
            let answers = |message: Vec<u8>| usize::from(u16::from_be_bytes([message[6], message[7]]));
            messages.map(|message| answers(black_box(message))).sum::<usize>()
        };
        let times = records();
        assert!(times > self.hosts, "{times} records");
        let how = if signed { ", each message signed (TSIG)" } else { "" };
        let round = move || assert_eq!(records(), times, "the whole zone");
        Cost { what: format!("a record in a transfer of {times}{how}"), times, round: Box::new(round) }
    }
}

/// Whether a reply passes, when this many prefixes ask in no order, a million times a second in all.
fn limit<'c>(prefixes: u32) -> Cost<'c> {
    let limiter = Limiter::new(Limits::default(), [5; 16]).expect("limits");
    let (mut moment, mut asked) = (now(), 0_u32);
    let round = move || {
        for _ in 0..JUDGED / BATCH {
            moment += TimeDelta::microseconds(BATCH.into());
            for _ in 0..BATCH {
                asked = asked.wrapping_add(1);
                let prefix = asked.wrapping_mul(0x9e37_79b1) % prefixes;
                black_box(limiter.judge(IpAddr::from((prefix << 8).to_be_bytes()), Kind::Data, 7, moment));
            }
        }
    };
    let plural = if prefixes == 1 { "" } else { "es" };
    Cost { what: format!("the limiter, {prefixes} prefix{plural}"), times: JUDGED as usize, round: Box::new(round) }
}

/// A set signed, found again, and a name denied.
fn signatures<'c>(algorithm: Algorithm) -> [Cost<'c>; 3] {
    let origin = Key::new(&Name::from_ascii("z.test").expect("a name"));
    let signer = signer_with(&origin, key(algorithm)).expect("a key that signs");
    let owner = |n| Key::new(&Name::from_ascii(format!("name-{n}.z.test")).expect("a name"));
    let owners: Vec<Key> = (0..SIGNED).map(owner).collect();
    let addresses = [vec![192, 0, 2, 2], vec![192, 0, 2, 1]];
    let cost = |what: &str, round| Cost { what: format!("{what}, {algorithm:?}"), times: SIGNED, round };

    let sign = {
        let (signer, owners) = (signer.clone(), owners.clone());
        move |signatures: &mut Signatures| {
            for owner in &owners {
                black_box(signatures.sign(&signer, owner, rtype::A, 60, &addresses, now()).expect("signatures"));
            }
        }
    };
    let (again, mut known) = (sign.clone(), Signatures::default());
    let deny = move || {
        let mut out = [0; MAX_NSEC + 2 * 512];
        for owner in &owners {
            black_box(signer.sign_nsec_into(owner, Denial::NoName, 60, now(), &mut out).expect("a denial"));
        }
    };
    [
        cost("a set signed", Box::new(move || sign(&mut Signatures::default())) as Box<dyn FnMut()>),
        cost("a set whose signature is known", Box::new(move || again(&mut known))),
        cost("a denial signed", Box::new(deny)),
    ]
}
