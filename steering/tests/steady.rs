//! Fairway's own steering does not herd: [the simulation](../benches/sim/mod.rs) of the herding table, in small. Every run
//! gives the same figures, so a bound that holds once holds until a rule changes; the bounds are some three times what is seen.

#[allow(dead_code, reason = "each of the programs that share it needs a part")]
#[path = "../benches/sim/mod.rs"]
mod sim;

use std::ops::Range;

use sim::{
    Record, Second, World, run,
    strategies::{
        ours::{BadPolicy, Ours},
        usual::Best,
    },
    world::SHEDS,
};

const VIEWERS: usize = 1000;
const STEADY: Range<Second> = 400..1000;

const HEALTHY: &str = "[[step]]\ndo = \"healthy\"\n";
const IN_ORDER: &str = "[[step]]\ndo = \"prefer\"\ntiers = [[\"a\"], [\"b\"], [\"c\"]]\n";
const RANK: &str = "[[step]]\ndo = \"rank\"\n";
const SHARES: &str = "[[step]]\ndo = \"weights\"\nshares = { a = 65, b = 50, c = 50 }\n";
const EXPLORE: &str = "[[step]]\ndo = \"explore\"\n";
const CAPACITY: &str = "[[step]]\ndo = \"capacity\"\n";

fn world() -> World {
    World::new(7, VIEWERS, STEADY.end)
}

fn ours(world: &World, declared: bool, steps: &[&str]) -> Result<Record, BadPolicy> {
    Ok(run(world, &mut Ours::new("ours", world, declared, &steps.concat())?))
}

#[test]
fn the_best_of_the_moment_herds() {
    let best = run(&world(), &mut Best::new(&world()));
    let (swing, peak) = (best.deviation(STEADY), best.peak(STEADY));
    assert!(swing > 0.1 && peak > 1.3, "a world in which one can herd: {swing:.3}, {peak:.2}");
}

#[test]
fn shares_are_kept_and_nobody_is_overloaded() -> Result<(), BadPolicy> {
    let ours = ours(&world(), false, &[HEALTHY, RANK, SHARES, EXPLORE])?;
    let (swing, switches) = (ours.deviation(STEADY), ours.switches_an_hour(STEADY));
    assert!(swing < 0.03 && switches < 10.0 && ours.peak(STEADY) < 0.9, "{swing:.3}, {switches:.1} an hour");
    Ok(())
}

#[test]
fn what_the_first_cannot_carry_goes_on_and_stays_there() -> Result<(), BadPolicy> {
    let ours = ours(&world(), true, &[HEALTHY, IN_ORDER, RANK, EXPLORE, CAPACITY])?;
    let (swing, switches) = (ours.deviation(STEADY), ours.switches_an_hour(STEADY));
    assert!(swing < 0.04 && switches < 12.0 && ours.peak(STEADY) < 1.2, "{swing:.3}, {switches:.1} an hour");
    assert!(ours.share(STEADY.end - 1, 0, &ours.everyone()) > 0.4, "the first is filled");
    Ok(())
}

#[test]
fn one_that_fails_under_its_load_keeps_what_it_can_carry() -> Result<(), BadPolicy> {
    let world = World { sheds: SHEDS, ..world() };
    let ours = ours(&world, false, &[HEALTHY, IN_ORDER, RANK, EXPLORE])?;
    let (swing, peak, stalled) = (ours.deviation(STEADY), ours.peak(STEADY), ours.stall_ratio(STEADY));
    assert!(swing < 0.2 && peak < 1.4 && stalled < 0.05, "{swing:.3}, {peak:.2}, {stalled:.4}");
    assert!(ours.share(STEADY.end - 1, 0, &ours.everyone()) > 0.25, "the first is not left");
    Ok(())
}
