//! Drawing series: geometry as plain functions of numbers, and the SVG around it.
//!
//! A chart is one `<svg>` without a view box, so that it can be as wide as its column while its letters keep their size:
//! axes are placed in per cent, and only the shapes live in an inner `<svg>` that is stretched (its strokes are not). The
//! inner coordinates are [`STEP`] to a point across, 0 (top) to [`HEIGHT`] down.

use std::fmt::Write;

use leptos::{ev::PointerEvent, prelude::*};
use web_sys::wasm_bindgen::JsCast;

use super::colour;
use crate::{format, model::Series};

const STEP: usize = 10;
const HEIGHT: f64 = 1000.0;
/// Between two times written under a chart.
const TIME_MARK_MS: i64 = 5 * 60 * 1000;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Shares stacked to a whole.
    Stack,
    /// A line each, from zero.
    Lines,
}

/// A series made ready to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    kind: Kind,
    series: Series,
    /// The value at the top edge.
    top: f64,
}

impl Drawing {
    /// `series` holds shares, 0…1.
    pub fn new(kind: Kind, series: Series) -> Self {
        let highest = series.values.iter().flatten().flatten().copied().fold(0.0, f64::max);
        let top = if kind == Kind::Stack { 1.0 } else { round_top(highest) };
        Self { kind, series, top }
    }

    /// One path for each pathway.
    fn paths(&self) -> Vec<String> {
        match self.kind {
            Kind::Stack => stack(&self.series),
            Kind::Lines => self.series.values.iter().map(|row| line(row, self.top)).collect(),
        }
    }

    /// Values along the left edge, from zero to the top, with their place from the top in per cent.
    fn levels(&self) -> Vec<(String, f64)> {
        let label = |share: f64| if self.top < 0.04 { format::percent(share) } else { format::whole_percent(share) };
        (0..=4).map(|quarter| f64::from(quarter) / 4.0).map(|at| (label(self.top * at), 100.0 - at * 100.0)).collect()
    }

    /// Times along the bottom edge, with their place from the left in per cent; none so near an end that it would be cut.
    fn times(&self) -> Vec<(String, f64)> {
        let width = self.series.len() as i64 * self.series.step_ms;
        if width == 0 {
            return Vec::new();
        }
        let first = self.series.from_ms + (-self.series.from_ms).rem_euclid(TIME_MARK_MS);
        (0..)
            .map(|n| first + n * TIME_MARK_MS)
            .take_while(|ms| *ms <= self.series.from_ms + width)
            .map(|ms| (format::clock_minutes(ms), (ms - self.series.from_ms) as f64 / width as f64 * 100.0))
            .filter(|(_, x)| (3.0..=97.0).contains(x))
            .collect()
    }
}

/// The least round value that leaves `highest` some room: 1, 2, 4 or 8 times a power of ten, so that quarters are round
/// too. Never under 1 %, or a calm chart would show its noise as mountains.
fn round_top(highest: f64) -> f64 {
    [0.01, 0.02, 0.04, 0.08, 0.2, 0.4, 0.8].into_iter().find(|top| highest <= top * 0.95).unwrap_or(1.0)
}

/// Areas on top of each other, a step for each point, with a hole where nothing is known.
fn stack(series: &Series) -> Vec<String> {
    let mut floor = vec![0.0; series.len()];
    let mut paths = Vec::new();
    for row in &series.values {
        let mut path = String::new();
        let mut at = 0;
        while at < row.len() {
            let end = (at..row.len()).find(|i| row[*i].is_none()).unwrap_or(row.len());
            let run = at..end;
            if !run.is_empty() {
                let y = |share: f64| HEIGHT - share * HEIGHT;
                let roof: Vec<f64> = run.clone().map(|i| floor[i] + row[i].unwrap_or(0.0)).collect();
                write_steps(&mut path, 'M', run.clone().zip(roof.iter().map(|v| y(*v))));
                write_steps_back(&mut path, run.clone().zip(run.clone().map(|i| y(floor[i]))));
                path.push('Z');
                floor[run].copy_from_slice(&roof);
            }
            at = end + 1;
        }
        paths.push(path);
    }
    paths
}

/// `M0 500H10V400H20`: along the tops of the points, from left to right.
fn write_steps(path: &mut String, begin: char, points: impl Iterator<Item = (usize, f64)>) {
    let mut last = None;
    for (at, y) in points {
        let drawn = match last {
            None => write!(path, "{begin}{} {y:.0}H{}", at * STEP, (at + 1) * STEP),
            Some(before) if before == y => write!(path, "H{}", (at + 1) * STEP),
            Some(_) => write!(path, "V{y:.0}H{}", (at + 1) * STEP),
        };
        // Writing to a String cannot fail; the Result is the trait's.
        drawn.unwrap_or_default();
        last = Some(y);
    }
}

/// The same from right to left, to close an area.
fn write_steps_back(path: &mut String, points: impl DoubleEndedIterator<Item = (usize, f64)>) {
    for (at, y) in points.rev() {
        write!(path, "V{y:.0}H{}", at * STEP).unwrap_or_default();
    }
}

