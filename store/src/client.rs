//! The store's client: one for the embedded engine and for any other ClickHouse.
//!
//! Whoever asks gets an answer, [`StoreError::Unavailable`] (repeat later), or a refusal (do not repeat); which of the two
//! an exception means is decided here, once, by its code, and in doubt it is the first. The embedded engine has another port after each restart, so the
//! URL is looked up for every request. Before [`Store::migrate`] has succeeded everything else is unavailable: a table
//! that is not there yet must not look like a mistake.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clickhouse::{Client, RowOwned, RowRead, error::Error};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{BeaconRow, Engine, EngineState, StoreError, StoreMetrics, http::exception_code, metrics::Outcome};

/// The engine gives up on a query after so long, by its own clock; a chart or a tick has no use for it later.
const QUERY_SECONDS: u64 = 10;
/// We give up a little later, so that the engine's own words come first.
const QUERY_TIMEOUT: Duration = Duration::from_secs(QUERY_SECONDS + 2);
/// An insert under way is worth waiting for: given up, it is sent again.
const INSERT_TIMEOUT: Duration = Duration::from_secs(60);
/// A store that merely starts is up by then.
const WORTH_A_WARNING: Duration = Duration::from_secs(10);

/// A ClickHouse that somebody else runs.
#[derive(Clone, Debug)]
pub struct External {
    /// `http://host:8123`.
    pub url: String,
    /// Who we are there.
    pub user: String,
    /// Empty: none.
    pub password: String,
    /// Must exist; our tables go there.
    pub database: String,
}

/// The client that every other room holds; clones are cheap and share everything.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    /// Where the embedded engine is; `None`: the client knows its URL.
    engine: Option<watch::Receiver<EngineState>>,
    /// Whether the schema is in place.
    migrated: watch::Sender<bool>,
    metrics: StoreMetrics,
}

impl Store {
    /// Speaks to the embedded engine, wherever it is after each restart.
    pub fn embedded(engine: &Engine, metrics: StoreMetrics) -> Self {
        let client = Client::default().with_user("default").with_password(engine.password());
        Self::new(client, Some(engine.state()), metrics)
    }

    /// Speaks to a ClickHouse that somebody else runs.
    pub fn external(to: External, metrics: StoreMetrics) -> Self {
        let client = Client::default().with_url(to.url).with_user(to.user).with_database(to.database);
        let client = if to.password.is_empty() { client } else { client.with_password(to.password) };
        Self::new(client, None, metrics)
    }

    fn new(client: Client, engine: Option<watch::Receiver<EngineState>>, metrics: StoreMetrics) -> Self {
        let client = client.with_product_info("fairway", env!("CARGO_PKG_VERSION"));
        Self { shared: Arc::new(Shared { client, engine, migrated: watch::Sender::new(false), metrics }) }
    }

    /// [`Store::migrate`], again each second until it succeeds: a store may be starting, and one that says no may yet be
    /// given the rights, the database or the newer node that it wants. `false` when `shutdown` came first.
    pub async fn migrate_when_up(&self, shutdown: &CancellationToken) -> bool {
        let (begun, mut told) = (Instant::now(), String::new());
        while let Err(error) = self.migrate().await {
            let why = error.to_string();
            if why != told && begun.elapsed() > WORTH_A_WARNING {
                tracing::warn!(why, "the store's schema is not in place; beacons wait in the spool");
                told = why;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = shutdown.cancelled() => return false,
            }
        }
        true
    }

    /// Inserts a batch of encoded [`BeaconRow`]s, once however often it is called with this `token`: into the base table
    /// and into the cells. `token` must be bound to the content: other rows under the same token are dropped, silently.
    /// A batch may have a million rows. It is on disk when this returns.
    ///
    /// # Errors
    /// After [`StoreError::Unavailable`] it may or may not have been done: send the same bytes under the same token.
    pub async fn insert(&self, token: &str, rows: Bytes) -> Result<(), StoreError> {
        self.insert_into("beacons", BeaconRow::COLUMNS, token, rows).await
    }

    /// [`Store::insert`], into any table: rows of these columns, in RowBinary.
    pub(crate) async fn insert_into(
        &self,
        table: &str,
        columns: &str,
        token: &str,
        rows: Bytes,
    ) -> Result<(), StoreError> {
        self.ready()?;
        let (started, bytes) = (Instant::now(), rows.len() as u64);
        let statement = format!("INSERT INTO {table} ({columns}) FORMAT RowBinary");
        let outcome = self.insert_once(&statement, token, rows).await;
        let metrics = &self.shared.metrics;
        metrics.insert_seconds.observe(started.elapsed().as_secs_f64());
        let label = match &outcome {
            Ok(()) => "ok",
            Err(error) if error.is_temporary() => "unavailable",
            Err(_) => "refused",
        };
        metrics.inserts.get_or_create(&Outcome { outcome: label }).inc();
        if outcome.is_ok() {
            metrics.inserted_bytes.inc_by(bytes);
        }
        outcome
    }

