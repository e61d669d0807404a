//! Small multi-label heads on frozen embeddings: fit, calibrate, judge.
