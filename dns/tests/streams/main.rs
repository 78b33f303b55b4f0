//! Connections over the wire: real sockets, real clients, and an answerer of a few lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod certificates;
mod https;
mod limits;
mod quic;
mod tcp;
mod tls;
mod world;
