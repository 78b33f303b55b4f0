//! Faults by key press, while the demo runs in a terminal.
//!
//! A digit chooses a pathway, a letter says what happens to it. Raw mode is on only while this runs, and is put back
//! however it ends.

use std::io::{self, Write};

use crossterm::{
    event::{Event, EventStream, KeyCode, KeyEventKind, KeyModifiers},
    terminal,
};
use fairway_geo::Country;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::{
    faults::{Fault, Kind},
    world::World,
};

/// What the keys do, for the terminal.
pub const HELP: &str =
    "keys: 1 2 3 choose a CDN · d down · e errors · s slow · g slow in Germany only · c clear · q quit";

/// Raw mode, put back when dropped.
struct Raw;

impl Raw {
    fn on() -> io::Result<Self> {
        terminal::enable_raw_mode().map(|()| Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Err(error) = terminal::disable_raw_mode() {
            tracing::warn!(%error, "the terminal stays in raw mode; `reset` mends it");
        }
    }
}

/// Reads keys until `q`, Ctrl-C or the shutdown; asks for the shutdown at the first two.
pub async fn listen(world: &World, out: &mut impl Write, shutdown: &CancellationToken) -> io::Result<()> {
    let _raw = Raw::on()?;
    let mut keys = EventStream::new();
    let mut chosen = 0;
    loop {
        let pathways = &world.surroundings.pathways;
        let event = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            event = keys.next() => event,
        };
        let Some(Event::Key(key)) = event.transpose()? else { continue };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        let germany: Option<Country> = "DE".parse().ok();
        let fault = match key.code {
            KeyCode::Char('q') => {
                shutdown.cancel();
                return Ok(());
            }
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                shutdown.cancel();
                return Ok(());
            }
            KeyCode::Char(digit @ '1'..='9') => {
                chosen = (digit as usize - '1' as usize).min(pathways.len() - 1);
                say(out, &format!("{} is chosen", pathways[chosen].id))?;
                continue;
            }
            KeyCode::Char('d') => Some(Fault { kind: Kind::Down, country: None }),
            KeyCode::Char('e') => Some(Fault { kind: Kind::Errors, country: None }),
            KeyCode::Char('s') => Some(Fault { kind: Kind::Slow, country: None }),
            KeyCode::Char('g') => Some(Fault { kind: Kind::Slow, country: germany }),
            KeyCode::Char('c') => None,
            _ => {
                say(out, HELP)?;
                continue;
            }
        };
        let id = &pathways[chosen].id;
        let said = fault.map_or_else(|| "works again".to_owned(), |fault| format!("is {fault}"));
        match world.faults.set(id, fault) {
            Ok(()) => say(out, &format!("{id} {said}"))?,
            Err(unknown) => say(out, &unknown.to_string())?,
        }
    }
}

/// A line, in raw mode: the carriage return is ours to send.
fn say(out: &mut impl Write, text: &str) -> io::Result<()> {
    write!(out, "{text}\r\n")?;
    out.flush()
}
