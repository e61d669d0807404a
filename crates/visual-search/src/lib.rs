//! Image descriptors for search, near-duplicates, lost and found.
