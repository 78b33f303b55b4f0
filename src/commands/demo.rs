//! `fairway demo`: a node, and the world around it.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use fairway_demo::{Node as NodeAt, Options, World, keys, media};
use fairway_steering::sources;

use crate::{
    Environment, cli,
    config::Config,
    exit::Failure,
    node::{Listening, Node},
};

/// The viewers speak for addresses all over the world, from this machine.
const VIEWERS_COME_FROM: &str = "[\"127.0.0.0/8\"]";
/// The same people at every start, so that two runs can be compared.
const SEED: u64 = 1;

/// Runs both until asked to stop.
pub fn run(args: &cli::Demo, environment: &Environment) -> Result<(), Failure> {
    let mut layers = super::layers(&args.run, environment)?;
    layers.set_default("http.trusted_proxies", VIEWERS_COME_FROM);
    layers.set_default("log", "\"warn\"");
    let config = Config::from_layers(&layers).map_err(|problems| Failure::problems(&problems))?;
    if args.run.show_config {
        return Ok(io::stdout().lock().write_all(layers.to_string().as_bytes())?);
    }
    super::start_log(&config.log)?;
    super::on_runtime(async |shutdown| {
        let mut out = io::stdout();
        // Before the node, which would meanwhile find every CDN down.
        media::make(&args.media, &mut |text| eprintln!("{text}")).await.map_err(Failure::unavailable)?;
        let node = Node::start(config.clone(), shutdown.clone()).await?;
        let policies = sources::read(&config.policies)?;
        let at = NodeAt { dns: node.listening().dns[0], public: node.listening().public };
        let options = Options {
            viewers: args.viewers,
            listen: args.listen,
            media: args.media.clone(),
            player: PathBuf::from("node_modules/hls.js/dist/hls.min.js"),
            seed: SEED,
        };
        let world = World::start(&policies, at, node.geo.clone(), options, shutdown.clone())
            .await
            .map_err(Failure::unavailable)?;
        out.write_all(welcome(node.listening(), &world, args.viewers).as_bytes())?;
        out.flush()?;

        let running = node.run();
        let watching = async {
            if io::stdin().is_terminal() && io::stdout().is_terminal() {
                keys::listen(&world, &mut out, &shutdown).await?;
            }
            shutdown.cancelled().await;
            Ok::<(), Failure>(())
        };
        let (ran, watched) = tokio::join!(running, watching);
        world.ended().await;
        ran.and(watched)
    })
}

/// Where everything is, and what to try.
fn welcome(node: &Listening, world: &World, viewers: usize) -> String {
    let Listening { dns, public, admin, .. } = node;
    let (panel, name, service) = (world.panel, &world.surroundings.name, &world.surroundings.service);
    let (dns_ip, dns_port) = (dns[0].ip(), dns[0].port());
    let program = std::env::args().next().unwrap_or_else(|| "fairway".into());
    let first = world.surroundings.pathways.first().map_or("", |pathway| pathway.id.as_str());
    format!(
        "
  Fairway runs, with {viewers} viewers around it.

  dashboard   http://{admin}/
  watch       http://{panel}/        hls.js, steered; make a CDN fail there
  players     http://{public}/v1/steer/{service}
  DNS         {dns_ip}:{dns_port}

  try:
    dig -p {dns_port} @{dns_ip} {name} +subnet=193.99.144.0/24        # Germany
    {program} explain --service {service} --client 200.160.2.3 --at http://{admin}
    curl -d '{{\"pathway\":\"{first}\",\"kind\":\"down\"}}' -H content-type:application/json http://{panel}/demo/fault

  {}

",
        keys::HELP
    )
}