/// A line through the middles of the points, broken where nothing is known; a point alone is a short dash.
fn line(row: &[Option<f64>], top: f64) -> String {
    let mut path = String::new();
    for (at, value) in row.iter().enumerate() {
        let Some(value) = value else { continue };
        let (x, y) = (at * STEP + STEP / 2, HEIGHT - (value / top).min(1.0) * HEIGHT);
        let before = at.checked_sub(1).is_some_and(|i| row[i].is_some());
        let after = row.get(at + 1).is_some_and(Option::is_some);
        let drawn = match (before, after) {
            (true, _) => write!(path, "L{x} {y:.0}"),
            (false, true) => write!(path, "M{x} {y:.0}"),
            (false, false) => write!(path, "M{} {y:.0}H{}", x - STEP / 2, x + STEP / 2),
        };
        drawn.unwrap_or_default();
    }
    path
}

/// The chart. `at` is the point under the pointer, for whoever wants to tell its values.
pub fn chart(title: &'static str, drawing: Memo<Drawing>, at: RwSignal<Option<usize>>) -> impl IntoView {
    let points = move || drawing.with(|d| d.series.len());
    let over = move |event: PointerEvent| at.set(point_under(&event, points()));
    let class = move || match drawing.with(|d| d.kind) {
        Kind::Stack => "shapes stack",
        Kind::Lines => "shapes lines",
    };
    let shapes = move || {
        let paths = drawing.with(Drawing::paths).into_iter().enumerate();
        paths.map(|(row, path)| view! { <path class=colour(row) d=path></path> }).collect_view()
    };
    let levels = move || {
        let levels = drawing.with(Drawing::levels).into_iter();
        levels
            .map(|(label, y)| {
                let y = format!("{y}%");
                view! {
                    <line x1="0" x2="100%" y1=y.clone() y2=y.clone()></line>
                    <text x="0" y=y dx="-8" dy="0.32em">{label}</text>
                }
            })
            .collect_view()
    };
    let times = move || {
        let times = drawing.with(Drawing::times).into_iter();
        times
            .map(|(label, x)| {
                let x = format!("{x:.2}%");
                view! {
                    <line x1=x.clone() x2=x.clone() y1="100%" y2="100%" class="tick"></line>
                    <text x=x y="100%" dy="1.7em">{label}</text>
                }
            })
            .collect_view()
    };
    let crosshair = move || {
        let x = at.get().map(|at| format!("{:.2}%", (at as f64 + 0.5) / points().max(1) as f64 * 100.0));
        x.map(|x| view! { <line class="crosshair" x1=x.clone() x2=x y1="0" y2="100%"></line> })
    };
    view! {
        <div class="chart" on:pointermove=over on:pointerleave=move |_| at.set(None)>
            <svg role="img" aria-label=title>
                <g class="levels">{levels}</g>
                <g class="times">{times}</g>
                <svg
                    class=class
                    width="100%"
                    height="100%"
                    viewBox=move || format!("0 0 {} {HEIGHT}", points().max(1) * STEP)
                    preserveAspectRatio="none"
                >
                    {shapes}
                </svg>
                {crosshair}
            </svg>
            <p class="nothing" hidden=move || drawing.with(|d| d.series.values.iter().flatten().any(Option::is_some))>
                "Nothing in the last 15 minutes"
            </p>
        </div>
    }
}

/// Which of `points` is under the pointer.
fn point_under(event: &PointerEvent, points: usize) -> Option<usize> {
    let chart = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
    let plot = chart.first_element_child()?.get_bounding_client_rect();
    let across = (f64::from(event.client_x()) - plot.left()) / plot.width().max(1.0);
    (0.0..1.0).contains(&across).then_some((across * points as f64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: Vec<Vec<Option<f64>>>) -> Series {
        Series { step_ms: 10_000, values, ..Series::default() }
    }

    #[test]
    fn areas_stand_on_those_before_them_and_silence_is_a_hole() {
        let shares =
            series(vec![vec![Some(0.75), Some(0.75), None, Some(0.5)], vec![Some(0.25), Some(0.25), None, Some(0.5)]]);
        assert_eq!(
            stack(&shares),
            ["M0 250H10H20V1000H10V1000H0ZM30 500H40V1000H30Z", "M0 0H10H20V250H10V250H0ZM30 0H40V500H30Z"]
        );
    }

    #[test]
    fn lines_break_where_nothing_is_known() {
        let row = [Some(0.0), Some(0.01), None, Some(0.02), None, Some(0.5)];
        assert_eq!(line(&row, 0.02), "M5 1000L15 500M30 0H40M50 0H60");
    }

    #[test]
    fn the_top_is_round_and_the_times_are_on_the_clock() {
        assert_eq!([0.0, 0.0094, 0.012, 0.3, 0.9].map(round_top), [0.01, 0.01, 0.02, 0.4, 1.0]);
        let quiet = Drawing::new(Kind::Lines, Series { from_ms: 60_000, ..series(vec![vec![None; 90]]) });
        assert_eq!(quiet.times().iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["00:05", "00:10", "00:15"]);
        assert_eq!(quiet.levels()[4], ("1.0 %".to_owned(), 0.0));
    }
}
