//! libchdb, ClickHouse as a library: the only unsafe code of this room.
//!
//! The npm package `@chdb/lib-linux-x64-gnu` brings the library without a header, and a binary that linked it could not
//! start without it; so it is opened at run time and its functions are declared here, as `chdb.h` of release 26.7 has
//! them. What that header promises and this module rests on:
//! - any number of connections to *one* path in one process; a second process on the path is refused (NULL);
//! - a connection runs one statement at a time, on any thread: `&mut Connection` sees to that;
//! - the engine lives from the first connection to the last one closed, and should be started once: the caller keeps one
//!   connection open for as long as it serves ([`Connection`]s are cheap after the first: 0.2 ms);
//! - a result owns its buffer and outlives its connection; every result and insert stream is destroyed exactly once.
//!
//! Rows are never put behind an `INSERT` in the text of a query: `chdb_query_n` cuts RowBinary at a blank line, silently.
//! They go through an insert stream.
#![allow(
    unsafe_code,
    reason = "libchdb is a C library; each call argues its safety, and nothing unsafe leaves the module"
)]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    path::{Path, PathBuf},
    ptr::NonNull,
    slice,
};

use bytes::Bytes;

/// Where npm puts the library, below the folder that has `package.json`.
const IN_NODE_MODULES: &str = "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";

/// Where libchdb may be, in the order to try: `node_modules` in each of `near` and in the folders above it.
pub fn library_places<'a>(near: impl IntoIterator<Item = &'a Path>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    for folder in near.into_iter().flat_map(Path::ancestors) {
        let place = folder.join(IN_NODE_MODULES);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Why the library cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// It is in none of the places.
    #[error("libchdb, the embedded ClickHouse, is not installed: run `make setup`. Looked for it at {}", list(.0))]
    Missing(Vec<PathBuf>),
    /// It is there, but cannot be opened, or is not the version that the lock file names.
    #[error("{0} cannot be loaded: {1}. `make setup` installs the version that is expected")]
    Unloadable(PathBuf, libloading::Error),
    /// It would die of an illegal instruction.
    #[error("libchdb needs a processor with AVX2, which this one lacks; set store.url to a ClickHouse elsewhere")]
    NoAvx2,
}

