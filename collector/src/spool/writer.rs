//! The one thread that writes.

use std::{
    fs::File,
    io::{self, Write},
    sync::{Arc, atomic::Ordering},
    time::{Instant, SystemTime},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    frame, segment,
    segment::Segment,
    shared::{Shared, SpoolError},
};

/// So much is taken into one commit at most; the next one follows at once.
const COMMIT_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub enum Command {
    Append { rows: u32, payload: Vec<u8>, done: oneshot::Sender<Result<(), SpoolError>> },
    Seal(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

pub struct Writer {
    shared: Arc<Shared>,
    run: u64,
    number: u64,
    open: Option<Open>,
    /// What the commit under way will write, and whom to tell.
    pending: Vec<u8>,
    waiting: Vec<oneshot::Sender<Result<(), SpoolError>>>,
}

struct Open {
    file: File,
    segment: Segment,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, run: u64) -> Self {
        Self { shared, run, number: 0, open: None, pending: Vec::new(), waiting: Vec::new() }
    }

    /// Until it is closed, or every handle is gone.
    pub fn run(mut self, mut queue: mpsc::UnboundedReceiver<Command>) {
        while let Some(command) = queue.blocking_recv() {
            let mut next = Some(command);
            while let Some(command) = next {
                match command {
                    Command::Append { rows, payload, done } => {
                        frame::put(&mut self.pending, rows, &payload);
                        self.waiting.push(done);
                    }
                    Command::Seal(done) => {
                        self.commit();
                        self.seal();
                        // Whoever asked may have gone meanwhile.
                        done.send(()).unwrap_or(());
                    }
                    Command::Close(done) => {
                        self.commit();
                        self.seal();
                        queue.close();
                        done.send(()).unwrap_or(());
                    }
                }
                next = if self.pending.len() < COMMIT_BYTES { queue.try_recv().ok() } else { None };
            }
            self.commit();
        }
        self.seal();
    }

    /// Puts what is pending on disk, and tells those who wait.
    fn commit(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let begun = Instant::now();
        let outcome = self.write();
        if let Err(error) = &outcome {
            tracing::error!(%error, "the spool cannot be written");
            self.shared.metrics.spool_failures.inc();
            self.shared.count(-(self.pending.len() as i64));
            self.abandon();
        }
        self.shared.metrics.commit_seconds.observe(begun.elapsed().as_secs_f64());
        self.shared.metrics.commits.inc();
        self.shared.queued.fetch_sub(self.pending.len() as u64, Ordering::Relaxed);
        let outcome = outcome.map_err(|error| SpoolError::Disk(error.to_string()));
        for done in self.waiting.drain(..) {
            // A client that hung up has nobody waiting; its rows are kept all the same.
            done.send(outcome.clone()).unwrap_or(());
        }
        self.pending.clear();
        if self.open.as_ref().is_some_and(|open| open.segment.bytes >= self.shared.limits.segment_bytes) {
            self.seal();
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(begin(&self.shared, self.run, &mut self.number)?),
        };
        open.file.write_all(&self.pending)?;
        open.file.sync_data()?;
        open.segment.bytes += self.pending.len() as u64;
        Ok(())
    }

    fn seal(&mut self) {
        if let Some(open) = self.open.take() {
            self.shared.sealed().push_back(open.segment);
        }
    }

    /// Gives the segment up after an error: it ends with the last frame that was acknowledged. In this process it is read
    /// no further even if it cannot be cut now.
    fn abandon(&mut self) {
        if let Some(open) = &self.open
            && let Err(error) = open.file.set_len(open.segment.bytes).and_then(|()| open.file.sync_all())
        {
            tracing::warn!(%error, segment = open.segment.name, "a segment cannot be cut");
        }
        self.seal();
    }
}

/// Makes the next segment. Its number is used up even if that fails.
fn begin(shared: &Shared, run: u64, number: &mut u64) -> io::Result<Open> {
    *number += 1;
    let name = segment::name(run, *number);
    let path = segment::path(&shared.dir, &name);
    let made = File::create_new(&path).and_then(|mut file| {
        file.write_all(&frame::header(segment::layout()))?;
        file.sync_all()?;
        segment::sync_dir(&shared.dir)?;
        Ok(file)
    });
    let segment = Segment { name, path, bytes: frame::HEADER as u64, since: SystemTime::now() };
    match made {
        Ok(file) => {
            shared.count(segment.bytes as i64);
            Ok(Open { file, segment })
        }
        Err(error) => {
            // On a full disk there would be one empty file for each attempt.
            segment.remove().unwrap_or_else(|e| tracing::debug!(%e, "an empty segment stays until the next start"));
            Err(error)
        }
    }
}
