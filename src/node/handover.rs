//! A node hands over to its successor: another process, of a newer program or with another configuration, that goes on with the
//! same sockets and the same data folder, while DNS is answered by one or the other at any time.
//!
//! # What is said
//! Over `<data_dir>/handover.sock`, a Unix socket that only the node's own user may open. Each step waits for the one before.
//!
//! ```text
//!      successor                                          node that runs
//!   1  reads all it is told: configuration, policies,
//!      zones, keys, certificates, geo data
//!   2  `fairway hand-over 1` ─────────────────────────▶
//!   3  ◀───────────────────────── its sockets: DNS, public and admin HTTP
//!   4  binds what it wants beside these
//!   5  `ready` ───────────────────────────────────────▶
//!   6                                 ends all but DNS: first what may wait for the store, and its engine; then HTTP,
//!                                     which finishes what is in flight, control loop and collector; snapshot and spool
//!                                     are on disk, and their locks free
//!   7  ◀──────────────────────────────────────── `yours`, that is: the data folder
//!   8  starts, from that snapshot, on those sockets
//!   9  `answering` ───────────────────────────────────▶
//!  10  ◀───────────────────────────────────────── `over`
//!  11  writes `listening.json`, opens a door of its own   ends DNS: what was read is answered, connections are given
//!                                                         their grace; exits 0
//! ```
//! # Why no query is lost
//! Both processes have the very same sockets. From 8 to 11 both read them, and each datagram is read by one of the two; before
//! and after, one does. A batch that was read is answered before its thread ends. HTTP is not answered from the end of 6 to 8, some
//! tenths of a second: connections wait in the listening socket's queue, which is the kernel's and stays. Both at once would not do
//! there: what HTTP takes in (beacons, overrides, plans) goes to the data folder, which has one owner. A TCP or TLS connection
//! stays with the process that accepted it, and is closed when idle; clients open another. QUIC connections do not survive: the
//! packets of one may be read by either process.
//!
//! # What may go wrong
//! - *Until 5* the successor finds a mistake, cannot bind, or dies: nothing has been given, and the node never stopped anything.
//!   Hence all that can be checked is checked by then.
//! - *From 7 to 9* it fails or dies, which its end of the connection tells: the node takes everything up again, in the same
//!   process, just as a successor would, and tries until that works. DNS is answered all the time, by the snapshot of step 6.
//!   A successor keeps its end open until the process is gone, locks and all.
//! - *It hangs*, and [`START_WITHIN`] is over: the same. If it comes to life later, its `answering` finds nobody, and it ends.
//! - *The node dies*, at any time from 7 on: `over` never comes, and nobody is behind the socket's path any more. Then the
//!   successor is alone, and goes on.
//! - *9 and 10* are the moment of truth: who has said `over` ends; who has not heard it, and finds the node alive, ends. So there
//!   are never two owners, and never none.
//!
//! # The times
//! [`STEP_WITHIN`] is for what takes microseconds, on a machine that is overloaded. [`BIND_WITHIN`] leaves room for many sockets.
//! `yours` comes within [`YIELD_WITHIN`]: what does not stop in time is left behind. [`START_WITHIN`] is a hundred times what an ordinary
//! start takes: signing 100,000 names takes ten seconds.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt, net::UnixStream as StdStream},
    path::{Path, PathBuf},
    time::Duration,
};

use fairway_dns::server::sockets::SocketError;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::spawn_blocking,
    time::timeout,
};

use super::{bound::Bound, files::remove_if_there, rooms::STOP_WITHIN};

/// For one word.
const STEP_WITHIN: Duration = Duration::from_secs(5);
/// From the sockets to `ready`.
const BIND_WITHIN: Duration = Duration::from_secs(10);
/// From `ready` to `yours`: three things that may take their time.
const YIELD_WITHIN: Duration = Duration::from_secs(STOP_WITHIN.as_secs() * 3);
/// From `yours` to `answering`.
const START_WITHIN: Duration = Duration::from_secs(120);

// Another number when any of this changes: two versions that do not understand each other find out before anything is given.
const HELLO: &str = "fairway hand-over 1\n";
const READY: &str = "ready\n";
const YOURS: &str = "yours\n";
const ANSWERING: &str = "answering\n";
const OVER: &str = "over\n";

/// Why it did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The other process ended, or its connection did.
    #[error("the other process is gone: {0}")]
    Gone(#[from] io::Error),
    /// It took too long.
    #[error("the other process did not say {0:?} within {within} s", within = .1.as_secs())]
    Late(&'static str, Duration),
    /// It speaks otherwise: another version.
    #[error("the other process said {said:?} instead of {instead:?}")]
    Foreign {
        /// What came.
        said: String,
        /// What should have.
        instead: &'static str,
    },
    /// Sockets did not come, or are none.
    #[error(transparent)]
    Sockets(#[from] SocketError),
    /// The node went on by itself, most likely since we took too long.
    #[error("the node that runs took everything up again")]
    TakenBack,
}

/// Where successors come in.
#[derive(Debug)]
pub struct Door {
    file: PathBuf,
    listener: UnixListener,
}

impl Door {
    /// Opens it, in place of that of the node before, if it is still there.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let file = path(data_dir);
        // Nobody is to come in before the mode is set.
        let draft = file.with_extension("draft");
        remove_if_there(&draft)?;
        let listener = UnixListener::bind(&draft)?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600))?;
        fs::rename(&draft, &file)?;
        Ok(Self { file, listener })
    }

    /// Waits for a successor that has these sockets, and misses nothing but the data folder.
    pub async fn successor(&self, bound: &Bound) -> Successor {
        loop {
            let met = match self.listener.accept().await {
                Ok((stream, _)) => greet(stream, bound).await,
                Err(error) => {
                    tokio::time::sleep(STEP_WITHIN).await; // no file descriptors left, most likely
                    Err(error.into())
                }
            };
            match met {
                Ok(successor) => return successor,
                Err(error) => tracing::warn!(%error, "another process did not come to take over; this one goes on"),
            }
        }
    }

    /// Removes the socket's file.
    pub fn close(self) -> io::Result<()> {
        remove_if_there(&self.file)
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("handover.sock")
}

