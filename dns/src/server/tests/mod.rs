//! UDP over real sockets, and sockets handed over.

mod hand_over;
mod udp;
