//! Figures of several runs, and how they are written.

/// The mean of each figure over runs; `None` where a run has none.
pub fn mean<const N: usize>(runs: &[[Option<f64>; N]]) -> [Option<f64>; N] {
    std::array::from_fn(|figure| {
        let sum: Option<f64> = runs.iter().map(|run| run[figure]).sum();
        sum.map(|sum| sum / runs.len() as f64)
    })
}

/// Figures as a row of a markdown table, each with its unit; a time that never came is `never`.
pub fn row(names: &[&str], figures: &[Option<f64>], units: &[Unit]) -> String {
    let names = names.iter().map(|name| (*name).to_owned());
    let figures = figures.iter().zip(units).map(|(figure, unit)| figure.map_or("never".to_owned(), |f| unit.write(f)));
    format!("| {} |", names.chain(figures).collect::<Vec<_>>().join(" | "))
}

/// What a figure is in.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// A share, as per cent with so many decimals.
    Percent(usize),
    /// A share's standard deviation, as percentage points.
    Points,
    Seconds,
    /// A number with so many decimals.
    Number(usize),
}

impl Unit {
    fn write(self, figure: f64) -> String {
        match self {
            Self::Percent(decimals) => format!("{:.decimals$} %", 100.0 * figure),
            Self::Points => format!("{:.1}", 100.0 * figure),
            Self::Seconds => format!("{figure:.0} s"),
            Self::Number(decimals) => format!("{figure:.decimals$}"),
        }
    }
}

/// The head of a markdown table.
pub fn head(columns: &[&str]) -> String {
    format!("| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()))
}