/// Steps 2 to 5, seen from the node that runs.
async fn greet(mut stream: UnixStream, bound: &Bound) -> Result<Successor, HandoverError> {
    hear(&mut stream, HELLO, STEP_WITHIN).await?;
    let (stream, bound) = (blocking(stream)?, bound.try_clone()?);
    let sent = spawn_blocking(move || bound.send(&stream).map(|()| stream));
    let stream = sent.await.map_err(io::Error::other)??;
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    hear(&mut stream, READY, BIND_WITHIN).await?;
    Ok(Successor(stream))
}

/// A process that is ready to be what this one is.
#[derive(Debug)]
pub struct Successor(UnixStream);

impl Successor {
    /// Steps 7 to 9: gives it the data folder, which nobody here uses any more, and waits until it answers. After an error
    /// the folder is ours again.
    pub async fn takes(mut self) -> Result<Answering, HandoverError> {
        say(&mut self.0, YOURS).await?;
        hear(&mut self.0, ANSWERING, START_WITHIN).await?;
        Ok(Answering(self.0))
    }
}

/// A process that is what this one was.
#[derive(Debug)]
pub struct Answering(UnixStream);

impl Answering {
    /// Step 10: from now on it is.
    pub async fn over(mut self) -> Result<(), HandoverError> {
        say(&mut self.0, OVER).await
    }
}

/// The node that runs, seen from its successor.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
    file: PathBuf,
}

impl Predecessor {
    /// Steps 2 and 3: the node that runs on this data folder, and its sockets. `None`: none does.
    pub async fn reach(data_dir: &Path) -> Result<Option<(Self, Bound)>, HandoverError> {
        let file = path(data_dir);
        let mut stream = match UnixStream::connect(&file).await {
            Ok(stream) => stream,
            Err(error) if nobody(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        say(&mut stream, HELLO).await?;
        let stream = blocking(stream)?;
        let received = spawn_blocking(move || Bound::receive(&stream).map(|bound| (stream, bound)));
        let (stream, bound) = received.await.map_err(io::Error::other)??;
        stream.set_nonblocking(true)?;
        Ok(Some((Self { stream: UnixStream::from_std(stream)?, file }, bound)))
    }

    /// Steps 5 to 7: when this returns, the data folder is ours.
    pub async fn yields(&mut self) -> Result<(), HandoverError> {
        say(&mut self.stream, READY).await?;
        hear(&mut self.stream, YOURS, YIELD_WITHIN).await
    }

    /// Steps 9 and 10: we answer. After an error the other does, and we must not.
    pub async fn ends(mut self) -> Result<(), HandoverError> {
        let told = say(&mut self.stream, ANSWERING).await;
        let heard = match told {
            Ok(()) => hear(&mut self.stream, OVER, STEP_WITHIN).await,
            Err(error) => Err(error),
        };
        match heard {
            Ok(()) => Ok(()),
            Err(error) => match UnixStream::connect(&self.file).await {
                Err(gone) if nobody(&gone) => {
                    tracing::warn!(%error, "the node that ran has died; this one goes on");
                    Ok(())
                }
                _ => Err(HandoverError::TakenBack),
            },
        }
    }

    /// Leaves the connection to the end of this process, which is what the other must wait for: until then locks are ours.
    pub fn hold(self) {
        std::mem::forget(self.stream);
    }
}

/// Nobody listens at the path: no file, or one that a dead process left.
fn nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// For sockets, which a runtime cannot send.
fn blocking(stream: UnixStream) -> io::Result<StdStream> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(STEP_WITHIN))?;
    stream.set_write_timeout(Some(STEP_WITHIN))?;
    Ok(stream)
}

async fn say(stream: &mut UnixStream, word: &'static str) -> Result<(), HandoverError> {
    timeout(STEP_WITHIN, stream.write_all(word.as_bytes()))
        .await
        .map_err(|_| HandoverError::Late("", STEP_WITHIN))??;
    Ok(())
}

async fn hear(stream: &mut UnixStream, word: &'static str, within: Duration) -> Result<(), HandoverError> {
    let mut said = vec![0; word.len()];
    let late = |_| HandoverError::Late(word.trim_end(), within);
    timeout(within, stream.read_exact(&mut said)).await.map_err(late)??;
    if said != word.as_bytes() {
        let said = String::from_utf8_lossy(&said).into_owned();
        return Err(HandoverError::Foreign { said, instead: word.trim_end() });
    }
    Ok(())
}
