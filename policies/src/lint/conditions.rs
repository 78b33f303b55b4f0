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
            let (message, help) = if clients.asks_resolvers() {
                (
                    "no client can meet all of these: over DNS neither device, content nor stream is known",
                    "let another protocol in, or take them out",
                )
            } else {
                ("no client can meet all of these conditions", "take out those that contradict the others")
            };
            lint.step(Code::NeverApplies, index, &["when"], message, help);
        } else {
            idle(lint, index, step, clients);
        }
    }
}

/// Values without which the condition would hold for the very same clients.
fn idle(lint: &Lint<'_>, index: usize, step: &Step, clients: &Clients) {
    for Value { key, item, less, .. } in each_value(&step.when) {
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

/// A value of a condition that has others beside it, or that keeps clients out.
pub(super) struct Value {
    /// The key of its list.
    pub key: &'static str,
    /// Its place in the list.
    pub item: usize,
    /// The condition without it.
    pub less: When,
    /// The condition for those alone whom this value lets in.
    pub only: Option<When>,
}

/// Every value of a condition.
pub(super) fn each_value(when: &When) -> Vec<Value> {
    let mut all = Vec::new();
    macro_rules! each {
        ($($field:ident $any:literal $not:literal)*) => {$({
            let Matcher { any, not } = &when.$field;
            // Without its only value a list would let everyone in.
            for item in (0..any.len()).filter(|_| any.len() > 1) {
                let (mut less, mut only) = (when.clone(), when.clone());
                only.$field.any = vec![less.$field.any.remove(item)];
                all.push(Value { key: $any, item, less, only: Some(only) });
            }
            for item in 0..not.len() {
                let mut less = when.clone();
                less.$field.not.remove(item);
                all.push(Value { key: $not, item, less, only: None });
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
