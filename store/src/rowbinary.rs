//! How rows are encoded: ClickHouse's RowBinary.
//!
//! A batch is encoded once, and those bytes are kept until the store has acknowledged them: the `clickhouse` crate's own
//! inserter loses its rows on an error, and a replay must be the same bytes under the same token. Its serializer is not
//! public, so the encoder is here; RowBinary is little-endian numbers, length-prefixed strings and arrays, and a null flag
//! before what may be null. A test reads rows back through the engine, so that they cannot drift from the schema.

use bytes::BufMut;

/// A string.
pub(crate) fn string(out: &mut impl BufMut, s: &str) {
    length(out, s.len());
    out.put_slice(s.as_bytes());
}

/// What may be null.
pub(crate) fn nullable<B: BufMut, T>(out: &mut B, value: Option<T>, put: fn(&mut B, T)) {
    out.put_u8(value.is_none().into());
    if let Some(value) = value {
        put(out, value);
    }
}

/// An array.
pub(crate) fn array<B: BufMut, T>(out: &mut B, items: &[T], put: impl Fn(&mut B, &T)) {
    length(out, items.len());
    items.iter().for_each(|item| put(out, item));
}

/// LEB128.
fn length(out: &mut impl BufMut, mut len: usize) {
    while len >= 0x80 {
        out.put_u8(len as u8 | 0x80);
        len >>= 7;
    }
    out.put_u8(len as u8);
}
