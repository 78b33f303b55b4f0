//! Brings a database's schema to this version.
//!
//! A migration is a numbered file of statements; each statement is recorded once it has run. A node that dies in between
//! runs its last one again, so every statement must stand being repeated (`IF NOT EXISTS`, or a view's query replaced as a whole). Files are never changed once
//! released: a change is a new file.

use crate::{Store, StoreError};

/// Number and statements, ascending.
const MIGRATIONS: [(u32, &str); 4] = [
    (1, include_str!("../migrations/0001_beacons.sql")),
    (2, include_str!("../migrations/0002_log_sums.sql")),
    (3, include_str!("../migrations/0003_decisions.sql")),
    (4, include_str!("../migrations/0004_failed_sessions.sql")),
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS fairway_migrations \
    (version UInt32, statement UInt32, applied DateTime('UTC') DEFAULT now()) \
    ENGINE = MergeTree ORDER BY (version, statement)";

impl Store {
    /// Brings the schema to this version. Safe to repeat.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrate(self).await?;
        self.note_migrated();
        Ok(())
    }
}

/// Runs what has not run yet.
async fn migrate(store: &Store) -> Result<(), StoreError> {
    store.execute(LEDGER).await?;
    let done: Vec<(u32, u32)> = store.fetch("SELECT version, statement FROM fairway_migrations").await?;
    let newest = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    if let Some((version, _)) = done.iter().find(|(version, _)| *version > newest) {
        return Err(StoreError::Schema(format!(
            "it is at version {version}, and this Fairway knows {newest}: run the newer one"
        )));
    }
    for (version, text) in MIGRATIONS {
        for (number, statement) in (1..).zip(statements(text)) {
            if !done.contains(&(version, number)) {
                store.execute(statement).await?;
                let record =
                    format!("INSERT INTO fairway_migrations (version, statement) VALUES ({version}, {number})");
                store.execute(&record).await?;
                tracing::info!(version, number, "migrated the store");
            }
        }
    }
    Ok(())
}

/// The statements of a file: each ends in a semicolon at the end of a line.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_stands_being_repeated_and_versions_ascend() {
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.0 < b.0));
        for (version, text) in MIGRATIONS {
            assert!(statements(text).count() > 0, "{version}");
            for statement in statements(text) {
                let sql: Vec<_> =
                    statement.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
                let creates = sql[0].starts_with("CREATE") && sql[0].contains(" IF NOT EXISTS ");
                let adds =
                    sql[0].starts_with("ALTER") && sql[1..].iter().all(|l| l.contains("ADD COLUMN IF NOT EXISTS "));
                let drops = sql[0].starts_with("DROP VIEW IF EXISTS ");
                assert!(creates || adds || drops, "{version}: {statement}");
            }
        }
    }
}
