//! `fairway dnssec …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fairway_dashboard::format::parse_span;
use fairway_dns::dnssec::Algorithm;

/// What to do about the keys of signed zones.
#[derive(Debug, Subcommand)]
pub enum Dnssec {
    /// Make a zone's first key: from then on the zone is signed
    Init(InitKeys),
    /// Say how zones stand: their keys, the step they are in, what comes next and when, what is yours to do
    Status(KeysStatus),
    /// Print the DS records that the parent should have, and nothing else
    Ds(ZoneOf),
    /// Begin to replace a zone's key
    #[command(after_help = ROLL_HELP)]
    Roll(RollKeys),
    /// Say that the parent has done what `status` asks for, at all its servers
    DsSeen(DsSeen),
    /// Begin to take a zone's signatures away: first the parent's DS, then the rest
    Unsign(ZoneOf),
}

/// What all these commands end their help with.
pub const DNSSEC_HELP: &str = "\
A zone's keys are in <data_dir>/keys/<zone>. These commands change that folder only; a running node takes it up when it
reloads (SIGHUP), and makes each step that only waits by itself. Nodes that serve the same zone need a copy of the folder
within an hour of each change. At any time `fairway dnssec status` says what is yours to do.";

const ROLL_HELP: &str = "\
No answer fails on the way: each step waits until caches allow it. Only you say that the parent has followed.
--emergency is for a key that somebody else may have: the parent is asked at once, which saves an hour or a day, and
resolvers that still have the old DNSKEY records may fail for up to an hour if the parent is quicker than that.";

/// A zone.
#[derive(Debug, Args)]
pub struct ZoneOf {
    /// The zone, as in `example.net`
    pub zone: String,
    /// Configuration file, as for `run`: it says where the data folder is
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The first key.
#[derive(Debug, Args)]
pub struct InitKeys {
    #[command(flatten)]
    pub of: ZoneOf,
    /// `ecdsap256sha256` or `ed25519`
    #[arg(long, value_name = "NAME", default_value = "ecdsap256sha256")]
    pub algorithm: Algorithm,
}

/// Of which zones.
#[derive(Debug, Args)]
pub struct KeysStatus {
    /// The zone; without it, every zone that has keys
    pub zone: Option<String>,
    /// Configuration file, as for `run`: it says where the data folder is
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The next key.
#[derive(Debug, Args)]
pub struct RollKeys {
    #[command(flatten)]
    pub of: ZoneOf,
    /// To another algorithm: `ecdsap256sha256` or `ed25519`
    #[arg(long, value_name = "NAME")]
    pub algorithm: Option<Algorithm>,
    /// The old key is not to be trusted any more
    #[arg(long)]
    pub emergency: bool,
}

/// What the parent did.
#[derive(Debug, Args)]
pub struct DsSeen {
    #[command(flatten)]
    pub of: ZoneOf,
    /// TTL of the parent's DS records, such as `1h` or `86400s`; for a DS that is gone, that which it had
    #[arg(long, value_name = "SPAN", default_value = "2d", value_parser = ttl)]
    pub ttl: u32,
}

fn ttl(text: &str) -> Result<u32, String> {
    parse_span(text).ok_or_else(|| "write a number and `s`, `m`, `h` or `d`, as in `3600s`, `1h` or `2d`".into())
}
