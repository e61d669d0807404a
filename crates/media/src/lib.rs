//! Image bytes by key, on disk or in an object store.
