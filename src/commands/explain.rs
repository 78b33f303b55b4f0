//! `fairway explain`: why a client gets what it gets, by the very function that answers it.
//!
//! On files alone there are no cells and no verdicts: every pathway is taken to be up. `--at` asks a live node.

use std::{
    io::{self, Write},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use fairway_geo::Place;
use fairway_policies::explain::Explanation;
use fairway_steering::{Client, Service, Snapshot, Via, explain::explain, sources};

use crate::{
    admin::Admin,
    Environment,
    cli::{self, How},
    exit::Failure,
    node,
};

/// Prints the explanation, as text or JSON.
pub fn run(args: &cli::Explain, environment: &Environment) -> Result<(), Failure> {
    let explanation = match &args.at {
        Some(url) => {
            let mut answer = None;
            super::on_runtime(async |_| {
                answer = Some(ask(url, args).await?);
                Ok(())
            })?;
            answer.ok_or_else(|| Failure::unavailable("no answer"))?
        }
        None => on_files(args, environment)?,
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&explanation).map_err(io::Error::other)? + "\n",
        false => explanation.render_text(),
    };
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

fn on_files(args: &cli::Explain, environment: &Environment) -> Result<Explanation, Failure> {
    let config = super::config(&args.run, environment)?;
    super::start_log("warn")?;
    let policies = sources::read(&config.policies)?;
    let now = Utc::now();
    let geo = Arc::new(node::load_geo(&config.geo)?);
    // Fresh since long ago: a pathway that was never judged did not just change.
    let fresh = |policy| Service::fresh(Arc::new(policy), DateTime::UNIX_EPOCH);
    let services = policies.into_iter().map(fresh).collect();
    let snapshot = Snapshot::compile(0, now, geo, services);
    let Some(service) = snapshot.service(&args.service) else {
        let known: Vec<_> = snapshot.services.iter().map(|s| s.policy.service.as_str()).collect();
        return Err(Failure::bad_input(format!(
            "there is no service {:?}; there are: {}",
            args.service,
            known.join(", ")
        )));
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
    let mut query = vec![("service", args.service.clone()), ("via", via.to_owned())];
    query.extend(args.client.map(|client| ("client", client.to_string())));
    query.extend(args.country.map(|country| ("country", country.to_string())));
    query.extend(args.asn.map(|asn| ("asn", asn.0.to_string())));
    Admin::at(url)?.get("/api/v1/explain", &query).await
}
