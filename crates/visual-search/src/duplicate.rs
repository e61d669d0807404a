//! Whether two pictures are one picture that was encoded, resized or trimmed again.

use crate::PerceptualHash;

/// Up to so many differing bits the structure is the same, and the content need only not contradict it.
const SAME: (u32, f32) = (5, 0.6);
/// Up to so many the structure is alike, and the content has to be the same.
const ALIKE: (u32, f32) = (10, 0.96);

/// Whether two pictures are the same photograph: encoded again, resized, a little trimmed or brightened.
/// `cosine` is that of their descriptors. Both have to agree, the one more the less the other does: two photographs
/// from the same place before and after cleaning share most of their structure, and two of the same room most of
/// their content. A picture without structure is a copy of nothing by this rule. What was measured: `examples/duplicates.rs`, docs/adr/0012-image-search.md.
pub fn near_duplicate(a: &PerceptualHash, b: &PerceptualHash, cosine: f32) -> bool {
    let bits = a.distance(b);
    let told = a.has_structure() && b.has_structure();
    told && [SAME, ALIKE].into_iter().any(|(most, least)| bits <= most && cosine >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_and_descriptor_have_to_agree() {
        let (a, near) = (PerceptualHash(0xffff_0000), PerceptualHash(0xffff_0007));
        let (alike, far) = (PerceptualHash(0xffff_00ff), PerceptualHash(!0xffff_0000));
        assert!(near_duplicate(&a, &near, 0.8));
        assert!(!near_duplicate(&a, &near, 0.5), "the same structure of another content");
        assert!(near_duplicate(&a, &alike, 0.98));
        assert!(!near_duplicate(&a, &alike, 0.95), "the same place after cleaning");
        assert!(!near_duplicate(&a, &far, 0.99), "the same room from elsewhere");
        assert!(!near_duplicate(&a, &a, f32::NAN));
    }

    #[test]
    fn pictures_that_show_nothing_are_no_copies_of_each_other() {
        let (flat, hardly) = (PerceptualHash(0), PerceptualHash(0b101));
        assert!(!near_duplicate(&flat, &flat, 0.99));
        assert!(!near_duplicate(&flat, &hardly, 1.0) && !near_duplicate(&hardly, &hardly, 1.0));
    }
}
