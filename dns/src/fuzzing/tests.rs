//! The seeds, replayed; and what only a test can measure.

use std::{fs, path::Path};

use super::{World, cookie, message, policy, reply::Asked, subnet, zone};
use crate::{reply::answer, wire::query::Query};

fn world() -> World {
    World::new(|file, text| fairway_policies::parse(file, text).ok())
}

/// Runs a target on each of its seeds.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds = 0;
    for seed in fs::read_dir(&folder).unwrap() {
        run(&fs::read(seed.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 5, "{}: {seeds} seeds", folder.display());
}

#[test]
fn seeds_hold() {
    let world = world();
    replay("message", |data| message(&world, data));
    replay("subnet", subnet);
    replay("cookie", cookie);
    replay("zone", |data| zone(&world, data));
    replay("policy", |data| policy(&world, data));
}

/// But for `_fairway` and signed queries, which say of themselves that they are few and allocate.
#[test]
fn no_reply_allocates() {
    let world = world();
    replay("message", |data| {
        let Some((_, query)) = data.split_first() else { return };
        let signed = Query::read(query).is_some_and(|query| query.signed);
        if signed || query.windows(8).any(|label| label == b"_fairway") {
            return;
        }
        for serving in &world.servers {
            for transport in crate::Transport::ALL {
                let view = serving.view.load();
                let asked = Asked { query, source: super::message::SOURCES[0], transport, view: &view };
                let mut out = vec![0; asked.buffer()];
                let cost = allocation_counter::measure(|| {
                    answer(&view, query, asked.source, transport, super::world::now(), &mut out).ok();
                });
                assert_eq!(cost.count_total, 0, "{}", query.escape_ascii());
            }
        }
    });
}
