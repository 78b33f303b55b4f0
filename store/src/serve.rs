//! The child's life: opens the engine, serves it on loopback, and goes when its parent does.
//!
//! The parent holds the other end of stdin and never writes: its end is the parent's end, however that came, so no engine
//! is left behind holding the path. SIGTERM and SIGINT do the same. Requests under way are finished, then the engine is
//! closed; what cannot finish in time is given up, which ClickHouse's files survive as they survive a crash.

use std::{
    ffi::CString,
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    chdb::{Connection, Library, LibraryError},
    http::{self, Database},
};

pub use crate::chdb::library_places;

/// The environment variable by which [`crate::Engine`] hands the child its password.
pub const PASSWORD_VARIABLE: &str = "FAIRWAY_STORE_PASSWORD";

/// How long requests under way may take once it is time to go.
const FINISH: Duration = Duration::from_secs(5);

/// What `fairway store` serves.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The engine's folder; made if missing. One process at a time.
    pub path: PathBuf,
    /// Files to try as libchdb, in order; see [`library_places`].
    pub library: Vec<PathBuf>,
    /// What clients must give; the user is `default`.
    pub password: String,
    /// On 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// The engine's memory limit, bytes: it fails a query rather than pass it.
    pub memory: u64,
}

/// Why the child could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// libchdb is missing or unfit.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The library said no, and not why.
    #[error("the engine would not open {0}: another process has it, or it cannot be written to")]
    Refused(PathBuf),
    /// A path that C cannot be told.
    #[error("{0} has a zero byte in it")]
    BadPath(PathBuf),
    /// The operating system said no.
    #[error("{what}: {error}")]
    Io {
        /// To what.
        what: &'static str,
        /// Its words.
        error: io::Error,
    },
}

/// Serves until stdin ends or a signal comes. One line of JSON on stdout says `{"url":"http://127.0.0.1:…"}` when it is
/// ready, or `{"error":"…"}` when it never will be.
pub async fn serve(options: ServeOptions) -> Result<(), ServeError> {
    let (stop, opened) = match open(&options).await {
        Ok(opened) => opened,
        Err(error) => {
            announce(&serde_json::json!({ "error": error.to_string() })).await?;
            return Err(error);
        }
    };
    announce(&serde_json::json!({ "url": format!("http://{}", opened.address) })).await?;

    let serving = axum::serve(opened.listener, http::router(opened.database.clone()));
    let serving = serving.with_graceful_shutdown(stop.clone().cancelled_owned()).into_future();
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.map_err(io("cannot accept connections")),
        () = stop.cancelled() => {}
    }
    let finish = async {
        opened.database.quiesce().await;
        serving.await
    };
    if timeout(FINISH, finish).await.is_err() {
        tracing::warn!("requests were still under way after {FINISH:?}: leaving without them");
        return Ok(());
    }
    drop(opened.anchor);
    opened.library.shutdown();
    Ok(())
}

/// Everything that can fail before the child is of use.
struct Opened {
    library: &'static Library,
    /// The engine runs from the first connection to the last: this one.
    anchor: Connection,
    database: Arc<Database>,
    listener: TcpListener,
    address: SocketAddr,
}

async fn open(options: &ServeOptions) -> Result<(CancellationToken, Opened), ServeError> {
    let stop = stop_signals().map_err(io("cannot listen for signals"))?;
    let library = Library::open(&options.library)?;
    std::fs::create_dir_all(&options.path).map_err(io("cannot make the engine's folder"))?;
    // The engine takes a relative path for one below its own folder.
    let path = std::path::absolute(&options.path).map_err(io("cannot find the engine's folder"))?;
    let arguments = engine_arguments(&path, options.memory)?;
    let anchor = Connection::open(library, &arguments).ok_or_else(|| ServeError::Refused(path.clone()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(io("cannot listen"))?;
    let address = listener.local_addr().map_err(io("cannot listen"))?;
    let database = Arc::new(Database::new(library, arguments, options.password.clone()));
    Ok((stop, Opened { library, anchor, database, listener, address }))
}

async fn announce(line: &serde_json::Value) -> Result<(), ServeError> {
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{line}\n").as_bytes()).await.map_err(io("cannot write to stdout"))?;
    stdout.flush().await.map_err(io("cannot write to stdout"))
}

fn io(what: &'static str) -> impl Fn(io::Error) -> ServeError {
    move |error| ServeError::Io { what, error }
}

/// Cancelled by the end of stdin, SIGTERM or SIGINT.
fn stop_signals() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let by_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        by_signal.cancel();
    });
    // A thread of its own, which nobody joins: tokio's stdin would hold up the runtime's end until stdin ends too.
    let by_parent = stop.clone();
    std::thread::Builder::new().name("parent-watch".into()).spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = [0; 64];
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        by_parent.cancel();
    })?;
    Ok(stop)
}

/// How libchdb is to start ClickHouse: on a laptop, next to everything else.
fn engine_arguments(path: &Path, memory: u64) -> Result<Vec<CString>, ServeError> {
    let mut path_argument = b"--path=".to_vec();
    path_argument.extend_from_slice(path.as_os_str().as_bytes());
    [
        b"clickhouse".to_vec(),
        path_argument,
        format!("--max_server_memory_usage={memory}").into_bytes(),
        // Marks of a week of beacons fit; the default of 5 GB is a server's.
        format!("--mark_cache_size={}", memory / 16).into_bytes(),
    ]
    .into_iter()
    .map(|argument| CString::new(argument).map_err(|_| ServeError::BadPath(path.to_owned())))
    .collect()
}
