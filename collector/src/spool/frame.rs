//! How rows lie in a segment.
//!
//! ```text
//! header   "FWSPOOL1"  layout u32  crc32 u32 of the 12 bytes before
//! frame    "FWfr"  length u32  rows u32  crc32 u32 of length, rows and payload  payload
//! ```
//! Little-endian. `layout` is a checksum of the rows' columns: a segment of another version of Fairway is not mistaken for
//! one of ours. The frame's mark lets a reader find the next sound frame behind a damaged one.

use std::ops::Range;

const MAGIC: &[u8; 8] = b"FWSPOOL1";
const MARK: &[u8; 4] = b"FWfr";
pub const HEADER: usize = 16;
const FRAME: usize = 16;

/// The bytes that a frame with such a payload takes.
pub fn size(payload: usize) -> u64 {
    (FRAME + payload) as u64
}

/// A segment's first bytes.
pub fn header(layout: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&layout.to_le_bytes());
    let crc = crc32fast::hash(&header[..12]);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The layout that a segment's header names; `None` if it is damaged.
pub fn layout(bytes: &[u8]) -> Option<u32> {
    let sound = bytes.starts_with(MAGIC) && u32_at(bytes, 12)? == crc32fast::hash(&bytes[..12]);
    u32_at(bytes, 8).filter(|_| sound)
}

/// Appends a frame.
pub fn put(out: &mut Vec<u8>, rows: u32, payload: &[u8]) {
    let (length, rows) = ((payload.len() as u32).to_le_bytes(), rows.to_le_bytes());
    out.extend_from_slice(MARK);
    out.extend_from_slice(&length);
    out.extend_from_slice(&rows);
    out.extend_from_slice(&checksum(&length, &rows, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// A sound frame.
pub struct Frame {
    pub rows: u32,
    pub payload: Range<usize>,
}

/// The frame at `at`, if there is a sound one.
pub fn get(bytes: &[u8], at: usize) -> Option<Frame> {
    if !bytes.get(at..)?.starts_with(MARK) {
        return None;
    }
    let (length, rows, crc) = (u32_at(bytes, at + 4)?, u32_at(bytes, at + 8)?, u32_at(bytes, at + 12)?);
    let start = at + FRAME;
    let payload = bytes.get(start..start + length as usize)?;
    let sound = checksum(&length.to_le_bytes(), &rows.to_le_bytes(), payload) == crc;
    sound.then(|| Frame { rows, payload: start..start + payload.len() })
}

/// Where the next sound frame is, from `from` on.
pub fn find(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len().saturating_sub(FRAME - 1)).find(|at| get(bytes, *at).is_some())
}

/// Whether what is at `at` claims to be all there: a write that a crash cut short does not.
pub fn is_whole(bytes: &[u8], at: usize) -> bool {
    u32_at(bytes, at + 4).is_some_and(|length| at + FRAME + length as usize <= bytes.len())
}

fn checksum(length: &[u8], rows: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    [length, rows, payload].iter().for_each(|part| crc.update(part));
    crc.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
