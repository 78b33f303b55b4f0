//! The few signs there are. Each differs from the others in shape, not only in colour, and stands beside its word: so it
//! is hidden from screen readers, who get the word.

use leptos::prelude::*;

use crate::model::{Health, Tone};

/// A 16×16 sign drawn with lines.
fn sign(class: &'static str, path: &'static str) -> impl IntoView {
    view! {
        <svg class=class viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
            <path d=path></path>
        </svg>
    }
}

const CHECK: &str = "M8 1.25a6.75 6.75 0 1 0 0 13.5a6.75 6.75 0 1 0 0-13.5M5 8.2l2.1 2.1L11 6.2";
const TRIANGLE: &str = "M8 1.9L15 14H1zM8 6.2v3.6M8 11.6v.6";
const CROSS: &str = "M5.1 1.25h5.8l3.85 3.85v5.8l-3.85 3.85H5.1l-3.85-3.85V5.1zM5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6";
const PAUSE: &str = "M2.25 2.25h11.5v11.5H2.25zM6.3 5.4v5.2M9.7 5.4v5.2";
const CIRCLE: &str = "M8 4.75a3.25 3.25 0 1 0 0 6.5a3.25 3.25 0 1 0 0-6.5";

/// A verdict's sign: ticked circle, triangle, crossed octagon, paused square.
pub fn health(health: Health) -> impl IntoView {
    match health {
        Health::Up => sign("sign good", CHECK),
        Health::Degraded => sign("sign warn", TRIANGLE),
        Health::Down => sign("sign bad", CROSS),
        Health::Drained => sign("sign note", PAUSE),
    }
}

/// A feed item's sign.
pub fn tone(tone: Tone) -> impl IntoView {
    match tone {
        Tone::Good => sign("sign good", CHECK),
        Tone::Note => sign("sign note", CIRCLE),
        Tone::Warn => sign("sign warn", TRIANGLE),
        Tone::Bad => sign("sign bad", CROSS),
    }
}

/// The mark beside the name: two channel buoys and the way between them.
pub fn brand() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
            <rect width="24" height="24" rx="6"></rect>
            <path d="M5 19C9 15 9 9 7 5M19 19C15 15 15 9 17 5M12 18.5v-2.4M12 13.4v-2.2M12 8.5V6.4"></path>
        </svg>
    }
}
