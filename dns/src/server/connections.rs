//! Which connections there are, and who makes room at a cap.
//!
//! One table behind one lock, taken when a connection opens and when it closes, never for a query: a query writes two
//! numbers of its own connection. At the cap in all, the idle one to go is found by looking at each: a thousand numbers,
//! a few microseconds, less than the handshake of who comes. A displaced connection leaves the table at once and its task
//! a moment later, so that for that moment there may be one more than the cap.
//!
//! A connection is *at work* while it has something to reply. What merely begins a query is still idle: octets cost a
//! client nothing, and must not protect it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::limits::{Closed, Counters, Limits};
use crate::transport::Transport;

/// All connections that are open.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_client: usize,
    counters: Arc<Counters>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_client: HashMap<IpAddr, Vec<Arc<Entry>>>,
    total: usize,
}

#[derive(Debug)]
struct Entry {
    begun: Instant,
    /// When it last had something to do, in nanoseconds since `begun`.
    active: AtomicU64,
    /// What it has to reply.
    working: AtomicU32,
    displaced: Notify,
}

impl Connections {
    pub(super) fn new(limits: &Limits, counters: Arc<Counters>) -> Self {
        Self {
            most: limits.connections,
            most_per_client: limits.connections_per_client,
            counters,
            table: Mutex::default(),
        }
    }

    /// A place for a connection from `source`, which a handshake has proven; made by displacing another if need be.
    /// `None`, and counted: refused.
    pub(super) fn open(self: &Arc<Self>, source: IpAddr, transport: Transport) -> Option<Place> {
        let client = client_of(source);
        let counts = self.counters.of(transport);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if !table.make_room(client, self.most, self.most_per_client) {
            counts.refuse();
            return None;
        }
        let entry = Arc::new(Entry {
            begun: Instant::now(),
            active: AtomicU64::new(0),
            working: AtomicU32::new(0),
            displaced: Notify::new(),
        });
        table.by_client.entry(client).or_default().push(entry.clone());
        table.total += 1;
        counts.accept();
        Some(Place { connections: self.clone(), activity: Activity(entry), client, transport, why: Closed::Stopped })
    }

    /// Whether there is a place for `source` without displacing another.
    pub(super) fn has_room(&self, source: IpAddr) -> bool {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.total < self.most && table.of(client_of(source)) < self.most_per_client
    }

    /// How many there are, and how many there may be.
    pub(super) fn taken(&self) -> (usize, usize) {
        (self.table.lock().unwrap_or_else(PoisonError::into_inner).total, self.most)
    }
}

impl Entry {
    fn last_active(&self) -> Instant {
        self.begun + Duration::from_nanos(self.active.load(Relaxed))
    }

    fn is_idle(&self) -> bool {
        self.working.load(Relaxed) == 0
    }
}

impl Table {
    fn of(&self, client: IpAddr) -> usize {
        self.by_client.get(&client).map_or(0, Vec::len)
    }

    /// The client's own cap first: who is over it makes room of its own, and others keep theirs.
    fn make_room(&mut self, client: IpAddr, most: usize, most_per_client: usize) -> bool {
        let own = self.of(client) >= most_per_client;
        if !own && self.total < most {
            return true;
        }
        let idle = self
            .by_client
            .iter()
            .filter(|(of, _)| !own || **of == client)
            .flat_map(|(of, entries)| entries.iter().map(move |entry| (*of, entry)))
            .filter(|(_, entry)| entry.is_idle())
            .min_by_key(|(_, entry)| entry.last_active())
            .map(|(of, entry)| (of, entry.clone()));
        let Some((of, entry)) = idle else { return false };
        self.remove(of, &entry);
        entry.displaced.notify_one();
        true
    }

    fn remove(&mut self, client: IpAddr, entry: &Arc<Entry>) {
        let Some(entries) = self.by_client.get_mut(&client) else { return };
        let Some(at) = entries.iter().position(|other| Arc::ptr_eq(other, entry)) else { return };
        entries.swap_remove(at);
        self.total -= 1;
        if entries.is_empty() {
            self.by_client.remove(&client);
        }
    }
}

