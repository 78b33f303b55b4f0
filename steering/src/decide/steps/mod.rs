//! What each kind of step does to what stands.

mod costs;
mod fitness;
mod order;
mod rank;
mod sharing;
