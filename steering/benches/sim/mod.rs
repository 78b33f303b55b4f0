//! A small world in which steering feeds back on itself: what is decided makes load, load makes quality, quality is
//! reported late and in part, and from the reports it is decided again.
//!
//! Read [`world`] first (audiences, pathways, what befalls them), then [`viewer`] (one player, second by second), [`ears`]
//! (how its reports become cells), [`run()`] (the loop that joins them), [`strategies`] (who decides, and from what), and
//! [`record`] (what was seen, and the figures taken from it). Time goes by seconds from 0. All chance comes from one seeded
//! generator, so every run of a world gives the same figures.
//!
//! What is left out, so that what is seen is the work of steering: players neither change their bit rate nor leave a
//! pathway by themselves; media is on demand; a player is as far from all machines of a pathway.

pub mod chance;
pub mod ears;
pub mod record;
mod run;
pub mod strategies;
pub mod table;
pub mod viewer;
pub mod world;

use chrono::{DateTime, TimeDelta, Utc};

pub use record::Record;
pub use run::run;
pub use world::World;

/// Seconds since the world began.
pub type Second = u32;

/// The service that is steered.
pub const SERVICE: &str = "live";

/// The calendar's time of a second.
pub fn time(at: Second) -> DateTime<Utc> {
    // 2027-01-15T08:00:00Z, a multiple of ten like all buckets.
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + i64::from(at))
}
