//! How does a pathway come back? `cargo bench -p fairway-steering --bench recovery`, or `make simulate`.
//!
//! In [the world](sim::World::new) (with pathways half as large again, so that two can do without the third, and as near to
//! one audience as to another, so that no one is hurt by that) the largest pathway refuses every request for five minutes, and then returns: *well*; *deceptively*, when for five minutes more its
//! probes pass and nine in ten of the viewers' requests fail; or *cold*, when its cache is empty, so that it carries a
//! quarter of its capacity until it has served enough to fill it.
//!
//! The table tells, each as the mean over [`SEEDS`]: how long after it truly worked half, and nine tenths, of its share were
//! on it again; how many viewers' pictures stopped over it from a minute after it went down (who was on it then could not be
//! saved by the manner of return); and the highest load it had after its return, over what it could carry at that time.

#[allow(dead_code, reason = "each of the programs that share it needs a part")]
mod sim;

use std::{error::Error, io::Write, ops::Range};

use sim::{
    Record, Second, World, run,
    strategies::{
        Strategy,
        ours::{BadPolicy, Ours},
        usual::{Return, Returning},
    },
    table::{Unit, head, mean, row},
    world::{Fault, FaultKind},
};

const SEEDS: Range<u64> = 1..4;
const VIEWERS: usize = 4000;
const LASTS: Second = 2700;
/// While it is down.
const DOWN: Range<Second> = 600..900;
/// Until when it deceives.
const DECEIVES: Second = 1200;
/// The index of the pathway.
const A: usize = 0;

type Make = fn(&World) -> Result<Box<dyn Strategy>, BadPolicy>;

/// Shares by size, as the others have them; everything else as it is by default.
const HEALTHY: &str = "[[step]]\ndo = \"healthy\"\n";
const RANK: &str = "[[step]]\ndo = \"rank\"\n";
const SHARES: &str = "[[step]]\ndo = \"weights\"\nshares = { a = 65, b = 50, c = 50 }\n";
const EXPLORE: &str = "[[step]]\ndo = \"explore\"\n";

const STRATEGIES: [Make; 4] = [
    |world| Ok(Box::new(Returning::new(world, Return::Crowd))),
    |world| Ok(Box::new(Returning::new(world, Return::Random))),
    |world| Ok(Box::new(Ours::new("ours, by its ramp alone", world, false, &[HEALTHY, SHARES].concat())?)),
    |world| Ok(Box::new(Ours::new("ours", world, false, &[HEALTHY, RANK, SHARES, EXPLORE].concat())?)),
];

/// What happens, and when it truly works again.
fn returns() -> [(&'static str, Vec<Fault>, Second); 3] {
    let fault =
        |during: Range<Second>, kind| Fault { from: during.start, until: during.end, pathway: A, country: None, kind };
    let down = |cold_after| fault(DOWN, FaultKind::Dead { cold_after });
    [
        ("well", vec![down(false)], DOWN.end),
        ("deceptively", vec![down(false), fault(DOWN.end..DECEIVES, FaultKind::Failing(0.9))], DECEIVES),
        ("cold", vec![down(true)], DOWN.end),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let columns = ["it returns", "strategy", "half back after", "nine tenths after", "viewers hurt", "peak load"];
    writeln!(out, "{}", head(&columns))?;
    for (how, faults, works) in returns() {
        for make in STRATEGIES {
            let (mut name, mut runs) = ("", Vec::new());
            for seed in SEEDS {
                let mut world = World::new(seed, VIEWERS, LASTS).with(faults.clone());
                for pathway in &mut world.pathways {
                    pathway.capacity *= 1.5;
                    pathway.exceptions.clear();
                }
                let mut strategy = make(&world)?;
                name = strategy.name();
                runs.push(figures(&run(&world, &mut *strategy), works));
            }
            let figures = mean(&runs);
            let units = [Unit::Seconds, Unit::Seconds, Unit::Number(0), Unit::Percent(0)];
            writeln!(out, "{}", row(&[how, name], &figures, &units))?;
        }
    }
    Ok(())
}

fn figures(record: &Record, works: Second) -> [Option<f64>; 4] {
    let before = record.share(DOWN.start - 1, A, &record.everyone());
    let back = |part: f64| record.reached(A, part * before, works..LASTS).map(f64::from);
    let hurt = record.hurt(A, DOWN.start + 60..LASTS) as f64;
    [back(0.5), back(0.9), Some(hurt), Some(record.peak_of(A, DOWN.end..LASTS))]
}
