use async_trait::async_trait;
use uuid::Uuid;

use crate::{Collection, Filter, Hit, VectorError, VectorPoint};

/// Most hits of one search; a larger limit counts as this one.
pub(crate) const MAX_LIMIT: usize = 10_000;

/// How many of the best hits come before a page, and how many with it.
pub(crate) fn page(offset: usize, limit: usize) -> (usize, usize) {
    (offset.min(MAX_LIMIT), offset.saturating_add(limit).min(MAX_LIMIT))
}

/// What a collection is made of at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexState {
    /// Points in it.
    pub points: usize,
    /// Points that an inexact search still compares one by one, at full width. They are found all the same.
    pub unindexed: usize,
    /// [`VectorIndex::optimize`] has something to do that is worth its time.
    pub needs_optimize: bool,
}

/// An engine that keeps points and finds the nearest ones. Calls may come from many tasks at once.
///
/// A write that has started goes on to its end, also when the caller stops waiting for it.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// Creates the collection with the indexes that its name asks for (see [`Collection::new`]), or opens it. Calling it again is free.
    ///
    /// # Errors
    /// [`VectorError::StoredDimension`] when it was created for vectors of another length.
    async fn ensure(&self, collection: &Collection) -> Result<(), VectorError>;

    /// The collections that exist, for any model: how a change of model is noticed.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    async fn collections(&self) -> Result<Vec<Collection>, VectorError>;

    /// Removes a collection with all that is in it. A missing one is fine.
    ///
    /// # Errors
    /// When the engine fails.
    async fn drop_collection(&self, collection: &Collection) -> Result<(), VectorError>;

    /// Adds points, or replaces those with the same ids.
    ///
    /// When it returns, the points are found by searches and are on stable storage: they survive an
    /// abort of the process and a loss of power. Points are written in groups of 512; a failure in
    /// between leaves the groups before it written. Nothing is written when any point is unusable.
    ///
    /// # Errors
    /// [`VectorError::Dimension`], [`VectorError::NoDirection`], [`VectorError::Payload`] for a point
    /// that is not one; [`VectorError::UnknownCollection`]; [`VectorError::Engine`].
    async fn upsert(&self, collection: &Collection, points: Vec<VectorPoint>) -> Result<(), VectorError>;

    /// Removes points; missing ones are fine. When it returns they are never found again, as durably as
    /// [`Self::upsert`]; their bytes leave the disk with the next [`Self::optimize`].
    ///
    /// # Errors
    /// [`VectorError::UnknownCollection`], [`VectorError::Engine`].
    async fn delete(&self, collection: &Collection, ids: &[Uuid]) -> Result<(), VectorError>;

    /// The nearest points by cosine, best first, at most `limit` (and 10,000). `exact` compares with
    /// every point that passes the filter at full width. Otherwise large collections are searched faster
    /// (in bytes, by a server's graph) and the best are scored again at full width.
    ///
    /// # Errors
    /// [`VectorError::Dimension`], [`VectorError::NoDirection`], [`VectorError::FilterKey`],
    /// [`VectorError::UnknownCollection`], [`VectorError::Engine`].
    async fn search(
        &self,
        collection: &Collection,
        vector: &[f32],
        filter: &Filter,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Hit>, VectorError> {
        self.search_page(collection, vector, filter, 0, limit, exact).await
    }

    /// As [`Self::search`], after the first `offset` of its answer. No hit stands behind the 10,000th. Pages of an
    /// exact search follow each other without a gap, as long as nothing is written in between and no two scores are
    /// the same where one ends.
    ///
    /// # Errors
    /// As [`Self::search`].
    async fn search_page(
        &self,
        collection: &Collection,
        vector: &[f32],
        filter: &Filter,
        offset: usize,
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Hit>, VectorError>;

    /// The ids of all points that pass the filter, in ascending order.
    ///
    /// # Errors
    /// [`VectorError::FilterKey`], [`VectorError::UnknownCollection`], [`VectorError::Engine`].
    async fn ids(&self, collection: &Collection, filter: &Filter) -> Result<Vec<Uuid>, VectorError>;

    /// How many points pass the filter, exactly.
    ///
    /// # Errors
    /// [`VectorError::FilterKey`], [`VectorError::UnknownCollection`], [`VectorError::Engine`].
    async fn count(&self, collection: &Collection, filter: &Filter) -> Result<usize, VectorError>;

    /// The points with these ids, in the order asked for; missing ones are left out.
    ///
    /// # Errors
    /// [`VectorError::UnknownCollection`], [`VectorError::Engine`].
    async fn get(&self, collection: &Collection, ids: &[Uuid]) -> Result<Vec<VectorPoint>, VectorError>;

    /// Brings everything written so far to stable storage. Writes do so themselves; this is for
    /// before a backup.
    ///
    /// # Errors
    /// [`VectorError::Engine`].
    async fn flush(&self) -> Result<(), VectorError>;

    /// How much of the collection waits for [`Self::optimize`]. Cheap enough to ask every few seconds.
    ///
    /// # Errors
    /// [`VectorError::UnknownCollection`], [`VectorError::File`], [`VectorError::Engine`].
    async fn state(&self, collection: &Collection) -> Result<IndexState, VectorError>;

    /// Clears away what deleted points left on the disk, trims the log and prepares new points for fast
    /// searches where there are enough of them. Meant for a background task: it takes from milliseconds to minutes.
    /// Searches go on meanwhile; in the embedded engine, writes to this collection wait.
    ///
    /// # Errors
    /// [`VectorError::UnknownCollection`], [`VectorError::File`], [`VectorError::Engine`].
    async fn optimize(&self, collection: &Collection) -> Result<(), VectorError>;

    /// Writes everything out and lets go of the files. Later calls answer [`VectorError::Closed`].
    ///
    /// # Errors
    /// [`VectorError::Engine`].
    async fn close(&self) -> Result<(), VectorError>;
}
