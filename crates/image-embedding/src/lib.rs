//! Pictures to embeddings and feature maps by a frozen network.
