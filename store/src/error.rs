//! What can go wrong with the store, by what the caller should do about it.

/// A statement or an insert that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be done now, and nothing is wrong with the request: repeat the same one later. For an insert, repeat the
    /// same bytes under the same token: it may have been done already.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store understood and said no: repeating will not help. Our mistake, or a foreign store's schema or rights.
    #[error("the store refused: {0}")]
    Refused(String),
    /// The database was made by a newer or a different Fairway than this one.
    #[error("the store's schema does not fit: {0}")]
    Schema(String),
}

impl StoreError {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
