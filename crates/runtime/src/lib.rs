//! Warm model sessions with pools, batching, back-pressure and hot swap.
