//! The files that pages load, from inside the program. Their addresses hold a hash over all of them, so a browser may keep
//! them for ever and still never mixes two versions.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// Always there.
const OWN: &[(&str, &[u8])] = &[
    ("fairway.css", include_bytes!("../../web/fairway.css")),
    ("favicon.svg", include_bytes!("../../web/favicon.svg")),
];
/// Made by `cargo xtask site`; empty without.
const SITE: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/site.rs"));

static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    (OWN, SITE).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// Whether this program holds the wasm bundle.
pub fn has_bundle() -> bool {
    !SITE.is_empty()
}

/// Where a page finds the file.
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *HASH)
}

/// `GET /assets/{hash}/{name}`. A file asked for under another version's hash is answered as it is now, but not to be kept.
pub async fn serve(Path((hash, name)): Path<(String, String)>) -> Response {
    let Some((_, bytes)) = OWN.iter().chain(SITE).find(|(own, _)| *own == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let keep = if hash == *HASH { "public, max-age=31536000, immutable" } else { "no-store" };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], *bytes).into_response()
}
