//! What a DNS reply costs, and what else takes time beside it: `cargo bench -p fairway-dns --features inside --bench costs`.
//! A hand loop of rounds; the best and the median of them, because a mean would measure the machine's other work. Places and
//! clients are those of the real geo data, the policy is the one that Fairway ships. Allocations are counted in a round of
//! their own.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measure prints what it measured, or says why it cannot"
)]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use fairway_dns::costs::{Cost, Costs};
use fairway_geo::GeoTable;

/// For how long one thing is measured.
const EACH: Duration = Duration::from_secs(1);
/// And in how many rounds, if these take longer.
const ROUNDS: usize = 5;

fn main() {
    let files = GeoTable::default_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let geo = Arc::new(GeoTable::load(&files, &mut |_| {}).expect("the default geo data"));
    let policy = include_str!("../../policies/live.policy.toml");
    let policy = fairway_policies::parse("live.policy.toml", policy).expect("a good policy");
    let costs = Costs::new(Costs::HOSTS, policy, geo);
    println!("{:<58} {:>10} {:>10} {:>12}", "ns each", "best", "median", "allocations");
    for (title, costs) in [("replies by UDP", costs.replies()), ("parts", costs.parts())] {
        println!("{title}:");
        costs.into_iter().for_each(measure);
    }
}

fn measure(mut cost: Cost<'_>) {
    (cost.round)(); // fills the caches, and `ring` looks up once what the processor can do
    let allocated = allocation_counter::measure(|| (cost.round)()).count_total;
    let (begun, mut rounds) = (Instant::now(), Vec::new());
    while begun.elapsed() < EACH || rounds.len() < ROUNDS {
        let start = Instant::now();
        (cost.round)();
        rounds.push(start.elapsed().as_nanos() as f64 / cost.times as f64);
    }
    rounds.sort_unstable_by(f64::total_cmp);
    let (best, median) = (rounds[0], rounds[rounds.len() / 2]);
    let allocations = allocated as f64 / cost.times as f64;
    println!("  {:<56} {best:>10.1} {median:>10.1} {allocations:>12.2}", cost.what);
}