    async fn insert_once(&self, statement: &str, token: &str, rows: Bytes) -> Result<(), StoreError> {
        let mut insert = self
            .client()?
            .insert_formatted_with(statement)
            .with_setting("insert_deduplication_token", token)
            .with_setting("insert_deduplicate", "1")
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("async_insert", "0")
            .with_timeouts(Some(INSERT_TIMEOUT), Some(INSERT_TIMEOUT));
        insert.send(rows).await.map_err(refused_or_not)?;
        insert.end().await.map_err(refused_or_not)
    }

    /// The rows of a query; `T` derives `clickhouse::Row` and serde's `Deserialize`, or is a tuple.
    pub async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>, StoreError> {
        self.ready()?;
        self.fetch(sql).await
    }

    /// [`Store::rows`], schema or no schema.
    pub(crate) async fn fetch<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>, StoreError> {
        let query = self.client()?.query_raw(sql).with_setting("max_execution_time", QUERY_SECONDS.to_string());
        self.timed(query.fetch_all()).await
    }

    /// Runs a statement that answers nothing.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.timed(self.client()?.query_raw(sql).execute()).await
    }

    async fn timed<T>(&self, query: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        let started = Instant::now();
        let outcome = match timeout(QUERY_TIMEOUT, query).await {
            Ok(outcome) => outcome.map_err(refused_or_not),
            Err(_) => Err(StoreError::Unavailable(format!("no answer within {QUERY_TIMEOUT:?}"))),
        };
        self.shared.metrics.query_seconds.observe(started.elapsed().as_secs_f64());
        if outcome.is_err() {
            self.shared.metrics.query_failures.inc();
        }
        outcome
    }

    /// Waits until the schema is in place, so that a store that is only starting is not taken for one that is away.
    pub async fn migrated(&self) {
        // The sender lives as long as this does, so that the wait ends only by the schema.
        self.shared.migrated.subscribe().wait_for(|migrated| *migrated).await.ok();
    }

    /// The schema is in place from here on.
    pub(crate) fn note_migrated(&self) {
        self.shared.migrated.send_replace(true);
    }

    fn ready(&self) -> Result<(), StoreError> {
        let migrated = *self.shared.migrated.borrow();
        migrated.then_some(()).ok_or_else(|| StoreError::Unavailable("its schema is not in place yet".into()))
    }

    fn client(&self) -> Result<Client, StoreError> {
        match self.shared.engine.as_ref().map(watch::Receiver::borrow).as_deref() {
            None => Ok(self.shared.client.clone()),
            Some(EngineState::Up { url }) => Ok(self.shared.client.clone().with_url(url)),
            Some(EngineState::Starting) => Err(StoreError::Unavailable("the engine is starting".into())),
            Some(EngineState::Down { why, .. }) => Err(StoreError::Unavailable(why.clone())),
        }
    }
}

/// Exceptions that are surely about the rows that were sent. Whatever else is said (no memory, no space, no table, a file
/// that went missing, a lost right) passes, or is mended by people, and costs only waiting; a batch that is refused is
/// put aside, and its beacons with it. So a code has to be known to be final, not to be known to pass.
const BAD_ROWS: [u32; 6] = [
    27,  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    32,  // ATTEMPT_TO_READ_AFTER_EOF
    33,  // CANNOT_READ_ALL_DATA
    117, // INCORRECT_DATA
    131, // TOO_LARGE_STRING_SIZE
    691, // UNKNOWN_ELEMENT_OF_ENUM
];

fn refused_or_not(error: Error) -> StoreError {
    match &error {
        // Text without a code is not ClickHouse's: a proxy's, or that of a server on its way down.
        Error::BadResponse(text) => match exception_code(text) {
            Some(code) if BAD_ROWS.contains(&code) => StoreError::Refused(text.clone()),
            _ => StoreError::Unavailable(text.clone()),
        },
        _ => StoreError::Unavailable(with_causes(&error)),
    }
}

/// An error and what it came of: of a failed connection the last cause says most.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string);
    causes.fold(error.to_string(), |text, cause| if text.ends_with(&cause) { text } else { format!("{text}: {cause}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_the_rows_is_refused() {
        let temporary = |text: &str| refused_or_not(Error::BadResponse(text.into())).is_temporary();
        for text in [
            "Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)",
            "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
            "Code: 107. DB::Exception: File does not exist. (FILE_DOESNT_EXIST)",
            "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)",
            "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)",
            "Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)",
            "Code: 424242. DB::Exception: Of a later release. (NEW)",
            "502 Bad Gateway",
        ] {
            assert!(temporary(text), "{text}");
        }
        assert!(!temporary("Code: 33. DB::Exception: Cannot read all data. (CANNOT_READ_ALL_DATA)"));
        assert!(refused_or_not(Error::TimedOut).is_temporary());
    }

    #[tokio::test]
    async fn before_its_schema_is_in_place_the_store_is_unavailable() {
        let to = External {
            url: "http://127.0.0.1:1".into(),
            user: "x".into(),
            password: String::new(),
            database: "x".into(),
        };
        let store = Store::external(to, StoreMetrics::register(&mut Default::default()));
        assert!(store.insert("t", Bytes::new()).await.unwrap_err().is_temporary());
        assert!(store.rows::<u8>("SELECT 1").await.unwrap_err().is_temporary());
    }
}
