//! Does steering by quality herd? `cargo bench -p fairway-steering --bench herding`, or `make simulate`.
//!
//! Pathways get worse as they fill, and what is known of them is seconds old; so whoever sends everyone to the best makes it
//! the worst, sees that too late, and sends everyone on. This runs one hour of [the same world](sim::World::new) under each
//! strategy: a match at whose kick-off everyone arrives. After ten minutes it is measured for twenty, while nothing
//! changes but what the strategy itself brings about. Then two things go wrong: the lines between pathway b and the
//! United States carry a seventh, for ten minutes; and, later, six in ten requests to b fail while its probes
//! pass.
//!
//! All this twice: where overload makes a pathway slow, and where it makes requests fail as well.
//!
//! The tables tell, each as the mean over [`SEEDS`]: how far the shares swing; how often a viewer is moved; the highest load; and
//! the share of time without a picture; then, for each fault, after how long at most a tenth of the viewers are left on
//! the pathway for good, and how many viewers' pictures stopped over it.

#[allow(dead_code, reason = "each of the programs that share it needs a part")]
mod sim;

use std::{error::Error, io::Write, ops::Range};

use sim::{
    Record, Second, World, run,
    strategies::{
        Strategy,
        ours::{BadPolicy, Ours},
        usual::{Best, Softmax, Static},
    },
    table::{Unit, head, mean, row},
    world::{Fault, FaultKind, SHEDS, SLOWS},
};

const SEEDS: Range<u64> = 1..4;
const VIEWERS: usize = 4000;
/// While nothing is wrong.
const STEADY: Range<Second> = 600..1800;
/// While b is slow in the United States.
const SLOW: Range<Second> = 1800..2400;
/// While six in ten requests to b fail.
const FAILING: Range<Second> = 3000..3600;
/// The index of pathway b.
const B: usize = 1;

type Make = fn(&World) -> Result<Box<dyn Strategy>, BadPolicy>;

/// The usual policy: shares by size, quality overrules them.
const BALANCED: &str = r#"
[[step]]
do = "healthy"
[[step]]
do = "rank"
[[step]]
do = "weights"
shares = { a = 65, b = 50, c = 50 }
[[step]]
do = "explore"
"#;
/// Where a is cheapest and c dearest: each next only where the one before is clearly worse.
const IN_ORDER: &str = r#"
[[step]]
do = "healthy"
[[step]]
do = "prefer"
tiers = [["a"], ["b"], ["c"]]
[[step]]
do = "rank"
[[step]]
do = "explore"
"#;
const CAPACITY: &str = "[[step]]\ndo = \"capacity\"\n";

const STRATEGIES: [Make; 9] = [
    |world| ours("ours, by shares, capacity known", world, true, &[BALANCED, CAPACITY]),
    |world| ours("ours, by shares", world, false, &[BALANCED]),
    |world| ours("ours, in order, capacity known", world, true, &[IN_ORDER, CAPACITY]),
    |world| ours("ours, in order", world, false, &[IN_ORDER]),
    |world| Ok(Box::new(Static::new(world))),
    |world| Ok(Box::new(Best::new(world))),
    |world| Ok(Box::new(Best::jittered(world))),
    |world| Ok(Box::new(Softmax::new(world))),
    |world| Ok(Box::new(Softmax::keeping(world))),
];

const COLUMNS: [&str; 9] = [
    "strategy",
    "swing, points",
    "switches an hour",
    "peak load",
    "stalled",
    "slow: left after",
    "hurt",
    "failing: left after",
    "hurt",
];
const UNITS: [Unit; 8] = [
    Unit::Points,
    Unit::Number(1),
    Unit::Percent(0),
    Unit::Percent(2),
    Unit::Seconds,
    Unit::Number(0),
    Unit::Seconds,
    Unit::Number(0),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for (title, sheds) in [("Overload makes slow", SLOWS), ("Overload makes requests fail", SHEDS)] {
        writeln!(out, "\n**{title}**\n\n{}", head(&COLUMNS))?;
        for make in STRATEGIES {
            let (mut name, mut runs) = ("", Vec::new());
            for seed in SEEDS {
                let world = World { sheds, ..world(seed) };
                let mut strategy = make(&world)?;
                name = strategy.name();
                runs.push(figures(&world, &run(&world, &mut *strategy)));
            }
            writeln!(out, "{}", row(&[name], &mean(&runs), &UNITS))?;
        }
    }
    Ok(())
}

fn ours(name: &'static str, world: &World, declared: bool, steps: &[&str]) -> Result<Box<dyn Strategy>, BadPolicy> {
    Ok(Box::new(Ours::new(name, world, declared, &steps.concat())?))
}

fn world(seed: u64) -> World {
    let fault = |during: Range<Second>, country, kind| Fault {
        from: during.start,
        until: during.end,
        pathway: B,
        country,
        kind,
    };
    World::new(seed, VIEWERS, FAILING.end)
        .with([fault(SLOW, Some("US"), FaultKind::Slow(0.15)), fault(FAILING, None, FaultKind::Failing(0.6))])
}

fn figures(world: &World, record: &Record) -> [Option<f64>; 8] {
    let everyone = record.everyone();
    let americans: Vec<usize> = everyone.iter().copied().filter(|a| world.audiences[*a].country == "US").collect();
    [
        Some(record.deviation(STEADY)),
        Some(record.switches_an_hour(STEADY)),
        Some(record.peak(STEADY)),
        Some(record.stall_ratio(STEADY)),
        record.left(B, &americans, 0.1, SLOW).map(f64::from),
        Some(record.hurt(B, SLOW) as f64),
        record.left(B, &everyone, 0.1, FAILING).map(f64::from),
        Some(record.hurt(B, FAILING) as f64),
    ]
}
