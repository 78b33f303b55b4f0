//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use fairway_geo::{Asn, Country};
use fairway_steering::record::DecisionId;

mod dnssec;
mod override_;

pub use dnssec::{Dnssec, KeysStatus, ZoneOf};
pub use override_::{ClearOverride, ListOverrides, Override, SetOverride};

use crate::admin::DEFAULT_URL;

/// Steers video traffic: which CDN or origin should this player use now?
#[derive(Debug, Parser)]
#[command(name = "fairway", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done or the same, 2 there are changes, 64 usage, 65 bad input, 69 a service is unavailable, 70 our bug.
Try it: `fairway demo`, then `dig -p 5300 @127.0.0.1 live.fairway.test +subnet=193.99.144.0/24`.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a node: DNS, HTTP steering, beacons, store, dashboard
    #[command(after_help = RUN_HELP)]
    Run(RunNode),
    /// Run a node with a synthetic world around it: local CDNs with faults to inject, and viewers
    Demo(Demo),
    /// Check policy and zone files: every problem with its place, and what to write instead
    #[command(after_help = CHECK_HELP)]
    Check(Check),
    /// Write policy files in their one form; comments stay where they are
    #[command(after_help = FMT_HELP)]
    Fmt(Fmt),
    /// Run the `[[test]]`s of policy files, by the very function that answers
    #[command(after_help = TEST_HELP)]
    Test(Test),
    /// Print the JSON Schema of policy files, for editors
    #[command(after_help = SCHEMA_HELP)]
    Schema,
    /// Say what a client is answered, step by step, and why
    Explain(Explain),
    /// Say what a change of policies would mean on a live node; exit code 2 when something changes
    Plan(Plan),
    /// Make a planned change
    Apply(Apply),
    /// Bring back an earlier revision of the policies
    Rollback(Rollback),
    /// Force pathways of a live node up, down, drained or to a share, whatever it finds; list and clear what is forced
    #[command(subcommand)]
    Override(Override),
    /// Make, show and replace the keys that zones are signed with (DNSSEC)
    #[command(subcommand, after_help = dnssec::DNSSEC_HELP)]
    Dnssec(Dnssec),
    /// The embedded ClickHouse engine; `run` starts it by itself
    Store(Store),
}

const RUN_HELP: &str = "\
With --replace, a node that runs on this data folder hands over: this one reads all it is told and, if there is no
mistake, goes on with the same sockets and the same data, and the other ends with 0. DNS is answered all the time, and
HTTP connections wait for some tenths of a second. If this one fails before it answers, the other goes on as before.
Where no node runs, one is started.
Signals: TERM and INT stop a node, HUP has it read policies, zones and keys again.";

const CHECK_HELP: &str = "\
With no paths, the configuration is checked as well, and what it names: policies, zones, keys, certificate.
A problem has a code: P0001 and up are errors, and such a file is no policy; P0101 and up are warnings: steps that
never apply or that another undoes, clients whom fences leave nothing, steps that go by what nobody tells.
Exit codes: 0 no errors, 65 errors (with --deny-warnings, or warnings).
Before a commit: `fairway fmt --check && fairway check --deny-warnings && fairway test --coverage`.";

const FMT_HELP: &str = "\
Formatting never changes what a policy means, and to format twice changes nothing more. Changed files are named.
Exit codes: 0 done, 2 files are not in canonical form (with --check), 65 a file is not TOML.";

const TEST_HELP: &str = "\
A test says who asks and in what circumstances, and what must come of it; docs/policy.md has the keys. A failing one is
shown with what was expected, what came, and why. Coverage names by line the steps that no test reached, or reached
only one way: never for anyone else, nothing ever dropped, moved or spilled.
Exit codes: 0 all pass, 65 a test fails or a file is wrong.";

const SCHEMA_HELP: &str = "\
Editors that know JSON Schema for TOML complete and check policies by it:
  fairway schema > policy.schema.json, and `#:schema ./policy.schema.json` as the first line of a policy.";

/// What to check.
#[derive(Debug, Args)]
pub struct Check {
    /// Policy files, or folders of them and of zone files; without any, what the configuration names
    pub paths: Vec<PathBuf>,
    /// Configuration file; without it and without paths, `fairway.toml` in this folder if there is one
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Warnings too are a failure
    #[arg(long)]
    pub deny_warnings: bool,
}

/// What to format.
#[derive(Debug, Args)]
pub struct Fmt {
    /// Policy files, or folders of them
    #[arg(default_value = "policies")]
    pub paths: Vec<PathBuf>,
    /// Write nothing; only name the files that would change
    #[arg(long)]
    pub check: bool,
}

/// What to test.
#[derive(Debug, Args)]
pub struct Test {
    /// Policy files, or folders of them
    #[arg(default_value = "policies")]
    pub paths: Vec<PathBuf>,
    /// Also name the steps, and what they can do, that no test reached
    #[arg(long)]
    pub coverage: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How a node is started.
#[derive(Debug, Args)]
pub struct RunNode {
    /// As for all commands that read it.
    #[command(flatten)]
    pub run: Run,
    /// Take over from the node that runs on this data folder, without losing a query
    #[arg(long)]
    pub replace: bool,
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
    #[arg(long, value_name = "ID", required_unless_present = "decision")]
    pub service: Option<String>,
    /// The client's address
    #[arg(long, value_name = "IP", required_unless_present_any = ["country", "asn", "decision"])]
    pub client: Option<IpAddr>,
    /// Instead of all these: a decision that the node at `--at` has recorded, made again as it was
    #[arg(long, value_name = "ID", requires = "at", conflicts_with_all = ["service", "client", "country", "asn"])]
    pub decision: Option<DecisionId>,
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

/// What would be.
#[derive(Debug, Args)]
pub struct Plan {
    /// A folder of policy files (all there should be), or single files (the others stay as they are)
    #[arg(default_value = "policies")]
    pub paths: Vec<PathBuf>,
    /// The live node's admin URL
    #[arg(long, value_name = "ADMIN_URL", default_value = DEFAULT_URL)]
    pub at: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What shall be.
#[derive(Debug, Args)]
pub struct Apply {
    /// The plan's id, as `fairway plan` printed it
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Why, for whoever reads the revisions later
    #[arg(long, short)]
    pub message: String,
    /// Who you are
    #[arg(long, env = "USER")]
    pub author: String,
    /// Apply a plan that breaks guard rails
    #[arg(long)]
    pub yes_really: bool,
    /// The live node's admin URL
    #[arg(long, value_name = "ADMIN_URL", default_value = DEFAULT_URL)]
    pub at: String,
}

/// What was.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The revision to bring back; without it, the one before that in force
    #[arg(long, value_name = "REVISION")]
    pub to: Option<u64>,
    /// List the last revisions instead
    #[arg(long, conflicts_with = "to")]
    pub list: bool,
    /// Why, for whoever reads the revisions later
    #[arg(long, short)]
    pub message: Option<String>,
    /// Who you are
    #[arg(long, env = "USER", required_unless_present = "list")]
    pub author: Option<String>,
    /// The live node's admin URL
    #[arg(long, value_name = "ADMIN_URL", default_value = DEFAULT_URL)]
    pub at: String,
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
