//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use fairway_geo::{Asn, Country};

/// Steers video traffic: which CDN or origin should this player use now?
#[derive(Debug, Parser)]
#[command(name = "fairway", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 64 usage, 65 bad input, 69 a service is unavailable, 70 our bug.
Try it: `fairway demo`, then `dig -p 5300 @127.0.0.1 live.fairway.test +subnet=193.99.144.0/24`.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a node: DNS, HTTP steering, beacons, store, dashboard
    Run(Run),
    /// Run a node with a synthetic world around it: local CDNs with faults to inject, and viewers
    Demo(Demo),
    /// Check policy and zone files; prints every problem with its place
    Check {
        /// Policy files, or folders of them
        #[arg(default_value = "policies")]
        paths: Vec<PathBuf>,
    },
    /// Say what a client is answered, step by step, and why
    Explain(Explain),
    /// The embedded ClickHouse engine; `run` starts it by itself
    Store(Store),
}

/// How a node is configured.
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration file; without it, `fairway.toml` in this folder if there is one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print each effective setting and where it came from, and stop
    #[arg(long)]
    pub show_config: bool,
}

/// The synthetic world.
#[derive(Debug, Args)]
pub struct Demo {
    /// As for `run`.
    #[command(flatten)]
    pub run: Run,
    /// How many viewers
    #[arg(long, default_value_t = 200)]
    pub viewers: usize,
    /// Where faults are posted: `POST /demo/fault`
    #[arg(long, default_value = "127.0.0.1:8082", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// Where the test stream is kept; made by ffmpeg when missing
    #[arg(long, default_value = "data/demo", value_name = "DIR")]
    pub media: PathBuf,
}

/// Whose answer to explain.
#[derive(Debug, Args)]
pub struct Explain {
    /// The service's id
    #[arg(long, value_name = "ID")]
    pub service: String,
    /// The client's address
    #[arg(long, value_name = "IP", required_unless_present_any = ["country", "asn"])]
    pub client: Option<IpAddr>,
    /// Instead of an address: its country
    #[arg(long, value_name = "CC")]
    pub country: Option<Country>,
    /// Instead of an address: its network
    #[arg(long, value_name = "NUMBER", value_parser = asn)]
    pub asn: Option<Asn>,
    /// How it asks
    #[arg(long, value_enum, default_value_t = How::Dns)]
    pub via: How,
    /// Ask a live node (its admin URL), with the cells and verdicts it has now; without it, the policy files are asked
    #[arg(long, value_name = "ADMIN_URL")]
    pub at: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// As for `run`: where policies and geo data are.
    #[command(flatten)]
    pub run: Run,
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// A resolver, over DNS
    Dns,
    /// A player, over HTTP content steering
    Steer,
}

/// The embedded engine.
#[derive(Debug, Args)]
pub struct Store {
    /// The engine's folder
    #[arg(long, value_name = "DIR", default_value = "data/store")]
    pub path: PathBuf,
    /// Port of ClickHouse's HTTP interface, on 127.0.0.1; 0 lets the system choose
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// libchdb.so; found by itself when not given
    #[arg(long, value_name = "FILE")]
    pub library: Option<PathBuf>,
    /// Memory that it may take, in bytes
    #[arg(long, default_value_t = 1_610_612_736, value_name = "BYTES")]
    pub memory: u64,
}

fn asn(text: &str) -> Result<Asn, String> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    digits.parse().map(Asn).map_err(|_| format!("{text:?} is not an AS number, such as 13335 or AS13335"))
}
