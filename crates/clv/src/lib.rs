//! What a guest will be worth.
