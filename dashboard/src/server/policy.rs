//! The policy page: the file in force from the snapshot, revisions from the disk.

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use fairway_steering::{
    plan::ApplyError,
    revisions::{Files, Revision, Revisions},
};
use serde::Deserialize;
use similar::TextDiff;

use super::{Console, changes::blocking, html, missing, view};
use crate::model::{Change, Edition, FileChange, Line, Page, PolicyInForce};

/// Revisions on the page.
const SHOWN: usize = 30;
/// Lines of unchanged text around each change.
const AROUND: usize = 3;

/// What the page's address says.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    service: String,
    /// The revision before, and that after; left out: those around the newest change.
    from: Option<u64>,
    to: Option<u64>,
}

/// `GET /policy`.
pub async fn page(State(console): State<Console>, Query(asked): Query<Asked>) -> Response {
    let snapshot = console.live.snapshot();
    let policy = match view::service(&snapshot, &asked.service) {
        Ok(service) => service.policy.clone(),
        Err(refusal) => return missing(&console, &refusal),
    };
    let mut page = PolicyInForce {
        services: view::services(&snapshot),
        service: policy.service.clone(),
        text: policy.text.to_string(),
        ..PolicyInForce::default()
    };
    let (from, to) = (asked.from, asked.to);
    match blocking(&console, move |changes| told(changes.revisions(), from, to)).await {
        Ok((revisions, change, problem)) => (page.revisions, page.change, page.problem) = (revisions, change, problem),
        Err(refusal) => page.problem = Some(refusal.to_string()),
    }
    html::respond(StatusCode::OK, Page::Policy(Box::new(page)))
}

type Told = (Vec<Edition>, Option<Change>, Option<String>);

/// The last revisions; and what is otherwise between two of them, or why that cannot be told.
fn told(revisions: &Revisions, from: Option<u64>, to: Option<u64>) -> Result<Told, ApplyError> {
    let editions: Vec<Edition> = revisions.last(SHOWN)?.iter().map(edition).collect();
    let newest = editions.first().map_or(0, |edition| edition.number);
    let to = to.unwrap_or(newest);
    let from = from.unwrap_or(to.saturating_sub(1));
    if from == 0 && to <= 1 {
        return Ok((editions, None, None));
    }
    let both = revisions.get(from).and_then(|before| Ok((before, revisions.get(to)?)));
    Ok(match both {
        Ok((before, after)) => {
            (editions, Some(Change { from, to, files: differing(&before.files, &after.files) }), None)
        }
        Err(error) => (editions, None, Some(error.to_string())),
    })
}

fn edition(Revision { number, at, author, message, .. }: &Revision) -> Edition {
    Edition { number: *number, at_ms: at.timestamp_millis(), author: author.clone(), message: message.clone() }
}

fn differing(before: &Files, after: &Files) -> Vec<FileChange> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let text = |files: &Files, name: &str| files.get(name).cloned().unwrap_or_default();
    let pairs = names.into_iter().map(|name| (name, text(before, name), text(after, name)));
    pairs
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| FileChange { name: name.clone(), lines: lines(&before, &after) })
        .collect()
}

fn lines(before: &str, after: &str) -> Vec<Option<Line>> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(AROUND) {
        if !lines.is_empty() {
            lines.push(None);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let number = |index: Option<usize>| index.map(|index| index + 1);
            lines.push(Some(Line {
                before: number(change.old_index()),
                after: number(change.new_index()),
                text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
            }));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_both_numbers_of_each_line_and_gaps() {
        let before: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let after = before.replace("line 2\n", "").replace("line 18\n", "line eighteen\n");
        let lines = lines(&before, &after);
        let numbers: Vec<_> = lines.iter().map(|line| line.as_ref().map(|line| (line.before, line.after))).collect();
        assert_eq!(numbers[..3], [Some((Some(1), Some(1))), Some((Some(2), None)), Some((Some(3), Some(2)))]);
        assert_eq!(numbers.iter().filter(|line| line.is_none()).count(), 1, "what is between the two is left out");
        assert!(lines.contains(&Some(Line { before: None, after: Some(17), text: "line eighteen".into() })));
    }

    #[test]
    fn files_that_come_and_go_are_changes() {
        let files = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "x\n".into())).collect::<Files>();
        let names = |files: Vec<FileChange>| files.into_iter().map(|file| file.name).collect::<Vec<_>>();
        assert_eq!(names(differing(&files(&["a", "b"]), &files(&["b", "c"]))), ["a", "c"]);
    }
}
