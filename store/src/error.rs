//! What can go wrong with the store, by what the caller should do about it.

/// A statement or an insert that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be done now, and may be done later: repeat the same request. For an insert, repeat the same bytes under
    /// the same token: it may have been done already. Anything that is not known to be final is this.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store cannot read the rows of an insert: repeating will not help. Our mistake, or a table that was altered.
    #[error("the store refused: {0}")]
    Refused(String),
    /// The database was made by a newer Fairway than this one. The operator's to mend; a request stays as good as it was.
    #[error("the store's schema does not fit: {0}")]
    Schema(String),
}

impl StoreError {
    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
