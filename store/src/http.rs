//! ClickHouse's HTTP interface, as far as its clients need it, over libchdb.
//!
//! Spoken: `GET` and `POST /` with the statement in `query`, in the body, in both (joined, as ClickHouse does), or in a
//! multipart form with its parameters; rows of an `INSERT` streamed from the body in any format; `database`,
//! `default_format`, `param_*`; every other parameter is a setting. Basic or `X-ClickHouse-*` credentials. Answers carry
//! `X-ClickHouse-Summary`; failures ClickHouse's own text, its code in `X-ClickHouse-Exception-Code`, and its status.
//! `/ping`. Not spoken: compression (asked for, it is refused), sessions over several requests, mid-stream progress.
//!
//! Each request gets a session of its own, so nothing that one sets can reach another. At most [`SLOTS`]
//! run at once, each on a blocking thread; the others wait. When a client goes, its insert is cancelled; its query, which
//! libchdb cannot stop, runs on to its end or its `max_execution_time`, and nobody gets the answer. An answer is complete before its first byte is sent: so a
//! failure always has its status, and an answer costs its size in memory, which the engine's limit bounds.

use std::{ffi::CString, pin::pin, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{Semaphore, mpsc};
use url::form_urlencoded;

use crate::{
    chdb::{Answer, Connection, Exception, Library},
    statement::{Statement, identifier, literal},
};

/// Sessions that run at once. More would only take memory and the cores from each other.
const SLOTS: u32 = 6;

/// A statement that comes in the body is read whole; rows that follow a `query` in the URL are not.
const LARGEST_STATEMENT: usize = 64 << 20;

/// Parameters of the protocol that are neither settings nor anything this server acts on.
const IGNORED: [&str; 9] = [
    "buffer_size",
    "client_protocol_version",
    "enable_http_compression",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "session_timeout",
    "stacktrace",
    "wait_end_of_query",
];

/// The engine, and who may use it.
pub struct Database {
    library: &'static Library,
    arguments: Vec<CString>,
    /// One for each session that may still begin.
    slots: Arc<Semaphore>,
    password: String,
    /// The `Authorization` header that holds the right user and password (RFC 7617).
    basic: String,
}

impl Database {
    /// `arguments` are those of the first connection, which the caller keeps open.
    pub fn new(library: &'static Library, arguments: Vec<CString>, password: String) -> Self {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("default:{password}")));
        Self { library, arguments, slots: Arc::new(Semaphore::new(SLOTS as usize)), password, basic }
    }

    /// Waits until nothing runs, and lets nothing more begin.
    pub async fn quiesce(&self) {
        if let Ok(all) = self.slots.acquire_many(SLOTS).await {
            all.forget();
        }
        self.slots.close();
    }
}

/// The interface.
pub fn router(database: Arc<Database>) -> Router {
    Router::new().route("/", any(statement)).route("/ping", get(|| async { "Ok.\n" })).with_state(database)
}

/// Why a request failed, in ClickHouse's words.
struct Failure {
    code: u32,
    text: String,
}

impl Failure {
    fn new(code: u32, name: &str, text: impl std::fmt::Display) -> Self {
        Self { code, text: format!("Code: {code}. DB::Exception: {text} ({name})") }
    }
    fn status(&self) -> StatusCode {
        match self.code {
            // Syntax, types and values that cannot be what was meant.
            6 | 25 | 26 | 27 | 36 | 38 | 41 | 42 | 43 | 53 | 62 | 72 | 117 | 386 | 457 => StatusCode::BAD_REQUEST,
            // Unknown function, identifier, type, storage, table, aggregate, format, database, setting.
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 81 | 115 => StatusCode::NOT_FOUND,
            48 => StatusCode::NOT_IMPLEMENTED,
            164 | 497 | 516 => StatusCode::FORBIDDEN,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Exception> for Failure {
    fn from(Exception(text): Exception) -> Self {
        Self { code: exception_code(&text).unwrap_or(1002), text }
    }
}

/// The number in `Code: 60. DB::Exception: …`.
pub fn exception_code(text: &str) -> Option<u32> {
    let rest = &text[text.find("Code: ")? + "Code: ".len()..];
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let headers = [
            ("X-ClickHouse-Exception-Code", self.code.to_string()),
            (header::CONTENT_TYPE.as_str(), "text/plain; charset=UTF-8".into()),
        ];
        (self.status(), headers, self.text + "\n").into_response()
    }
}

/// What a request asks, before its body is read.
#[derive(Default)]
struct Asked {
    query: String,
    database: Option<String>,
    format: Option<String>,
    settings: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
    query_id: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

impl Asked {
    fn read(request: &Request) -> Result<Self, Failure> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "query" => asked.query = value,
                "database" => asked.database = Some(value),
                "default_format" => asked.format = Some(value),
                "query_id" => asked.query_id = Some(value),
                "user" => asked.user = Some(value),
                "password" => asked.password = Some(value),
                "compress" | "decompress" if value != "0" => {
                    return Err(Failure::new(
                        48,
                        "NOT_IMPLEMENTED",
                        "The embedded engine does not compress HTTP bodies.",
                    ));
                }
                "session_id" | "session_check" if !value.is_empty() => {
                    return Err(Failure::new(48, "NOT_IMPLEMENTED", "The embedded engine keeps no HTTP sessions."));
                }
                name if IGNORED.contains(&name) => {}
                name => match name.strip_prefix("param_") {
                    Some(parameter) => asked.parameters.push((parameter.to_owned(), value)),
                    None => asked.settings.push((name.to_owned(), value)),
                },
            }
        }
        let headers = request.headers();
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        asked.user = text("X-ClickHouse-User").or(asked.user);
        asked.password = text("X-ClickHouse-Key").or(asked.password);
        asked.database = text("X-ClickHouse-Database").or(asked.database);
        asked.format = text("X-ClickHouse-Format").or(asked.format);
        if headers.get(header::CONTENT_ENCODING).is_some_and(|e| e != "identity") {
            return Err(Failure::new(48, "NOT_IMPLEMENTED", "The embedded engine does not compress HTTP bodies."));
        }
        Ok(asked)
    }

    fn authenticate(&self, headers: &HeaderMap, database: &Database) -> Result<(), Failure> {
        let basic = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let user = self.user.as_deref().unwrap_or("default");
        let right = match (basic, &self.password) {
            (Some(basic), None) => same(basic, database.basic.as_bytes()),
            (_, password) => {
                user == "default"
                    && same(password.as_deref().unwrap_or_default().as_bytes(), database.password.as_bytes())
            }
        };
        let text = format!("{user}: Authentication failed: password is incorrect, or there is no user with such name.");
        right.then_some(()).ok_or_else(|| Failure::new(516, "AUTHENTICATION_FAILED", text))
    }
}

/// Compares in a time that tells nothing of where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

async fn statement(State(database): State<Arc<Database>>, request: Request) -> Response {
    match answer(database, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn answer(database: Arc<Database>, request: Request) -> Result<Response, Failure> {
    let mut asked = Asked::read(&request)?;
    asked.authenticate(request.headers(), &database)?;
    let method = request.method().clone();
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();

    let (text, body) = if content_type.starts_with("multipart/form-data") {
        form(request, &mut asked).await?;
        (Bytes::from(std::mem::take(&mut asked.query)), None)
    } else if let Statement::Insert { .. } = Statement::read(asked.query.as_bytes()) {
        (Bytes::from(std::mem::take(&mut asked.query)), Some(request.into_body()))
    } else {
        (joined(&asked.query, request.into_body()).await?, None)
    };
    if text.trim_ascii().is_empty() {
        if method == Method::GET {
            return Ok("Ok.\n".into_response());
        }
        return Err(Failure::new(62, "SYNTAX_ERROR", "Empty query."));
    }
    // A link must not change anything: a browser follows them unasked.
    const READING: [&str; 7] = ["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"];
    let verb = Statement::verb(&text);
    if method == Method::GET && !READING.contains(&verb.as_str()) {
        return Err(Failure::new(164, "READONLY", "Cannot execute the query in readonly mode: use POST."));
    }
    run(database, asked, text, body).await
}

/// The fields of a multipart form, with which clients send a query that has parameters.
async fn form(request: Request, asked: &mut Asked) -> Result<(), Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::new(36, "BAD_ARGUMENTS", error);
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| bad(&e))?;
    while let Some(field) = form.next_field().await.map_err(|e| bad(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        let value = field.text().await.map_err(|e| bad(&e))?;
        if name == "query" {
            asked.query.push_str(&value);
        } else if let Some(parameter) = name.strip_prefix("param_") {
            asked.parameters.push((parameter.to_owned(), value));
        }
    }
    Ok(())
}

/// `query` and the body, one after the other.
async fn joined(query: &str, body: Body) -> Result<Bytes, Failure> {
    let mut text = BytesMut::from(query);
    if !text.is_empty() {
        text.extend_from_slice(b"\n");
    }
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(|e| gone(&e))? {
        if text.len() + chunk.len() > LARGEST_STATEMENT {
            let text = format!("A statement in the body may have {LARGEST_STATEMENT} bytes; put `query` into the URL.");
            return Err(Failure::new(307, "TOO_MANY_BYTES", text));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text.freeze())
}

fn gone(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(210, "NETWORK_ERROR", format_args!("The request's body ended early: {error}"))
}

/// Runs it in a session of its own.
async fn run(database: Arc<Database>, asked: Asked, text: Bytes, body: Option<Body>) -> Result<Response, Failure> {
    let stopping = |_| Failure::new(236, "ABORTED", "The server is stopping.");
    let query_id = asked.query_id.clone();
    // The end of the rows is said, by `None`: when the client goes, this future is dropped, and the channel with it, and
    // the session must not take what it has so far for all.
    let (rows, mut received) = mpsc::channel::<Result<Option<Bytes>, Failure>>(4);

    let session = async {
        let slot = database.slots.clone().acquire_owned().await.map_err(stopping)?;
        let database = database.clone();
        let work = move || {
            let _slot = slot; // Until the session is over, also when nobody waits for it any more.
            session(&database, &asked, text, || {
                received.blocking_recv().unwrap_or_else(|| Err(gone(&"the client went")))
            })
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Failure::new(1002, "UNKNOWN_EXCEPTION", format_args!("The session died: {e}")))?
    };
    let feed = async {
        let chunks = body.unwrap_or_default().into_data_stream().map(|chunk| chunk.map(Some).map_err(|e| gone(&e)));
        let mut chunks = pin!(chunks.chain(stream::once(async { Ok(None) })));
        while let Some(chunk) = chunks.next().await {
            if rows.send(chunk).await.is_err() {
                break; // The session is over before its rows: it has failed, and says of what.
            }
        }
    };
    let (answer, ()) = tokio::join!(session, feed);
    respond(answer?, query_id)
}

/// On a blocking thread: a session's whole life.
fn session(
    database: &Database,
    asked: &Asked,
    text: Bytes,
    mut rows: impl FnMut() -> Result<Option<Bytes>, Failure>,
) -> Result<Answer, Failure> {
    let mut connection = Connection::open(database.library, &database.arguments)
        .ok_or_else(|| Failure::new(1002, "UNKNOWN_EXCEPTION", "The engine opens no more sessions."))?;
    if !asked.settings.is_empty() {
        let settings: Vec<_> =
            asked.settings.iter().map(|(n, v)| format!("{} = {}", identifier(n), literal(v))).collect();
        connection.query(format!("SET {}", settings.join(", ")).as_bytes(), "Null", &[])?;
    }
    if let Some(name) = asked.database.as_deref().filter(|name| !name.is_empty()) {
        connection.query(format!("USE {}", identifier(name)).as_bytes(), "Null", &[])?;
    }
    match Statement::read(&text) {
        Statement::Query => {
            let format = asked.format.as_deref().unwrap_or("TabSeparated");
            Ok(connection.query(&text, format, &asked.parameters)?)
        }
        Statement::Insert { head, format, rows: begin } => {
            let format = format.as_deref().or(asked.format.as_deref()).unwrap_or("Values");
            let mut first = Some(text.slice(begin..)).filter(|rows| !rows.is_empty());
            let chunks = || first.take().map_or_else(&mut rows, |rows| Ok(Some(rows)));
            connection.insert(&text[..head], format, &asked.parameters, chunks)
        }
    }
}

fn respond(answer: Answer, query_id: Option<String>) -> Result<Response, Failure> {
    let cost = answer.cost();
    let summary = serde_json::json!({
        "read_rows": cost.read_rows.to_string(),
        "read_bytes": cost.read_bytes.to_string(),
        "written_rows": cost.written_rows.to_string(),
        "written_bytes": cost.written_bytes.to_string(),
        "elapsed_ns": ((cost.seconds * 1e9) as u64).to_string(),
    });
    let mut response = Response::builder().header("X-ClickHouse-Summary", summary.to_string());
    if let Some(id) = query_id {
        response = response.header("X-ClickHouse-Query-Id", id);
    }
    response
        .body(Body::from(Bytes::from_owner(answer)))
        .map_err(|e| Failure::new(36, "BAD_ARGUMENTS", format_args!("The query id is no header value: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_text() {
        assert_eq!(exception_code("Error: Code: 60. DB::Exception: no (UNKNOWN_TABLE)"), Some(60));
        assert_eq!(exception_code("no such thing"), None);
        assert!(!same(b"a", b"b") && !same(b"a", b"ab") && same(b"ab", b"ab"));
    }
}
