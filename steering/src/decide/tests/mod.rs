mod chain;
mod clients;
mod places;
mod properties;
mod shares;
mod worlds;

use std::sync::Arc;

use fairway_policies::{Policy, parse};

use crate::{
    health::Health,
    snapshot::{Inputs, Service, Snapshot},
    testing::{snapshot, verdict},
};

/// A snapshot of this policy where all are up, and then as `change` says.
fn world(policy: &Arc<Policy>, change: impl FnOnce(&mut Inputs)) -> Snapshot {
    let verdicts = policy.pathways.iter().map(|_| verdict(Health::Up)).collect();
    let mut inputs = Inputs { verdicts, ..Inputs::default() }.fit(policy, crate::testing::now());
    change(&mut inputs);
    snapshot(Service::new(policy.clone(), inputs, Arc::default()))
}

/// A policy whose pathways have a capacity, a cost and a location too.
fn equipped(pathways: &[&str], steps: &str) -> Arc<Policy> {
    let mut text = "ttl = \"20s\"\nttl_min = \"5s\"\n".to_owned();
    for id in pathways {
        text += &format!("[[pathway]]\nid = \"{id}\"\nurl = \"http://{id}.fairway.test/\"\ncapacity = \"1 Gbit/s\"\n");
        text += "cost = { per_tb = 1 }\nlocation = { lat = 0, lon = 0 }\n";
    }
    match parse("live.policy.toml", &(text + steps)) {
        Ok(policy) => Arc::new(policy),
        Err(problems) => panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()),
    }
}
