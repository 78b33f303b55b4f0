//! What connections may cost.

use fairway_dns::{
    Transport,
    server::limits::{Closed, Limits},
};
use tokio::{io::AsyncWriteExt, time::Instant};

use crate::world::{LONG, SHORT, World, connect, connect_from, next, query, replies_to, until};

#[tokio::test]
async fn a_connection_without_a_query_is_closed_when_its_time_is_over() {
    let world = World::new(Limits { idle: SHORT, message: LONG, ..Limits::default() });
    let begun = Instant::now();
    let mut silent = connect(world.tcp).await;
    assert_eq!(next(&mut silent).await, None);
    assert!(begun.elapsed() >= SHORT);
    let mut asked = connect(world.tcp).await;
    asked.write_all(&query(1)).await.unwrap();
    replies_to(&mut asked, 1..2).await;
    assert_eq!(next(&mut asked).await, None);
    world.closed(Transport::Tcp, Closed::Idle, 2).await;
}

#[tokio::test]
async fn each_query_gives_a_connection_its_idle_time_anew() {
    let idle = 4 * SHORT;
    let world = World::new(Limits { idle, ..Limits::default() });
    let mut tcp = connect(world.tcp).await;
    let begun = Instant::now();
    let mut id = 0;
    while begun.elapsed() < 2 * idle {
        tcp.write_all(&query(id)).await.unwrap();
        replies_to(&mut tcp, id..id + 1).await;
        id += 1;
        tokio::time::sleep(SHORT / 10).await;
    }
    assert_eq!(world.counters.of(Transport::Tcp).open(), 1);
}

#[tokio::test]
async fn a_query_that_dribbles_in_is_cut_however_often_an_octet_comes() {
    let world = World::new(Limits { message: SHORT, idle: LONG, ..Limits::default() });
    let mut slow = connect(world.tcp).await;
    slow.write_all(&[query(1), query(2)[..5].to_vec()].concat()).await.unwrap();
    replies_to(&mut slow, 1..2).await;
    let (mut read, mut write) = slow.split();
    let dribble = async {
        while write.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(SHORT / 10).await; // the 22 that are missing take twice the time that they have
        }
    };
    tokio::select! {
        closed = next(&mut read) => assert_eq!(closed, None),
        () = dribble => {}
    }
    world.closed(Transport::Tcp, Closed::Slow, 1).await;
}

#[tokio::test]
async fn who_asks_much_and_reads_nothing_is_cut() {
    let world = World::new(Limits { write: SHORT, idle: LONG, ..Limits::default() });
    let mut deaf = connect(world.tcp).await;
    let queries: Vec<u8> = (0..1000).flat_map(query).collect();
    while deaf.write_all(&queries).await.is_ok() {}
    world.closed(Transport::Tcp, Closed::Unread, 1).await;
}

#[tokio::test]
async fn a_clients_newest_connections_are_kept_and_anothers_are_not_touched() {
    let world = World::new(Limits { connections_per_client: 3, idle: LONG, ..Limits::default() });
    let mut other = connect_from(2, world.tcp).await;
    let mut own = Vec::new();
    for number in 1..=5 {
        own.push(connect(world.tcp).await);
        until(|| world.counters.of(Transport::Tcp).accepted() == number + 1).await;
    }
    for displaced in &mut own[..2] {
        assert_eq!(next(displaced).await, None);
    }
    world.closed(Transport::Tcp, Closed::Displaced, 2).await;
    for kept in own[2..].iter_mut().chain([&mut other]) {
        kept.write_all(&query(1)).await.unwrap();
        replies_to(kept, 1..2).await;
    }
}

#[tokio::test]
async fn at_the_cap_in_all_the_longest_idle_goes_and_a_used_one_stays() {
    let world = World::new(Limits { connections: 3, idle: LONG, ..Limits::default() });
    let mut clients = Vec::new();
    for last in 1..=3 {
        clients.push(connect_from(last, world.tcp).await);
        until(|| world.counters.of(Transport::Tcp).accepted() == u64::from(last)).await;
    }
    clients[0].write_all(&query(1)).await.unwrap();
    replies_to(&mut clients[0], 1..2).await;
    let mut fourth = connect_from(4, world.tcp).await;
    assert_eq!(next(&mut clients[1]).await, None);
    let [first, _, third] = &mut clients[..] else { unreachable!() };
    for kept in [first, third, &mut fourth] {
        kept.write_all(&query(2)).await.unwrap();
        replies_to(kept, 2..3).await;
    }
    assert_eq!(world.counters.of(Transport::Tcp).refused(), 0);
}

#[tokio::test]
async fn a_handshake_that_is_not_done_in_time_is_cut() {
    let world = World::new(Limits { handshake: SHORT, idle: LONG, ..Limits::default() });
    for (address, transport) in [(world.tls, Transport::Tls), (world.https, Transport::Https)] {
        let mut silent = connect(address).await;
        assert_eq!(next(&mut silent).await, None);
        world.closed(transport, Closed::Handshake, 1).await;
    }
}

#[tokio::test]
async fn handshakes_that_are_not_gone_on_with_hold_no_more_places_than_others() {
    let limits = Limits { connections_per_client: 2, handshake: LONG, idle: LONG, ..Limits::default() };
    let world = World::new(limits);
    let mut silent = Vec::new();
    for number in 1..=4 {
        silent.push(connect(world.tls).await);
        until(|| world.counters.of(Transport::Tls).accepted() == number).await;
    }
    for displaced in &mut silent[..2] {
        assert_eq!(next(displaced).await, None);
    }
    world.closed(Transport::Tls, Closed::Displaced, 2).await;
    assert_eq!(world.counters.of(Transport::Tls).open(), 2);
}
