//! Model packs: from a manifest to verified, installed files.
