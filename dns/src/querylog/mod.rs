//! A sample of queries, written to a file, one JSON object a line.
//!
//! # What it costs
//! Off (a share of 0, the default): one comparison a query. On: a chance is drawn for each query, and those that are drawn
//! are copied into a bounded queue, without waiting and without allocating; a thread of its own makes lines of them. What
//! does not fit is dropped and counted, so that a slow disk costs lines, never answers. The queue holds [`QUEUE`] queries:
//! a second's worth at the rate that a disk's hiccup can be expected to take, in half a megabyte.
//!
//! # What it tells
//! Enough to see who asks for what and gets what, and no more of the client than decisions look at: its address is cut to a
//! /24 or a /48, which are also the longest prefixes that RFC 7871 §11.1 would have resolvers send.
//!
//! # The file
//! Grows to a size, is then renamed, with `.1` behind its name, in the place of the one before; so that there are never more
//! than two. It is appended to after a restart. Lines are flushed when the queue is empty. Where it cannot be written, that
//! is told once, lines are counted as failed, and it is opened anew for the next one: a disk that has room again is
//! written to again.

mod file;
mod line;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use self::file::Rotated;
pub use self::line::Line;

/// Queries that wait to be written.
const QUEUE: usize = 1024;

/// What is to be logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file; its folder is there.
    pub file: PathBuf,
    /// The share of queries that are logged, 0 to 1. 0: none, and no file is made.
    pub share: f64,
    /// Octets to which the file grows before it is renamed.
    pub size: u64,
}

/// What has become of lines.
#[derive(Debug, Default)]
pub struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// `written` to the file; `dropped`, for the queue was full; `failed`, for the file could not be written.
    pub fn by_outcome(&self) -> [(&'static str, u64); 3] {
        [("written", &self.written), ("dropped", &self.dropped), ("failed", &self.failed)]
            .map(|(outcome, count)| (outcome, count.load(Relaxed)))
    }
}

/// Where queries are handed to. It ends, and the file is whole, when all clones are dropped.
#[derive(Clone, Debug)]
pub struct QueryLog {
    /// Drawn is who draws below it: the share in 2³²nds.
    below: u64,
    queue: SyncSender<Line>,
    counts: Arc<Counts>,
}

impl QueryLog {
    /// Starts the thread that writes. Give the second to whoever waits for the log's end.
    pub fn start(config: Config, counts: Arc<Counts>) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, lines) = sync_channel(QUEUE);
        let below = (config.share.clamp(0.0, 1.0) * (1u64 << 32) as f64) as u64;
        let log = Self { below, queue, counts: counts.clone() };
        let writer =
            thread::Builder::new().name("dns-query-log".into()).spawn(move || write(&lines, config, &counts))?;
        Ok((log, writer))
    }

    /// Hands over what `line` makes, if this query is drawn. `chance` draws evenly from all of u32.
    pub fn sample(&self, chance: impl FnOnce() -> u32, line: impl FnOnce() -> Line) {
        if self.below != 0 && u64::from(chance()) < self.below && self.queue.try_send(line()).is_err() {
            self.counts.dropped.fetch_add(1, Relaxed);
        }
    }
}