fn list(places: &[PathBuf]) -> String {
    places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// `chdb_connection`; what `chdb_connect` returns is a pointer to one.
type RawConnection = *mut c_void;
/// `chdb_result *`.
type RawResult = *mut c_void;
/// `chdb_insert_stream`.
type RawInsert = *mut c_void;

/// Declares the functions, and how to find them all in an opened library.
macro_rules! functions {
    ($($name:ident: fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        struct Functions { $($name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)* }
        impl Functions {
            /// # Safety
            /// `library` must be libchdb 26.7, and must stay loaded for as long as the functions are called.
            unsafe fn find(library: &libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: each type is the one that libchdb's header gives the function of that name.
                unsafe { Ok(Self { $($name: *library.get(stringify!($name))?,)* }) }
            }
        }
    };
}

functions! {
    chdb_set_signal_handlers_enabled: fn(c_int);
    chdb_connect: fn(c_int, *mut *mut c_char) -> *mut RawConnection;
    chdb_close_conn: fn(*mut RawConnection);
    chdb_shutdown: fn() -> c_int;
    // Connection, statement, its length, format, its length, then parameters: names, their lengths, values, their lengths, count.
    chdb_query_with_params_n: fn(RawConnection, *const u8, usize, *const u8, usize, *const *const u8, *const usize, *const *const u8, *const usize, usize) -> RawResult;
    chdb_stream_insert_with_params_n: fn(RawConnection, *const u8, usize, *const u8, usize, *const *const u8, *const usize, *const *const u8, *const usize, usize) -> RawInsert;
    chdb_stream_append: fn(RawInsert, *const u8, usize) -> c_int;
    chdb_stream_done: fn(RawInsert) -> RawResult;
    chdb_stream_insert_error: fn(RawInsert) -> *const c_char;
    chdb_destroy_insert_stream: fn(RawInsert);
    chdb_result_buffer: fn(RawResult) -> *const u8;
    chdb_result_length: fn(RawResult) -> usize;
    chdb_result_error: fn(RawResult) -> *const c_char;
    chdb_result_elapsed: fn(RawResult) -> f64;
    chdb_result_storage_rows_read: fn(RawResult) -> u64;
    chdb_result_storage_bytes_read: fn(RawResult) -> u64;
    chdb_result_rows_written: fn(RawResult) -> u64;
    chdb_result_bytes_written: fn(RawResult) -> u64;
    chdb_destroy_query_result: fn(RawResult);
}

/// The opened library. It is never closed: its threads run until the process ends.
pub struct Library {
    call: Functions,
}

impl Library {
    /// Opens the first of `places` that is a file, for the rest of the process's life, and keeps its hands off our signals.
    pub fn open(places: &[PathBuf]) -> Result<&'static Self, LibraryError> {
        #[cfg(target_arch = "x86_64")]
        if !std::arch::is_x86_feature_detected!("avx2") {
            return Err(LibraryError::NoAvx2);
        }
        let Some(place) = places.iter().find(|p| p.is_file()) else {
            return Err(LibraryError::Missing(places.to_vec()));
        };
        let unloadable = |error| LibraryError::Unloadable(place.clone(), error);
        // SAFETY: its initialisers only register things inside the library. It is leaked, so it stays loaded.
        let library = Box::leak(Box::new(unsafe { libloading::Library::new(place) }.map_err(unloadable)?));
        // SAFETY: the file is libchdb by its name and place; another release would lack one of the functions.
        let call = unsafe { Functions::find(library) }.map_err(unloadable)?;
        // SAFETY: takes a flag; called before the first connection, as the header asks.
        unsafe { (call.chdb_set_signal_handlers_enabled)(0) };
        Ok(Box::leak(Box::new(Self { call })))
    }

    /// Stops the engine's threads, once the last connection is closed. Nothing can be opened after it.
    pub fn shutdown(&self) {
        // SAFETY: takes nothing; it does nothing while a connection is open.
        unsafe { (self.call.chdb_shutdown)() };
    }
}

/// What ClickHouse itself says went wrong, as in `Code: 60. DB::Exception: …`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Exception(pub String);

/// A ClickHouse session: settings, current database and temporary tables live and end with it.
pub struct Connection {
    library: &'static Library,
    handle: NonNull<RawConnection>,
}

// SAFETY: libchdb lets any thread use a connection, one at a time, which `&mut self` enforces; see the module's page.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens a session; the first one starts the engine with these arguments (`--path=…`). `None`: it would not, most
    /// often because another process has the path; the library does not say why.
    pub fn open(library: &'static Library, arguments: &[CString]) -> Option<Self> {
        let mut argv: Vec<*mut c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
        let argc = c_int::try_from(argv.len()).ok()?;
        // SAFETY: argv has argc terminated strings that live through the call; they are parsed, not written to.
        let handle = unsafe { (library.call.chdb_connect)(argc, argv.as_mut_ptr()) };
        Some(Self { library, handle: NonNull::new(handle)? })
    }

    /// Runs one statement. `format` is that of the answer, unless the statement names one; `parameters` fill its
    /// `{name:Type}` places, their values escaped as in TSV.
    pub fn query(&mut self, sql: &[u8], format: &str, parameters: &[(String, String)]) -> Result<Answer, Exception> {
        let p = Parameters::new(parameters);
        // SAFETY: the handle is open until drop; each pointer is to as many bytes as the length beside it says, or to
        // `count` entries, all alive through the call, which copies what it keeps. The result becomes Answer's.
        unsafe {
            let raw = (self.library.call.chdb_query_with_params_n)(
                self.raw(),
                sql.as_ptr(),
                sql.len(),
                format.as_ptr(),
                format.len(),
                p.names.as_ptr(),
                p.name_lengths.as_ptr(),
                p.values.as_ptr(),
                p.value_lengths.as_ptr(),
                p.names.len(),
            );
            Answer::take(self.library, raw)
        }
    }

    /// Runs an `INSERT` (without its `FORMAT` and data) on the rows in `chunks`, which may be cut anywhere. Blocks while
    /// the engine is slower than they come. `None` from `chunks` is their end; an error cancels the insert.
    pub fn insert<E: From<Exception>>(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &[(String, String)],
        mut chunks: impl FnMut() -> Result<Option<Bytes>, E>,
    ) -> Result<Answer, E> {
        let p = Parameters::new(parameters);
        let call = &self.library.call;
        // SAFETY: as in `query`. The stream borrows the connection, which `&mut self` keeps for us until it is destroyed.
        let stream = unsafe {
            (call.chdb_stream_insert_with_params_n)(
                self.raw(),
                sql.as_ptr(),
                sql.len(),
                format.as_ptr(),
                format.len(),
                p.names.as_ptr(),
                p.name_lengths.as_ptr(),
                p.values.as_ptr(),
                p.value_lengths.as_ptr(),
                p.names.len(),
            )
        };
        let stream = InsertStream { call, stream };
        stream.check()?;
        while let Some(chunk) = chunks()? {
            // SAFETY: the stream is not yet destroyed; the chunk's bytes are copied before the call returns.
            if unsafe { (call.chdb_stream_append)(stream.stream, chunk.as_ptr(), chunk.len()) } != 0 {
                break; // It has failed; `done` says of what.
            }
        }
        // SAFETY: the stream is not yet destroyed, and is finished once. The result becomes Answer's.
        let answer = unsafe { Answer::take(self.library, (call.chdb_stream_done)(stream.stream)) };
        Ok(answer?)
    }

    fn raw(&self) -> RawConnection {
        // SAFETY: chdb_connect returned a pointer to one connection, valid until chdb_close_conn.
        unsafe { *self.handle.as_ptr() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by chdb_connect and closed only here. No statement runs: that would borrow self.
        unsafe { (self.library.call.chdb_close_conn)(self.handle.as_ptr()) };
    }
}

/// An insert under way. Dropped unfinished, it is cancelled.
struct InsertStream<'a> {
    call: &'a Functions,
    stream: RawInsert,
}

