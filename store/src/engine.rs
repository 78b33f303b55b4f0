//! Keeps the embedded engine alive in a process of its own.
//!
//! ClickHouse as a library can take its process down: by a bug, by the kernel when memory is short, by `kill -9`. In a
//! child that is an event, not an outage: it is started again, the files are as they were at the last acknowledged insert,
//! and whoever was refused meanwhile repeats. What is decided here:
//! - *up*: the child has printed its URL. It does so after the engine has opened, so what is up answers.
//! - *down*: the child is gone, or did not print in [`READY_WITHIN`]. Since when, and of what, stays told until it is up.
//! - *again*: after 100 ms, doubling to 10 s: a crash under load is back at once, and a broken file does not spin the
//!   fans. A child that was up for [`STEADY`] has earned a fresh start.
//! - *stop*: closing the child's stdin asks it to finish and close; [`GRACE`] later it is killed.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, Command},
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{StoreMetrics, serve::PASSWORD_VARIABLE};

/// From start to URL. Opening a large database after a crash takes seconds; more is stuck.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// From the wish to stop to the kill: longer than the child gives its own requests.
const GRACE: Duration = Duration::from_secs(10);
/// Up for so long, the next crash is a new one.
const STEADY: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How to start the child.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The executable: this one.
    pub program: PathBuf,
    /// Its arguments, as in `store --path data/store`. The password goes by the environment, never here.
    pub args: Vec<OsString>,
}

/// Where the engine stands.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineState {
    /// Being started for the first time.
    Starting,
    /// Answers at this URL.
    Up {
        /// `http://127.0.0.1:port`; another one after each restart.
        url: String,
    },
    /// Not running, and being started again; or stopped.
    Down {
        /// Of what it died, or could not start.
        why: String,
        /// When it was last up, or first tried.
        since: SystemTime,
    },
}

/// Supervises the child. Dropped, it kills it; [`Engine::stopped`] is kinder.
#[derive(Debug)]
pub struct Engine {
    state: watch::Receiver<EngineState>,
    password: Arc<str>,
    supervisor: JoinHandle<()>,
}

impl Engine {
    /// Starts the child with a password made for it, and keeps it running until `shutdown`.
    ///
    /// # Errors
    /// The system has no random numbers for the password.
    pub fn start(options: EngineOptions, metrics: StoreMetrics, shutdown: CancellationToken) -> io::Result<Self> {
        let password: Arc<str> = new_password()?.into();
        let (sender, state) = watch::channel(EngineState::Starting);
        let supervisor = Supervisor { options, password: password.clone(), state: sender, metrics };
        Ok(Self { state, password, supervisor: tokio::spawn(supervisor.run(shutdown)) })
    }

    /// Its state, as it changes.
    pub fn state(&self) -> watch::Receiver<EngineState> {
        self.state.clone()
    }

    /// What its clients must give, as user `default`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Waits until the child has closed its files and is gone. Cancel `shutdown` first.
    pub async fn stopped(mut self) {
        if let Err(error) = (&mut self.supervisor).await {
            tracing::error!(%error, "the store engine's supervisor died");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.supervisor.abort(); // Its child is killed with it.
    }
}

struct Supervisor {
    options: EngineOptions,
    password: Arc<str>,
    state: watch::Sender<EngineState>,
    metrics: StoreMetrics,
}

/// A child that is up.
struct Running {
    child: Child,
    /// Held apart from the child, whose `wait` would close it: its end is the child's signal to go.
    stdin: Option<ChildStdin>,
    url: String,
}

impl Supervisor {
    async fn run(self, shutdown: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let why = tokio::select! {
                started = self.start() => match started {
                    Ok(mut running) => {
                        self.metrics.engine_up.set(1);
                        self.state.send_replace(EngineState::Up { url: running.url });
                        let up_at = Instant::now();
                        let why = tokio::select! {
                            status = running.child.wait() => epitaph(status),
                            () = shutdown.cancelled() => {
                                drop(running.stdin);
                                self.stop(running.child).await;
                                return;
                            }
                        };
                        if up_at.elapsed() > STEADY {
                            pause = FIRST_PAUSE;
                        }
                        why
                    }
                    Err(why) => why,
                },
                () = shutdown.cancelled() => {
                    self.down("stopped".into());
                    return;
                }
            };
            tracing::warn!(why, again_in = ?pause, "the store engine is down");
            self.down(why);
            tokio::select! { () = sleep(pause) => {}, () = shutdown.cancelled() => return }
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.metrics.engine_restarts.inc();
        }
    }

    /// Starts the child, which is up when it has said where.
    async fn start(&self) -> Result<Running, String> {
        let mut child = Command::new(&self.options.program)
            .args(&self.options.args)
            .env(PASSWORD_VARIABLE, &*self.password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for the node, which then stops the child when it no longer needs it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.options.program.display()))?;
        let (stdin, Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err("the child has no stdout or stderr".into());
        };
        tokio::spawn(pass_on(stderr));
        let mut line = String::new();
        match timeout(READY_WITHIN, BufReader::new(stdout).read_line(&mut line)).await {
            Ok(Ok(0)) => Err(epitaph(child.wait().await)),
            Ok(Ok(_)) => match serde_json::from_str::<Announcement>(&line) {
                Ok(Announcement::Url(url)) => Ok(Running { child, stdin, url }),
                Ok(Announcement::Error(why)) => Err(why),
                Err(_) => Err(format!("expected the child's URL, but it said {line:?}")),
            },
            Ok(Err(error)) => Err(format!("cannot read the child's URL: {error}")),
            Err(_) => Err(format!("not ready within {READY_WITHIN:?}")),
        }
    }

    async fn stop(&self, mut child: Child) {
        if timeout(GRACE, child.wait()).await.is_err() {
            tracing::warn!("the store engine did not stop within {GRACE:?}: killing it");
            if let Err(error) = child.kill().await {
                tracing::error!(%error, "cannot kill the store engine");
            }
        }
        self.down("stopped".into());
    }

    fn down(&self, why: String) {
        self.metrics.engine_up.set(0);
        self.state.send_modify(|state| {
            let since = match state {
                EngineState::Down { since, .. } => *since,
                EngineState::Starting | EngineState::Up { .. } => SystemTime::now(),
            };
            *state = EngineState::Down { why, since };
        });
    }
}

/// What the child says first.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Announcement {
    /// Ready.
    Url(String),
    /// It never will be.
    Error(String),
}

/// What the child logs goes where we log. Through a pipe, because on a terminal the library adds a line of its own, about
/// a thread of its own, to every insert.
async fn pass_on(mut stderr: ChildStderr) {
    if let Err(error) = tokio::io::copy(&mut stderr, &mut tokio::io::stderr()).await {
        tracing::debug!(%error, "the store engine's log has ended");
    }
}

fn epitaph(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("the engine's process ended: {status}"),
        Err(error) => format!("lost sight of the engine's process: {error}"),
    }
}

/// 128 random bits in hexadecimal.
fn new_password() -> io::Result<String> {
    let mut bits = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bits)?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}
