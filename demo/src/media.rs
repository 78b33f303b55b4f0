//! The test stream: ffmpeg's test picture and a tone, at three bit rates, cut into two-second fMP4 segments.
//!
//! Two seconds, so that a player notices a fault soon; a minute of it, so that it is made in seconds; closed GOPs at segment
//! starts, so that any segment may follow any other and the minute can repeat for ever.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::error::DemoError;

/// Length of a segment, ms.
pub const SEGMENT_MS: u64 = 2000;
/// Segments before the stream repeats.
pub const SEGMENTS: u64 = 30;

/// One bit rate of the stream.
#[derive(Debug)]
pub struct Variant {
    /// Also its folder.
    pub name: &'static str,
    /// Video and audio, bit/s.
    pub bandwidth: u32,
    /// Of the picture.
    pub width: u32,
    /// Of the picture.
    pub height: u32,
}

/// All bit rates, the lowest first. Low, because two hundred viewers share one laptop.
pub const VARIANTS: [Variant; 3] = [
    Variant { name: "v0", bandwidth: 200_000, width: 320, height: 180 },
    Variant { name: "v1", bandwidth: 500_000, width: 640, height: 360 },
    Variant { name: "v2", bandwidth: 1_000_000, width: 854, height: 480 },
];

/// H.264 constrained baseline 3.1 and AAC-LC, as [`make`] encodes.
pub const CODECS: &str = "avc1.42c01f,mp4a.40.2";

/// Makes what is missing of the stream in `folder`. `say` hears of each part that has to be made.
pub async fn make(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<(), DemoError> {
    for (index, variant) in VARIANTS.iter().enumerate() {
        let target = folder.join(variant.name);
        if last_segment(&target).exists() {
            continue;
        }
        say(&format!("test stream: {} of {}, {} kbit/s", index + 1, VARIANTS.len(), variant.bandwidth / 1000));
        encode(variant, &target).await?;
    }
    Ok(())
}

/// The file of segment `index` of `variant`; `None` is its initialisation segment.
pub fn file(folder: &Path, variant: &str, index: Option<u64>) -> PathBuf {
    let folder = folder.join(variant);
    index.map_or_else(|| folder.join("init.mp4"), |i| folder.join(format!("{:03}.m4s", i % SEGMENTS)))
}

fn last_segment(folder: &Path) -> PathBuf {
    folder.join(format!("{:03}.m4s", SEGMENTS - 1))
}

/// Encodes into a folder beside the target and renames it, so that a broken-off run is not taken for a stream.
async fn encode(variant: &Variant, target: &Path) -> Result<(), DemoError> {
    let draft = target.with_extension(format!("draft-{}", std::process::id()));
    tokio::fs::create_dir_all(&draft).await?;
    let seconds = SEGMENTS * SEGMENT_MS / 1000;
    let (audio, size) = (64_000, format!("{}x{}", variant.width, variant.height));
    let video = (variant.bandwidth - audio).to_string();
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-y", "-loglevel", "error"])
        .args(["-f", "lavfi", "-i", &format!("testsrc2=size={size}:rate=25:duration={seconds}")])
        .args(["-f", "lavfi", "-i", &format!("sine=frequency=330:sample_rate=48000:duration={seconds}")])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-profile:v",
            "baseline",
            "-level",
            "3.1",
            "-pix_fmt",
            "yuv420p",
        ])
        .args(["-b:v", &video, "-maxrate", &video, "-bufsize", &video])
        .args(["-g", "50", "-keyint_min", "50", "-sc_threshold", "0"])
        .args(["-c:a", "aac", "-b:a", "64k", "-ac", "2"])
        .args(["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"])
        .args(["-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename"])
        .arg(draft.join("%03d.m4s"))
        .arg(draft.join("made.m3u8"))
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| DemoError::Ffmpeg(format!("ffmpeg did not start: {error}; `make setup` installs it")))?;
    if !output.status.success() {
        return Err(DemoError::Ffmpeg(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    if !last_segment(&draft).exists() {
        return Err(DemoError::Ffmpeg(format!("ffmpeg made fewer than {SEGMENTS} segments")));
    }
    if target.exists() {
        tokio::fs::remove_dir_all(target).await?;
    }
    tokio::fs::rename(&draft, target).await?;
    Ok(())
}
