//! Playlists (RFC 8216bis): a minute of segments becomes a live stream without end.
//!
//! Every CDN computes the same playlist from the clock alone, so that a player may change CDN at any segment. Where the
//! minute repeats, timestamps jump back: a discontinuity, which the playlist numbers.

use std::fmt::Write;

use crate::media::{CODECS, SEGMENT_MS, SEGMENTS, VARIANTS};

/// Segments in the sliding window: enough that a player three behind the edge can refetch some.
const WINDOW: u64 = 8;

/// The newest whole segment's number at `now_ms` (Unix).
pub fn edge(now_ms: u64) -> u64 {
    now_ms / SEGMENT_MS - 1
}

/// The media playlist of one variant.
pub fn media(variant: &str, now_ms: u64) -> String {
    let first = edge(now_ms) + 1 - WINDOW;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:{}\n#EXT-X-MAP:URI=\"{variant}/init.mp4\"\n",
        SEGMENT_MS / 1000 + 1,
        (first.saturating_sub(1)) / SEGMENTS,
    );
    for number in first..first + WINDOW {
        if number % SEGMENTS == 0 {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let seconds = SEGMENT_MS as f64 / 1000.0;
        // Writing to a String does not fail.
        writeln!(text, "#EXTINF:{seconds:.3},\n{variant}/{number}.m4s").ok();
    }
    text
}

/// A pathway of the multivariant playlist: its id and base URL (ending in `/`).
pub type Base = (String, String);

/// The multivariant playlist: every variant over every pathway, steered by `steering`, starting on `first`.
pub fn multivariant(steering: &str, first: &str, pathways: &[Base]) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-CONTENT-STEERING:SERVER-URI=\"{steering}\",PATHWAY-ID=\"{first}\"\n"
    );
    for (id, base) in pathways {
        for v in &VARIANTS {
            writeln!(
                text,
                "#EXT-X-STREAM-INF:BANDWIDTH={},RESOLUTION={}x{},FRAME-RATE=25.000,CODECS=\"{CODECS}\",\
                 PATHWAY-ID=\"{id}\",STABLE-VARIANT-ID=\"{}\"\n{base}live/{}.m3u8",
                v.bandwidth, v.width, v.height, v.name, v.name
            )
            .ok();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discontinuities_are_numbered_as_they_leave_the_window() {
        // RFC 8216bis §6.2.2: the number grows by one when a segment with the tag leaves the playlist.
        let number = |text: &str| -> u64 {
            text.lines().find_map(|l| l.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:")).unwrap().parse().unwrap()
        };
        let mut numbered = None;
        let mut left = 0;
        for segment in 1000..1200 {
            let text = media("v0", (segment + 1) * SEGMENT_MS);
            let tags = text.matches("#EXT-X-DISCONTINUITY\n").count() as u64;
            let first = segment + 1 - WINDOW;
            let (before, gone) = *numbered.get_or_insert((number(&text), left));
            assert_eq!(number(&text) - before, left - gone, "at {segment}");
            assert_eq!(tags, (first..first + WINDOW).filter(|n| n % SEGMENTS == 0).count() as u64);
            left += u64::from(first.is_multiple_of(SEGMENTS));
        }
        assert!(left > 3);
    }

    #[test]
    fn the_window_ends_with_a_whole_segment() {
        let text = media("v1", 10_000 * SEGMENT_MS + 1);
        assert!(text.trim_end().ends_with("v1/9999.m4s"), "{text}");
    }

    #[test]
    fn every_variant_stands_on_every_pathway() {
        let bases = vec![("a".to_owned(), "http://a/".to_owned()), ("b".to_owned(), "http://b/".to_owned())];
        let text = multivariant("http://s/", "b", &bases);
        assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 6);
        assert!(text.contains("SERVER-URI=\"http://s/\",PATHWAY-ID=\"b\""));
        assert!(text.contains("PATHWAY-ID=\"a\",STABLE-VARIANT-ID=\"v2\"\nhttp://a/live/v2.m3u8"));
    }
}
