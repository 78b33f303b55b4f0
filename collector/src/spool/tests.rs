use std::{path::PathBuf, time::Duration};

use prometheus_client::registry::Registry;
use tempfile::TempDir;

use super::*;

fn open(dir: &Path, limits: Limits) -> Spool {
    Spool::open(dir, limits, Metrics::register(&mut Registry::default())).expect("opens")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// What a crash at this moment would leave: the files as they are, in another folder, without the lock.
fn crash(dir: &Path) -> TempDir {
    let copy = folder();
    for entry in fs::read_dir(dir).expect("readable") {
        let entry = entry.expect("readable");
        fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
    }
    copy
}

fn only_segment(dir: &Path) -> PathBuf {
    let segments = segment::list(dir).expect("listed");
    assert_eq!(segments.len(), 1);
    segments[0].path.clone()
}

/// Everything that the spool holds, as text, oldest first.
fn drained(spool: &Spool) -> String {
    let mut all = String::new();
    while let Some(segment) = spool.oldest() {
        let content = segment.read().expect("readable");
        all.push_str(std::str::from_utf8(&content.rows).expect("text"));
        segment.remove().expect("removed");
        spool.done(&segment);
    }
    all
}

#[tokio::test]
async fn every_acknowledged_frame_is_there_after_a_crash() {
    let dir = folder();
    let spool = open(dir.path(), Limits { segment_bytes: 200, ..Limits::default() });
    let mut expected = String::new();
    for i in 0..100 {
        let row = format!("row{i};");
        spool.append(1, row.clone().into_bytes()).await.expect("on disk");
        expected.push_str(&row);
        if i % 30 == 0 {
            assert_eq!(drained(&open(crash(dir.path()).path(), Limits::default())), expected, "after {i}");
        }
    }
    assert!(spool.waiting() > 5, "full segments are sealed");
    spool.close().await;
    assert_eq!(drained(&spool), expected);
    assert!(matches!(spool.append(1, vec![0]).await, Err(SpoolError::Closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_the_same_time_share_commits() {
    let dir = folder();
    let spool = open(dir.path(), Limits::default());
    let appends = (0..500).map(|i| {
        let spool = spool.clone();
        tokio::spawn(async move { spool.append(2, format!("{i:03};").into_bytes()).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.expect("no panic").expect("on disk");
    }
    assert!(spool.shared.metrics.commits.get() < 500);
    spool.seal().await;
    let content = spool.oldest().expect("sealed").read().expect("readable");
    assert_eq!((content.row_count, content.rows.len()), (1_000, 2_000));
    assert_eq!((content.torn, content.damaged), (0, 0));
}

#[tokio::test]
async fn a_torn_tail_is_passed_over_at_any_length() {
    let dir = folder();
    let spool = open(dir.path(), Limits::default());
    spool.append(1, b"first;".to_vec()).await.expect("on disk");
    let acknowledged = fs::metadata(only_segment(dir.path())).expect("there").len();
    spool.append(1, b"second;".to_vec()).await.expect("on disk");
    let whole = fs::read(only_segment(dir.path())).expect("readable");
    for length in acknowledged..whole.len() as u64 {
        let copy = crash(dir.path());
        File::options().write(true).open(only_segment(copy.path())).and_then(|f| f.set_len(length)).expect("cut");
        let reopened = open(copy.path(), Limits::default());
        let content = reopened.oldest().expect("there").read().expect("readable");
        assert_eq!((&content.rows[..], content.torn, content.damaged), (&b"first;"[..], length - acknowledged, 0));
        // And the spool works on.
        reopened.append(1, b"third;".to_vec()).await.expect("on disk");
        reopened.close().await;
        assert_eq!(drained(&reopened), "first;third;");
    }
}

#[tokio::test]
async fn a_damaged_byte_loses_its_frame_and_no_other() {
    let dir = folder();
    let spool = open(dir.path(), Limits::default());
    for row in ["one;", "two;", "three;"] {
        spool.append(1, row.into()).await.expect("on disk");
    }
    spool.close().await;
    let segment = spool.oldest().expect("sealed");
    let sound = fs::read(&segment.path).expect("readable");
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x55;
        fs::write(&segment.path, &bytes).expect("written");
        let content = segment.read().expect("readable");
        let lost =
            ["one;", "two;", "three;"].iter().filter(|row| !String::from_utf8_lossy(&content.rows).contains(**row));
        assert!(lost.count() <= 1, "byte {at}");
        assert!(content.foreign || content.damaged + content.torn > 0, "byte {at} is noticed");
    }
}

#[tokio::test]
async fn a_segment_with_other_columns_is_not_taken_for_ours() {
    let dir = folder();
    let spool = open(dir.path(), Limits::default());
    spool.append(1, b"row".to_vec()).await.expect("on disk");
    spool.close().await;
    let segment = spool.oldest().expect("sealed");
    let mut bytes = fs::read(&segment.path).expect("readable");
    bytes[..frame::HEADER].copy_from_slice(&frame::header(segment::layout() ^ 1));
    fs::write(&segment.path, bytes).expect("written");
    let content = segment.read().expect("readable");
    assert!(content.foreign && content.rows.is_empty());
}

#[tokio::test]
async fn names_and_tokens_never_repeat() {
    let dir = folder();
    let mut names = std::collections::HashSet::new();
    for _ in 0..4 {
        let spool = open(dir.path(), Limits::default());
        for _ in 0..3 {
            spool.append(1, b"the same".to_vec()).await.expect("on disk");
            spool.seal().await;
        }
        spool.close().await;
        while let Some(segment) = spool.oldest() {
            let token = segment.read().expect("readable").token;
            assert_eq!(segment.read().expect("readable").token, token, "the same each time it is read");
            assert!(token.starts_with(&segment.name) && names.insert(token));
            segment.remove().expect("removed");
            spool.done(&segment);
        }
        drop(spool);
        closed(dir.path()).await;
    }
    fs::write(dir.path().join("0000000009-0000000001.seg.corrupt"), "").expect("written");
    fs::write(dir.path().join("lock"), "garbage").expect("written");
    let spool = open(dir.path(), Limits::default());
    spool.append(1, b"x".to_vec()).await.expect("on disk");
    assert!(only_segment(dir.path()).ends_with("0000000010-0000000001.seg"));
}

/// The writer's thread lets go of the lock a moment after the last handle has gone.
async fn closed(dir: &Path) {
    let lock = File::options().write(true).open(dir.join("lock")).expect("there");
    while lock.try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let dir = folder();
    let _spool = open(dir.path(), Limits::default());
    let second = Spool::open(dir.path(), Limits::default(), Metrics::register(&mut Registry::default()));
    assert!(matches!(second, Err(OpenError::InUse(_))));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_until_there_is_room() {
    let dir = folder();
    let spool = open(dir.path(), Limits { max_bytes: 1_000, ..Limits::default() });
    let mut kept = 0;
    while spool.append(1, vec![b'x'; 100]).await.is_ok() {
        kept += 1;
    }
    assert!((7..=8).contains(&kept), "{kept}");
    assert!(matches!(spool.append(1, vec![b'x'; 100]).await, Err(SpoolError::Full)));
    let size: u64 = fs::metadata(only_segment(dir.path())).expect("there").len();
    assert_eq!(spool.shared.metrics.spool_bytes.get(), size as i64, "counted to the byte");
    spool.seal().await;
    assert_eq!(drained(&spool).len(), 100 * kept);
    assert_eq!(spool.shared.metrics.spool_bytes.get(), 0);
    spool.append(1, vec![b'x'; 100]).await.expect("room again");
}

#[tokio::test]
async fn a_disk_that_falls_behind_is_not_waited_for_without_bounds() {
    let dir = folder();
    let spool = open(dir.path(), Limits::default());
    spool.shared.reserve(MAX_QUEUED - 100).expect("as if it were on its way");
    assert!(matches!(spool.append(1, vec![b'x'; 100]).await, Err(SpoolError::Busy)));
    for _ in 0..3 {
        spool.append(1, vec![b'x'; 80]).await.expect("what is on disk waits no more");
    }
}

#[tokio::test]
async fn a_failing_disk_is_told_and_survived() {
    let dir = folder();
    let inner = dir.path().join("spool");
    let spool = open(&inner, Limits::default());
    fs::rename(&inner, dir.path().join("away")).expect("moved");
    assert!(matches!(spool.append(1, b"lost;".to_vec()).await, Err(SpoolError::Disk(_))));
    assert_eq!(spool.shared.metrics.spool_bytes.get(), 0);
    fs::rename(dir.path().join("away"), &inner).expect("moved back");
    spool.append(1, b"kept;".to_vec()).await.expect("on disk");
    spool.close().await;
    assert_eq!(drained(&spool), "kept;");
}
