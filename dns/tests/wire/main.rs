//! The server in a tiny world, spoken to only over the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod answers;
mod ask;
mod cases;
mod cookies;
mod limited;
mod policies;
mod protocol;
mod running;
mod told;
mod transfers;
mod transports;
mod validated;
mod world;
