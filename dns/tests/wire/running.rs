//! Start, reload, stop.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use chrono::Utc;
use fairway_dns::{
    DnsError, Options, Server,
    server::sockets::{Listen, Listener, Sockets},
};
use fairway_steering::{Live, Snapshot};
use hickory_proto::{
    op::ResponseCode,
    rr::RecordType::{A, TXT},
};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::world::{World, ZONE, answers};

fn plain(address: SocketAddr) -> Listen {
    Listen { service: Listener::Plain, address }
}

async fn serve_on(listen: &[SocketAddr]) -> Result<Server, DnsError> {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = Snapshot::compile(1, Utc::now(), Arc::default(), Vec::new());
    let live = Arc::new(Live::new(snapshot, Utc::now()));
    let listen = listen.iter().copied().map(plain).collect();
    let options = Options::new(listen, folder.path().into(), folder.path().into()).unwrap();
    Server::start(options, live, Arc::default(), Sockets::default(), CancellationToken::new()).await
}

#[tokio::test]
async fn each_address_is_bound_for_both_transports() {
    let any = "127.0.0.1:0".parse().unwrap();
    let server = serve_on(&[any, any]).await.unwrap();
    let addresses: Vec<SocketAddr> = server.bound.iter().map(|bound| bound.address).collect();
    assert!(addresses.iter().all(|a| a.port() != 0) && addresses[0] != addresses[1]);
    for address in &addresses {
        assert!(UdpSocket::bind(address).await.is_err());
        assert!(TcpStream::connect(address).await.is_ok());
    }
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve_on(&[address]).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen for DNS on {address}: ")), "{error}");
}

#[tokio::test]
async fn zones_are_reloaded_or_kept() {
    let world = World::new().await;
    let file = world.folder.path().join("fairway.test.zone");
    fs::write(&file, format!("{ZONE}new TXT \"here\"\nnew A 192.0.2\n")).unwrap();
    let error = world.reload.reload().await.unwrap_err().to_string();
    assert!(error.contains("fairway.test.zone:20: "), "{error}");
    assert_eq!(world.ask("new.fairway.test.", TXT).await.metadata.response_code, ResponseCode::NXDomain);

    fs::write(&file, format!("{ZONE}new TXT \"here\"\n")).unwrap();
    world.reload.reload().await.unwrap();
    assert_eq!(answers(&world.ask("new.fairway.test.", TXT).await), ["new.fairway.test. 300 TXT here"]);
}

#[tokio::test]
async fn it_stops_when_told_and_lets_go_of_its_port() {
    let world = World::new().await;
    world.ask("live.fairway.test.", A).await;
    let idle = TcpStream::connect(world.address).await.unwrap();
    world.shutdown.cancel();
    timeout(Duration::from_secs(5), world.task).await.expect("it ends").unwrap().unwrap();
    drop(idle);
    UdpSocket::bind(world.address).await.expect("UDP's port is free");
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_new_snapshot_is_answered_from() {
    let world = World::new().await;
    assert_eq!(world.ask("live.fairway.test.", A).await.answers.len(), 2);
    world.live.publish(Snapshot::compile(2, Utc::now(), Arc::default(), Vec::new()), true);
    while !world.ask("live.fairway.test.", A).await.answers.is_empty() {
        tokio::task::yield_now().await;
    }
    let reply = world.ask("live.fairway.test.", A).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NoError, "it still has its TXT");
    let reply = world.ask("a.steered.fairway.test.", A).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
}