fn write(lines: &Receiver<Line>, config: Config, counts: &Counts) {
    let mut file = Rotated::new(config.file, config.size);
    let mut failing = false;
    while let Ok(first) = lines.recv() {
        let mut count = 0;
        let written = std::iter::once(first).chain(lines.try_iter()).try_for_each(|line| {
            count += 1;
            file.write(&line)
        });
        let outcome = written.and_then(|()| file.flush());
        let by = if outcome.is_ok() { &counts.written } else { &counts.failed };
        by.fetch_add(count, Relaxed);
        if let (Err(error), false) = (&outcome, failing) {
            tracing::warn!(%error, "the DNS query log cannot be written; its lines are lost");
        }
        failing = outcome.is_err();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, net::Ipv4Addr};

    use chrono::DateTime;
    use tempfile::TempDir;

    use super::*;
    use crate::transport::Transport;

    const NEVER: fn() -> u32 = || u32::MAX;
    const ALWAYS: fn() -> u32 = || 0;

    fn line(client: &str) -> Line {
        Line {
            time: DateTime::UNIX_EPOCH,
            transport: Transport::Udp,
            client: client.parse().unwrap(),
            name: b"\x04Live\x04te\"s\0".iter().copied().collect(),
            rtype: Some(28),
            code: 0,
            decided: None,
            scope: 24,
            size: 120,
            flags: 0x8500,
        }
    }

    fn start(share: f64, size: u64) -> (TempDir, PathBuf, QueryLog, JoinHandle<()>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queries.ndjson");
        let (log, writer) = QueryLog::start(Config { file: file.clone(), share, size }, Arc::default()).unwrap();
        (folder, file, log, writer)
    }

    #[test]
    fn a_line_tells_who_asked_and_what_came_of_it() {
        let (_folder, file, log, writer) = start(1.0, u64::MAX);
        log.sample(NEVER, || line("192.0.2.77"));
        drop(log);
        writer.join().unwrap();
        assert_eq!(
            fs::read_to_string(file).unwrap(),
            r#"{"time":"1970-01-01T00:00:00.000000Z","transport":"udp","client":"192.0.2.0/24","name":"Live.te\"s.","type":"AAAA","rcode":"NOERROR","service":null,"pathway":null,"snapshot":null,"scope":24,"size":120,"flags":"qr aa rd"}"#
                .to_owned()
                + "\n"
        );
    }

    #[test]
    fn off_nothing_is_drawn_and_no_file_is_made() {
        let (_folder, file, log, writer) = start(0.0, u64::MAX);
        log.sample(|| panic!("a chance is not drawn"), || panic!("nor is a line made"));
        drop(log);
        writer.join().unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn the_share_is_that_of_the_chances() {
        let (_folder, file, log, writer) = start(0.25, u64::MAX);
        for chance in [0, 0x3fff_ffff, 0x4000_0000, u32::MAX] {
            log.sample(|| chance, || line("192.0.2.1"));
        }
        drop(log);
        writer.join().unwrap();
        assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 2);
    }

    #[test]
    fn the_file_is_renamed_when_it_has_grown_and_only_one_old_one_is_kept() {
        let (folder, file, log, writer) = start(1.0, 1_000);
        for client in 0..99 {
            // One by one, so that the queue never fills.
            while log.queue.try_send(line(&Ipv4Addr::new(192, 0, client, 1).to_string())).is_err() {}
        }
        drop(log);
        writer.join().unwrap();
        let old = fs::read_to_string(folder.path().join("queries.ndjson.1")).unwrap();
        let new = fs::read_to_string(file).unwrap();
        assert!((1_000..1_300).contains(&old.len()) && new.len() < 1_300, "{} {}", old.len(), new.len());
        assert!(format!("{old}{new}").lines().last().unwrap().contains("192.0.98.0/24"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_handed_over_or_written_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let counts = Arc::<Counts>::default();
        let file = folder.path().join("missing/queries.ndjson");
        let (log, writer) = QueryLog::start(Config { file, share: 1.0, size: 1 }, counts.clone()).unwrap();
        for _ in 0..5 {
            log.sample(ALWAYS, || line("2001:db8::1"));
        }
        drop(log);
        writer.join().unwrap();
        assert_eq!(counts.by_outcome(), [("written", 0), ("dropped", 0), ("failed", 5)]);

        let (queue, _held) = sync_channel(2); // nobody reads
        let log = QueryLog { below: 1 << 32, queue, counts: counts.clone() };
        for _ in 0..5 {
            log.sample(NEVER, || line("2001:db8::1"));
        }
        assert_eq!(counts.by_outcome()[1], ("dropped", 3));
    }
}
