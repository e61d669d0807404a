//! Addresses of pictures that hold for a while and for nothing else.

use hmac::{Hmac, Mac};
use innkeeper_core::HotelId;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::Variant;

/// What keeps this key apart from others that are made of the same secret.
const PURPOSE: &[u8] = b"innkeeper media address 1";

/// Why an address is not honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Its time is over.
    #[error("the address has expired")]
    Expired,
    /// It was not signed here, or not for this picture and time.
    #[error("the address was altered, or signed elsewhere")]
    Altered,
}

/// Signs addresses of pictures and checks them: HMAC-SHA256 (RFC 2104) over hotel, image, variant and expiry.
///
/// Whoever has such an address sees the picture until it expires. A signature cannot be taken back before; it
/// opens nothing once the picture is deleted.
#[derive(Clone)]
pub struct AddressSigner {
    key: [u8; 32],
}

/// `Debug` shows no key.
impl std::fmt::Debug for AddressSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressSigner").finish_non_exhaustive()
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a key up to its block with zeros; doing it here leaves no key of a wrong length.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    Hmac::new(&block.into())
}

impl AddressSigner {
    /// A signer with a key of its own, which is made of a secret of the installation.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { key: keyed(secret).chain_update(PURPOSE).finalize().into_bytes().into() }
    }

    fn code(&self, hotel: &HotelId, image: Uuid, variant: Variant, expires: i64) -> [u8; 32] {
        let hotel = hotel.as_str().as_bytes();
        // The length in front, so that no two different addresses feed the same bytes.
        keyed(&self.key)
            .chain_update((hotel.len() as u64).to_le_bytes())
            .chain_update(hotel)
            .chain_update(image.as_bytes())
            .chain_update([variant as u8])
            .chain_update(expires.to_le_bytes())
            .finalize()
            .into_bytes()
            .into()
    }

    /// The signature of an address that holds until `expires`, in seconds since 1970 UTC: 64 lower-case hex digits.
    pub fn sign(&self, hotel: &HotelId, image: Uuid, variant: Variant, expires: i64) -> String {
        hex::encode(self.code(hotel, image, variant, expires))
    }

    /// Whether the signature is of exactly this address, and its time is not over at `now`, in seconds since 1970
    /// UTC. The comparison takes as long wherever they differ.
    ///
    /// # Errors
    /// [`AddressError::Altered`] for any other signature, [`AddressError::Expired`] for a true one from `expires` on.
    pub fn verify(
        &self,
        hotel: &HotelId,
        image: Uuid,
        variant: Variant,
        expires: i64,
        signature: &str,
        now: i64,
    ) -> Result<(), AddressError> {
        // One spelling: upper-case digits are another text for the same bytes.
        if signature.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(AddressError::Altered);
        }
        let mut given = [0; 32];
        hex::decode_to_slice(signature, &mut given).map_err(|_| AddressError::Altered)?;
        if !bool::from(given.ct_eq(&self.code(hotel, image, variant, expires))) {
            return Err(AddressError::Altered);
        }
        if now < expires { Ok(()) } else { Err(AddressError::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_700_000_000;

    fn hotel(id: &str) -> HotelId {
        id.parse().expect("a hotel")
    }

    #[test]
    fn an_address_opens_its_own_picture_until_its_time_is_over() {
        let (signer, image) = (AddressSigner::new(&[7; 32]), Uuid::from_u128(1));
        let signature = signer.sign(&hotel("a"), image, Variant::Picture, NOON);
        let at = |now| signer.verify(&hotel("a"), image, Variant::Picture, NOON, &signature, now);
        assert_eq!(at(NOON - 1), Ok(()));
        assert_eq!(at(NOON), Err(AddressError::Expired));
        assert_eq!(at(i64::MAX), Err(AddressError::Expired));
    }

    #[test]
    fn a_signature_holds_for_no_other_hotel_image_variant_time_or_secret() {
        let (signer, image) = (AddressSigner::new(&[7; 32]), Uuid::from_u128(1));
        let signature = signer.sign(&hotel("a"), image, Variant::Thumbnail, NOON);
        let other = AddressSigner::new(&[8; 32]);
        for (signer, hotel, image, variant, expires) in [
            (&signer, hotel("b"), image, Variant::Thumbnail, NOON),
            (&signer, hotel("a"), Uuid::from_u128(2), Variant::Thumbnail, NOON),
            (&signer, hotel("a"), image, Variant::Picture, NOON),
            (&signer, hotel("a"), image, Variant::Thumbnail, NOON + 1),
            (&other, hotel("a"), image, Variant::Thumbnail, NOON),
        ] {
            let answer = signer.verify(&hotel, image, variant, expires, &signature, 0);
            assert_eq!(answer, Err(AddressError::Altered), "{hotel} {image} {variant} {expires}");
        }
    }

    #[test]
    fn an_altered_signature_opens_nothing() {
        let (signer, image) = (AddressSigner::new(&[7; 32]), Uuid::from_u128(1));
        let signature = signer.sign(&hotel("a"), image, Variant::Picture, NOON);
        let flipped = if signature.starts_with('0') { '1' } else { '0' };
        for bad in [
            String::new(),
            "0".repeat(64),
            signature[..62].to_owned(),
            format!("{signature}00"),
            format!("{flipped}{}", &signature[1..]),
            signature.to_uppercase(),
            format!("{} ", &signature[..63]),
            "é".repeat(32),
        ] {
            let answer = signer.verify(&hotel("a"), image, Variant::Picture, NOON, &bad, 0);
            assert_eq!(answer, Err(AddressError::Altered), "{bad:?}");
        }
    }
}
