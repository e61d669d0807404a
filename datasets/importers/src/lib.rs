//! Files of a hotel, read row by row.
//!
//! In comes a CSV or Parquet file and the mapping of its columns; out go bookings, rates, competitor prices and
//! events, and each rejected row with its line and its reason. This room reads the file it is given and touches nothing else.
