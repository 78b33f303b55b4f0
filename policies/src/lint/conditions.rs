//! Conditions that never hold, and values in them that change nothing.

use super::{Lint, clients::Clients};
use crate::{
    model::{Matcher, Step, When},
    reading::Code,
};

pub(super) fn lint(lint: &Lint<'_>) {
    for (index, step) in lint.policy.steps.iter().enumerate() {
        let clients = &lint.clients[index];
        if clients.never() {
            let help = "take the step out, or give it a time that is still to come";
            lint.step(Code::NeverApplies, index, &["when", "time"], "this step's time is past", help);
        } else if clients.none() {
            let message = "no client can meet all of these conditions";
            lint.step(Code::NeverApplies, index, &["when"], message, "take out those that contradict the others");
        } else {
            idle(lint, index, step, clients);
        }
    }
}

/// Values without which the condition would hold for the very same clients.
fn idle(lint: &Lint<'_>, index: usize, step: &Step, clients: &Clients) {
    for (key, item, less) in without_each(&step.when) {
        if lint.world.clients(&less) == *clients {
            let said = if key.ends_with("_not") { "is kept out already" } else { "is let in already, or never" };
            let message = format!("this value of `{key}` changes nothing: who has it {said}");
            lint.item(Code::IdleValue, index, &["when", key], item, message, "take it out");
        }
    }
    for (item, window) in step.when.time.iter().enumerate().filter(|_| step.when.time.len() > 1) {
        let only = When { time: vec![window.clone()], ..When::default() };
        if lint.world.clients(&only).never() {
            lint.item(Code::IdleValue, index, &["when", "time"], item, "this time is past".into(), "take it out");
        }
    }
}

/// The condition without each value that it can be without: its key, its place in the list, and what remains.
fn without_each(when: &When) -> Vec<(&'static str, usize, When)> {
    let mut all = Vec::new();
    macro_rules! each {
        ($($field:ident $any:literal $not:literal)*) => {$({
            let Matcher { any, not } = &when.$field;
            // Without its only value a list would let everyone in.
            for item in (0..any.len()).filter(|_| any.len() > 1) {
                let mut less = when.clone();
                less.$field.any.remove(item);
                all.push(($any, item, less));
            }
            for item in 0..not.len() {
                let mut less = when.clone();
                less.$field.not.remove(item);
                all.push(($not, item, less));
            }
        })*};
    }
    each! {
        continent "continent" "continent_not"
        country "country" "country_not"
        subdivision "subdivision" "subdivision_not"
        asn "asn" "asn_not"
        cidr "cidr" "cidr_not"
        protocol "protocol" "protocol_not"
        device "device" "device_not"
        content "content" "content_not"
    }
    all
}
