//! `fairway explain`: why a client gets what it gets, by the very function that answers it.
//!
//! On files alone there are no cells and no verdicts: every pathway is taken to be up. `--at` asks a live node. With
//! `--decision` that node makes one of its recorded decisions again, from all that it knew then.

use std::{
    io::{self, Write},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use fairway_geo::Place;
use fairway_policies::explain::Explanation;
use fairway_steering::{
    Client, Service, Snapshot, Via,
    explain::explain,
    record::{DecisionId, Difference, Recorded},
    sources,
};
use serde::Deserialize;

use crate::{
    Environment,
    admin::Admin,
    cli::{self, How},
    exit::Failure,
    node,
};

/// Prints the explanation, as text or JSON.
pub fn run(args: &cli::Explain, environment: &Environment) -> Result<(), Failure> {
    let explanation = match (&args.at, args.decision) {
        (Some(url), Some(id)) => return again(url, id, args.json),
        (Some(url), None) => from_node(async || ask(url, args).await)?,
        (None, _) => on_files(args, environment)?,
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&explanation).map_err(io::Error::other)? + "\n",
        false => explanation.render_text(),
    };
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

fn from_node<T>(ask: impl AsyncFnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut answer = None;
    super::on_runtime(async |_| {
        answer = Some(ask().await?);
        Ok(())
    })?;
    answer.ok_or_else(|| Failure::unavailable("no answer"))
}

/// What the node says of a decision that it made again.
#[derive(Deserialize)]
struct Told {
    decision: Recorded,
    explanation: Explanation,
    same: bool,
    differences: Vec<Difference>,
}

/// Prints the story of a recorded decision, and whether it is still the same. Where it is not, there are changes.
fn again(url: &str, id: DecisionId, json: bool) -> Result<(), Failure> {
    let path = format!("/api/v1/decisions/{id}");
    let value: serde_json::Value = from_node(async || Admin::at(url)?.get(&path, &[]).await)?;
    let told =
        Told::deserialize(&value).map_err(|error| Failure::unavailable(format!("{url} answers oddly: {error}")))?;
    let text = match json {
        true => serde_json::to_string_pretty(&value).map_err(io::Error::other)? + "\n",
        false => account(&told),
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    if told.same { Ok(()) } else { Err(Failure::changes()) }
}

fn account(told: &Told) -> String {
    let Told { decision, explanation, same, differences } = told;
    let drawn = match decision.weight {
        0 => String::new(),
        weight => format!(", stands for {weight}"),
    };
    let at = decision.at.format("%Y-%m-%d %H:%M:%S%.3f UTC");
    let mut text = format!("made {at} ({}{drawn})\n{}", decision.occasion.word(), explanation.render_text());
    match same {
        true => text += "made again: the same decision bit for bit\n",
        false => {
            text += "made again: this node decides otherwise\n";
            text.extend(differences.iter().map(|difference| format!("  {difference}\n")));
        }
    }
    text
}

fn on_files(args: &cli::Explain, environment: &Environment) -> Result<Explanation, Failure> {
    let config = super::config(&args.run, environment)?;
    super::start_log("warn")?;
    let policies = sources::read(&config.policies)?;
    let now = Utc::now();
    let geo = Arc::new(node::prepare::load_geo(&config.geo)?);
    // Fresh since long ago: a pathway that was never judged did not just change.
    let fresh = |policy| Service::fresh(Arc::new(policy), DateTime::UNIX_EPOCH);
    let services = policies.into_iter().map(fresh).collect();
    let snapshot = Snapshot::compile(0, now, geo, services);
    let asked = args.service.as_deref().unwrap_or_default();
    let Some(service) = snapshot.service(asked) else {
        let known: Vec<_> = snapshot.services.iter().map(|s| s.policy.service.as_str()).collect();
        return Err(Failure::bad_input(format!("there is no service {:?}; there are: {}", asked, known.join(", "))));
    };
    let via = match args.via {
        How::Dns => Via::Dns,
        How::Steer => Via::Hls,
    };
    let client = match args.client {
        Some(address) => snapshot.client(address, via, None),
        None => {
            let continent = args.country.and_then(|country| country.continent());
            Client::at(Place { country: args.country, continent, asn: args.asn, ..Place::default() }, via, None)
        }
    };
    Ok(explain(&snapshot, service, &client, now))
}

async fn ask(url: &str, args: &cli::Explain) -> Result<Explanation, Failure> {
    let via = match args.via {
        How::Dns => "dns",
        How::Steer => "hls",
    };
    let mut query = vec![("service", args.service.clone().unwrap_or_default()), ("via", via.to_owned())];
    query.extend(args.client.map(|client| ("client", client.to_string())));
    query.extend(args.country.map(|country| ("country", country.to_string())));
    query.extend(args.asn.map(|asn| ("asn", asn.0.to_string())));
    Admin::at(url)?.get("/api/v1/explain", &query).await
}
