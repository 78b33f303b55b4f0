//! Recorded decisions: the row, and what is asked of them.
//!
//! The row's `record` is steering's own account of the decision, from which it can be made again; this room does not read
//! it. The other columns are what is asked by.

use bytes::{BufMut, BytesMut};
use clickhouse::Row;
use serde::Deserialize;

use crate::{
    Store, StoreError,
    rowbinary::{array, string},
    statement::literal,
};

/// Low bits of an id that tell decisions of one millisecond apart; above them are its Unix milliseconds. So an id tells
/// where in the table to look.
pub const ID_BITS: u32 = 20;

/// A recorded decision: a row of the table `decisions`. An empty string means unknown, or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionRow {
    /// When it was made, Unix nanoseconds.
    pub at_ns: i64,
    /// Unix milliseconds of that, shifted by [`ID_BITS`], and a number.
    pub id: u64,
    /// Service id.
    pub service: String,
    /// Why it was recorded.
    pub occasion: String,
    /// How many decisions it stands for: one over the probability with which it was recorded. 0: it is not of the sample.
    pub weight: u64,
    /// Number of the snapshot.
    pub snapshot: u64,
    /// What the policy's text is known by.
    pub policy: String,
    /// How the client asked.
    pub via: String,
    /// GeoNames' two letters.
    pub continent: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 3166-2 without the country.
    pub subdivision: String,
    /// Autonomous system number; 0 unknown.
    pub asn: u32,
    /// Pathway ids, best first.
    pub candidates: Vec<String>,
    /// Of each candidate: equals have the same.
    pub tiers: Vec<u8>,
    /// Of each candidate: its share inside the tier.
    pub weights: Vec<u32>,
    /// Pathways set aside.
    pub aside: Vec<String>,
    /// The pathway answered.
    pub chosen: String,
    /// The step that put it first, from 1; 0: none did.
    pub step: u8,
    /// Why, in a word.
    pub reason: String,
    /// The share of such clients for whom it is chosen, 0…1.
    pub probability: f32,
    /// Seconds.
    pub ttl: u32,
    /// All that the decision read of the client, JSON.
    pub asker: String,
    /// All of it, JSON.
    pub record: String,
}

impl DecisionRow {
    const COLUMNS: &'static str = "at, id, service, occasion, weight, snapshot, policy, via, continent, country, \
        subdivision, asn, candidates, tiers, weights, aside, chosen, step, reason, probability, ttl, asker, record, \
        expires";

    fn encode(&self, expires: u32, out: &mut BytesMut) {
        out.put_i64_le(self.at_ns);
        out.put_u64_le(self.id);
        string(out, &self.service);
        string(out, &self.occasion);
        out.put_u64_le(self.weight);
        out.put_u64_le(self.snapshot);
        string(out, &self.policy);
        string(out, &self.via);
        string(out, &self.continent);
        string(out, &self.country);
        string(out, &self.subdivision);
        out.put_u32_le(self.asn);
        array(out, &self.candidates, |out, id| string(out, id));
        array(out, &self.tiers, |out, tier| out.put_u8(*tier));
        array(out, &self.weights, |out, weight| out.put_u32_le(*weight));
        array(out, &self.aside, |out, id| string(out, id));
        string(out, &self.chosen);
        out.put_u8(self.step);
        string(out, &self.reason);
        out.put_f32_le(self.probability);
        out.put_u32_le(self.ttl);
        string(out, &self.asker);
        string(out, &self.record);
        out.put_u32_le(expires);
    }
}

/// The text of a policy that decided.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyText {
    /// What it is known by, as in [`DecisionRow::policy`].
    pub policy: String,
    /// Service id.
    pub service: String,
    /// The file.
    pub text: String,
}

/// Which decisions are asked for; what is empty is not asked by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionQuery {
    /// Service id.
    pub service: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The pathway answered.
    pub pathway: String,
    /// Why it was recorded.
    pub occasion: String,
    /// From then on, Unix milliseconds.
    pub since_ms: i64,
    /// At most so many.
    pub limit: u32,
}

/// A recorded decision, as a list shows it. Fields are as in [`DecisionRow`].
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
#[allow(missing_docs, reason = "said at DecisionRow")]
pub struct StoredDecision {
    pub at_ns: i64,
    pub id: u64,
    pub service: String,
    pub occasion: String,
    pub weight: u64,
    pub snapshot: u64,
    pub policy: String,
    pub via: String,
    pub continent: String,
    pub country: String,
    pub asn: u32,
    pub candidates: Vec<String>,
    pub chosen: String,
    pub step: u8,
    pub reason: String,
    pub probability: f32,
    pub ttl: u32,
}