/// What counts as one client: an IPv4 address, however written, or an IPv6 /64.
fn client_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// One connection's place in the table, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    activity: Activity,
    client: IpAddr,
    transport: Transport,
    why: Closed,
}

impl Place {
    /// What the connection's queries tell of themselves to.
    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Ends when another connection has taken this one's place.
    pub(super) async fn displaced(&self) {
        self.activity.0.displaced.notified().await;
    }

    /// The connection has ended, for this reason. A place dropped without one was cut off as the server stopped.
    pub(super) fn end(mut self, why: Closed) {
        self.why = why;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.table.lock().unwrap_or_else(PoisonError::into_inner).remove(self.client, &self.activity.0);
        self.connections.counters.of(self.transport).close(self.why);
    }
}

/// Whether a connection has something to reply, and since when not.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Entry>);

impl Activity {
    /// A query is there; what is returned is dropped when it has been replied to. Idle time begins anew then.
    pub(super) fn work(&self) -> Work {
        self.0.working.fetch_add(1, Relaxed);
        Work(self.0.clone())
    }

    /// Since when there is nothing to reply; `None`: there is something.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.0.is_idle().then(|| self.0.last_active())
    }
}

/// See [`Activity::work`].
#[derive(Debug)]
pub(super) struct Work(Arc<Entry>);

impl Drop for Work {
    fn drop(&mut self) {
        let active = u64::try_from(self.0.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.active.store(active, Relaxed);
        self.0.working.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(connections: usize, connections_per_client: usize) -> (Arc<Connections>, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        let limits = Limits { connections, connections_per_client, ..Limits::default() };
        (Arc::new(Connections::new(&limits, counters.clone())), counters)
    }

    fn is_displaced(place: &Place) -> bool {
        !place.connections.table.lock().unwrap().by_client.values().flatten().any(|e| Arc::ptr_eq(e, &place.activity.0))
    }

    #[test]
    fn at_the_cap_of_a_client_its_own_longest_idle_one_makes_room() {
        let (connections, _) = table(10, 2);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let other = connections.open(b, Transport::Tcp).unwrap();
        let first = connections.open(a, Transport::Tcp).unwrap();
        let second = connections.open(a, Transport::Tls).unwrap();
        drop(first.activity.work()); // it has just been used
        let _third = connections.open(a, Transport::Tcp).unwrap();
        assert!(is_displaced(&second) && !is_displaced(&first) && !is_displaced(&other));
    }

    #[test]
    fn at_the_cap_in_all_who_works_stays_and_where_all_work_the_new_one_is_refused() {
        let (connections, counters) = table(2, 20);
        let [a, b] = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let first = connections.open(a, Transport::Tcp).unwrap();
        let second = connections.open(b, Transport::Tcp).unwrap();
        let work = first.activity.work();
        let third = connections.open(a, Transport::Tcp).unwrap();
        assert!(is_displaced(&second) && !is_displaced(&first));
        let _working = third.activity.work();
        assert!(connections.open(b, Transport::Tcp).is_none());
        assert_eq!((counters.of(Transport::Tcp).refused(), connections.taken()), (1, (2, 2)));
        drop(work);
        assert!(connections.open(b, Transport::Tcp).is_some());
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
        let same = [("192.0.2.1", "::ffff:192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false)];
        let same6 = [("2001:db8::1", "2001:db8::ffff:0:0:1", true), ("2001:db8:0:1::", "2001:db8::", false)];
        for (a, b, are) in same.into_iter().chain(same6) {
            assert_eq!(client_of(a.parse().unwrap()) == client_of(b.parse().unwrap()), are, "{a} {b}");
        }
    }

    #[test]
    fn what_ends_leaves_its_place_and_is_counted_with_its_reason() {
        let (connections, counters) = table(5, 5);
        let source = "192.0.2.1".parse().unwrap();
        connections.open(source, Transport::Quic).unwrap().end(Closed::Idle);
        let open = connections.open(source, Transport::Quic).unwrap();
        let counts = counters.of(Transport::Quic);
        assert_eq!((counts.accepted(), counts.open(), counts.closed(Closed::Idle)), (2, 1, 1));
        drop(open);
        assert_eq!((counts.open(), connections.taken().0), (0, 0));
    }
}
