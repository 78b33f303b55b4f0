//! Between the transports and [`answer`](crate::reply::answer): takes up what is answered from, counts, records, logs.
//!
//! [`Serving`] (in `answering`) is shared by all transports; `keeper` puts new views into it. A UDP thread takes the view
//! once a batch and counts in a block of its own; streams take it for each query and share one block.

mod answering;
mod keeper;

pub(crate) use answering::{Serving, Thread};
pub(crate) use keeper::{Begun, Keeper, Keeping};
pub use keeper::{LoadError, Reload};
