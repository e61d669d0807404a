//! Embedding indexes over Qdrant behind one trait.
