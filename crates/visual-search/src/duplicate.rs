//! Whether two pictures are one picture that was encoded, resized or trimmed again.

use crate::PerceptualHash;

/// Bits that may differ.
const BITS: u32 = 10;
/// Least cosine of the descriptors.
const COSINE: f32 = 0.9;

/// Whether two pictures are the same photograph: encoded again, resized, a little trimmed or brightened.
/// `cosine` is that of their descriptors. Both have to agree: two photographs of rooms may share a coarse
/// structure by chance, and two of the same room may have almost the same descriptor. What was measured:
/// `examples/duplicates.rs`, docs/adr/0012-image-search.md.
pub fn near_duplicate(a: &PerceptualHash, b: &PerceptualHash, cosine: f32) -> bool {
    a.distance(b) <= BITS && cosine >= COSINE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_and_descriptor_have_to_agree() {
        let (a, near, far) = (PerceptualHash(0xff00), PerceptualHash(0xff07), PerceptualHash(!0xff00));
        assert!(near_duplicate(&a, &near, 0.97));
        assert!(!near_duplicate(&a, &near, 0.5), "the same structure of another content");
        assert!(!near_duplicate(&a, &far, 0.97), "the same room from elsewhere");
        assert!(!near_duplicate(&a, &a, f32::NAN));
    }
}
