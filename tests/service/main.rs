//! Whole-service tests.
