//! A synthetic world around a node: local CDNs that serve a real HLS stream and can be made to fail, and viewers in some
//! forty countries who play it. It speaks to the node only over the wire, as the real world does.
//!
//! [`media`] has ffmpeg make the stream once; [`playlist`] turns it into one that is live for ever; [`cdn`] serves it, one
//! server a pathway of the policy, each with its [`faults`]; [`population`] says who lives where; [`viewer`] is the life of
//! one of them in its [`surroundings`], with [`resolver`] (DNS with client subnet) and [`report`] (CMCD v2) as its mouth and ears; [`panel`] is the
//! demo's own port (a page to watch, faults by POST) and [`keys`] the same by key press. [`world`] starts it all.
//!
//! Nothing here is used by a node that serves real players.

pub mod cdn;
pub mod error;
pub mod faults;
pub mod keys;
pub mod media;
pub mod panel;
pub mod playlist;
pub mod population;
pub mod report;
pub mod resolver;
pub mod surroundings;
pub mod viewer;
pub mod world;

pub use error::DemoError;
pub use faults::{Fault, Faults, Kind};
pub use world::{Node, Options, World};