impl InsertStream<'_> {
    fn check(&self) -> Result<(), Exception> {
        // SAFETY: the stream is alive, and so is the text, which is copied at once.
        match unsafe { text((self.call.chdb_stream_insert_error)(self.stream)) } {
            Some(error) => Err(Exception(error)),
            None => Ok(()),
        }
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: every handle, also a failed one, is destroyed once; here.
        unsafe { (self.call.chdb_destroy_insert_stream)(self.stream) };
    }
}

/// The answer to a statement: its bytes, without a copy, and what it cost.
pub struct Answer {
    library: &'static Library,
    result: NonNull<c_void>,
}

// SAFETY: a result is a plain object of its own, tied to no thread and no connection, and is not written to any more.
unsafe impl Send for Answer {}

impl Answer {
    /// # Safety
    /// `raw` must be a result that the library has just handed out, or null.
    unsafe fn take(library: &'static Library, raw: RawResult) -> Result<Self, Exception> {
        let Some(result) = NonNull::new(raw) else {
            return Err(Exception("Code: 1002. DB::Exception: libchdb returned no result. (UNKNOWN_EXCEPTION)".into()));
        };
        let answer = Self { library, result };
        // SAFETY: the result is alive, and so is its text, which is copied at once.
        match unsafe { text((library.call.chdb_result_error)(result.as_ptr())) } {
            Some(error) => Err(Exception(error)),
            None => Ok(answer),
        }
    }

    /// Seconds; rows and bytes read; rows and bytes written, those of materialized views too.
    pub fn cost(&self) -> Cost {
        let (call, result) = (&self.library.call, self.result.as_ptr());
        // SAFETY: getters on a live result.
        unsafe {
            Cost {
                seconds: (call.chdb_result_elapsed)(result),
                read_rows: (call.chdb_result_storage_rows_read)(result),
                read_bytes: (call.chdb_result_storage_bytes_read)(result),
                written_rows: (call.chdb_result_rows_written)(result),
                written_bytes: (call.chdb_result_bytes_written)(result),
            }
        }
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        let (call, result) = (&self.library.call, self.result.as_ptr());
        // SAFETY: the buffer has that length, belongs to the result and stays put until it is destroyed, with self.
        unsafe {
            let (buffer, length) = ((call.chdb_result_buffer)(result), (call.chdb_result_length)(result));
            if buffer.is_null() { &[] } else { slice::from_raw_parts(buffer, length) }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: taken once, destroyed once.
        unsafe { (self.library.call.chdb_destroy_query_result)(self.result.as_ptr()) };
    }
}

/// What a statement cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From its start to its end.
    pub seconds: f64,
    /// From tables.
    pub read_rows: u64,
    /// From tables.
    pub read_bytes: u64,
    /// Into the table and, by its views, into others.
    pub written_rows: u64,
    /// Likewise.
    pub written_bytes: u64,
}

/// Parameters as the C functions want them: pointers into the strings borrowed, valid as long as those.
struct Parameters {
    names: Vec<*const u8>,
    name_lengths: Vec<usize>,
    values: Vec<*const u8>,
    value_lengths: Vec<usize>,
}

impl Parameters {
    fn new(parameters: &[(String, String)]) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}

/// # Safety
/// `text` must be null or a terminated string.
unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: not null, and terminated, as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_looked_for_in_the_folders_above_and_its_absence_says_what_to_run() {
        let places = library_places([Path::new("/a/b"), Path::new("/a/c")]);
        let expected = ["/a/b", "/a", "/", "/a/c"].map(|folder| Path::new(folder).join(IN_NODE_MODULES));
        assert_eq!(places, expected);
        let error = Library::open(&[PathBuf::from("/nowhere/libchdb.so")]).err().unwrap().to_string();
        assert!(error.contains("make setup") && error.contains("/nowhere/libchdb.so"), "{error}");
    }
}
