//! Image bytes by key.
//!
//! In come bytes and a [`Key`] that is built from checked identifiers; out come the bytes again, or the
//! keys below a [`Prefix`]. What lies in the store is sealed, with the key as context: a picture opens in its
//! own place only, and [`Media::reseal`] follows a change of the sealing key. This room touches one folder,
//! through `object_store`, so that the same calls can go to an S3 bucket. It never looks into the bytes. An
//! [`AddressSigner`] signs addresses of pictures that hold for a while.
//! Whoever may read them is decided elsewhere; on disk they are open to the process's own user only.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod address;
mod key;
mod local;
mod locks;
mod media;
mod reseal;

pub use address::{AddressError, AddressSigner};
pub use key::{Key, KeyError, Prefix, Variant, VariantError};
pub use media::{Media, MediaError};
pub use reseal::Resealed;