/// A recorded decision with all that it takes to make it again.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct StoredRecord {
    /// [`DecisionRow::record`].
    pub record: String,
    /// The policy's text; empty if it is no longer there.
    pub text: String,
}

/// Decisions of the sample that were made alike for the same asker.
#[derive(Clone, Debug, PartialEq, Row, Deserialize)]
pub struct DecidedAsker {
    /// Service id.
    pub service: String,
    /// What the text of the policy that decided is known by: an asker's conditions are about its steps.
    pub policy: String,
    /// [`DecisionRow::asker`].
    pub asker: String,
    /// The pathway answered.
    pub chosen: String,
    /// How many decisions these stand for.
    pub weight: u64,
    /// How many were recorded.
    pub recorded: u64,
}

impl Store {
    /// Records these decisions, which end at `expires` (Unix seconds), once however often it is called with this token.
    pub async fn record(&self, token: &str, rows: &[DecisionRow], expires: u32) -> Result<(), StoreError> {
        let mut bytes = BytesMut::new();
        rows.iter().for_each(|row| row.encode(expires, &mut bytes));
        self.insert_into("decisions", DecisionRow::COLUMNS, token, bytes.freeze()).await
    }

    /// Keeps the texts of these policies until `expires` (Unix seconds). To repeat it changes only that.
    pub async fn keep_policies(&self, policies: &[PolicyText], expires: u32) -> Result<(), StoreError> {
        let mut bytes = BytesMut::new();
        for policy in policies {
            string(&mut bytes, &policy.policy);
            string(&mut bytes, &policy.service);
            string(&mut bytes, &policy.text);
            bytes.put_u32_le(expires);
        }
        // The table does not deduplicate by tokens: it replaces.
        self.insert_into("policies", "policy, service, text, expires", "", bytes.freeze()).await
    }

    /// The decisions asked for, the latest first.
    pub async fn decisions(&self, asked: &DecisionQuery) -> Result<Vec<StoredDecision>, StoreError> {
        let mut sql = format!(
            "SELECT toUnixTimestamp64Nano(at) AS at_ns, id, service, occasion, weight, snapshot, policy, via, continent, \
                country, asn, candidates, chosen, step, reason, probability, ttl \
            FROM decisions WHERE at >= fromUnixTimestamp64Milli({since})",
            since = asked.since_ms,
        );
        let by = [("service", &asked.service), ("country", &asked.country)];
        for (column, value) in by.into_iter().chain([("chosen", &asked.pathway), ("occasion", &asked.occasion)]) {
            if !value.is_empty() {
                sql += &format!(" AND {column} = {}", literal(value));
            }
        }
        sql += &format!(" ORDER BY decisions.at DESC, id DESC LIMIT {}", asked.limit);
        self.rows(&sql).await
    }

    /// The decision of this id, if it is (still) there.
    pub async fn decision(&self, id: u64) -> Result<Option<StoredRecord>, StoreError> {
        let ms = id >> ID_BITS;
        let sql = format!(
            "SELECT decisions.record AS record, policies.text AS text \
            FROM decisions LEFT ANY JOIN policies \
                ON policies.policy = decisions.policy AND policies.service = decisions.service \
            WHERE decisions.at >= fromUnixTimestamp64Milli({ms}) AND decisions.at < fromUnixTimestamp64Milli({ms} + 1) \
                AND decisions.id = {id} \
            LIMIT 1"
        );
        Ok(self.rows(&sql).await?.pop())
    }

    /// Who was decided for since `since_ms` (Unix milliseconds), by the sample: those who stand for the most first, at most
    /// `limit`. An empty `service` is all of them.
    pub async fn decided(&self, service: &str, since_ms: i64, limit: u32) -> Result<Vec<DecidedAsker>, StoreError> {
        let of = if service.is_empty() { String::new() } else { format!("AND service = {}", literal(service)) };
        let sql = format!(
            "SELECT service, policy, asker, chosen, sum(decisions.weight) AS weight, count() AS recorded \
            FROM decisions \
            WHERE at >= fromUnixTimestamp64Milli({since_ms}) AND decisions.weight > 0 {of} \
            GROUP BY service, policy, asker, chosen \
            ORDER BY weight DESC, service, asker LIMIT {limit}"
        );
        self.rows(&sql).await
    }
}
