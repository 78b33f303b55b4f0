//! Certificates that change while they are used.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use fairway_dns::server::{
    certificates::{CertificateError, Certificates},
    limits::Limits,
};
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use crate::world::{World, connect, paths, query, replies_to, until, write_pair};

#[test]
fn files_that_are_as_they_were_are_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), "a.example");
    let (certificate, key) = paths(folder.path());
    let certificates = Certificates::load(certificate, key).unwrap();
    assert!(!certificates.reload().unwrap());
    write_pair(folder.path(), "b.example");
    assert!(certificates.reload().unwrap());
    assert!(!certificates.reload().unwrap());
}

#[test]
fn what_is_wrong_is_told_once_with_its_file_and_mended_by_the_other_half() {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path(), "a.example");
    let (certificate, key) = paths(folder.path());
    let certificates = Certificates::load(certificate.clone(), key.clone()).unwrap();
    let old_key = fs::read(&key).unwrap();
    write_pair(folder.path(), "b.example");
    let new_key = fs::read(&key).unwrap();

    fs::write(&key, old_key).unwrap(); // seen between the two writes
    let error = certificates.reload().unwrap_err();
    assert!(matches!(error, CertificateError::Pair { .. }), "{error}");
    assert!(error.to_string().contains("key.pem does not go with"), "{error}");
    assert!(!certificates.reload().unwrap());
    fs::write(&key, new_key).unwrap();
    assert!(certificates.reload().unwrap());

    let good = fs::read(&certificate).unwrap();
    fs::write(&certificate, "no PEM").unwrap();
    let error = certificates.reload().unwrap_err().to_string();
    assert!(error.contains("cert.pem: no certificate in it"), "{error}");
    fs::remove_file(&key).unwrap();
    assert!(
        matches!(certificates.reload().unwrap_err(), CertificateError::Pem { .. }),
        "the certificate is still wrong"
    );
    fs::write(&certificate, good).unwrap();
    assert!(matches!(certificates.reload().unwrap_err(), CertificateError::Read { path, .. } if path == key));
    assert!(!certificates.reload().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_is_lost_while_certificates_change_under_load() {
    let world = Arc::new(World::new(Limits::default()));
    tokio::spawn(world.certificates.clone().watch(Duration::from_millis(1), world.stop.clone()));
    let (first, done) = (world.trust(b"dot"), Arc::new(AtomicBool::new(false)));
    let kept = tokio::spawn({
        let (world, done) = (world.clone(), done.clone());
        let name = ServerName::try_from("ns1.example").unwrap();
        let mut tls = TlsConnector::from(first).connect(name, connect(world.tls).await).await.unwrap();
        async move {
            let mut asked = 0u16;
            while !done.load(Relaxed) {
                tls.write_all(&query(asked)).await.unwrap();
                replies_to(&mut tls, asked..asked + 1).await;
                asked = (asked + 1) % 1000;
            }
        }
    });
    for name in ["ns2.example", "ns3.example", "ns4.example"] {
        write_pair(world.folder.path(), name);
        let trust = world.trust(b"dot");
        let tried = || async {
            let name = ServerName::try_from(name).unwrap();
            let mut tls = TlsConnector::from(trust.clone()).connect(name, connect(world.tls).await).await.ok()?;
            tls.write_all(&query(1)).await.unwrap();
            replies_to(&mut tls, 1..2).await;
            Some(())
        };
        tokio::time::timeout(crate::world::LONG, async { while tried().await.is_none() {} }).await.unwrap();
    }
    done.store(true, Relaxed);
    until(|| kept.is_finished()).await;
    kept.await.unwrap();
}
