//! The registry of trained models: versions, cards, gate, promotion.
