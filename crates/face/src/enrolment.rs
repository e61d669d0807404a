//! Photos that claim to show one person: which of them do.

use innkeeper_core::{Embedding, EmbeddingError};

/// Whether a photo belongs to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamePerson {
    /// It agrees with the others.
    Yes,
    /// It shows somebody else than the others do.
    No,
    /// The photos contradict each other and nothing says which of them is right.
    Undecided,
}

/// Groups photos by mutual similarity and keeps the largest group. Templates that are enrolled already
/// (`existing`) settle it: a photo must then match one of them. Two groups of the same size leave every
/// photo [`SamePerson::Undecided`].
///
/// # Errors
/// When the embeddings come from different models.
pub fn same_person(
    photos: &[Embedding],
    existing: &[Embedding],
    threshold: f32,
) -> Result<Vec<SamePerson>, EmbeddingError> {
    let near = |a: &Embedding, b: &Embedding| a.cosine(b).map(|c| c >= threshold);
    if !existing.is_empty() {
        return photos
            .iter()
            .map(|photo| {
                for template in existing {
                    if near(photo, template)? {
                        return Ok(SamePerson::Yes);
                    }
                }
                Ok(SamePerson::No)
            })
            .collect();
    }
    // Single linkage: a chain of similar photos (left profile, front, right profile) is one person.
    let mut group: Vec<usize> = (0..photos.len()).collect();
    for i in 0..photos.len() {
        for j in 0..i {
            if near(&photos[i], &photos[j])? && group[i] != group[j] {
                let (from, to) = (group[i], group[j]);
                group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
            }
        }
    }
    let size = |g: usize| group.iter().filter(|other| **other == g).count();
    let largest = group.iter().map(|g| size(*g)).max().unwrap_or(0);
    let mut winners: Vec<usize> = group.iter().copied().filter(|g| size(*g) == largest).collect();
    winners.dedup();
    winners.sort_unstable();
    winners.dedup();
    Ok(group
        .iter()
        .map(|g| match winners[..] {
            [winner] if winner == *g => SamePerson::Yes,
            [_] => SamePerson::No,
            _ => SamePerson::Undecided,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use innkeeper_core::ModelRef;

    fn at(degrees: f32) -> Embedding {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Embedding::normalised(ModelRef::new("m", "1").unwrap(), vec![cos, sin]).unwrap()
    }

    #[test]
    fn the_odd_photo_out_is_refused() {
        let verdicts = same_person(&[at(0.0), at(100.0), at(10.0)], &[], 0.9).unwrap();
        assert_eq!(verdicts, [SamePerson::Yes, SamePerson::No, SamePerson::Yes]);
    }

    #[test]
    fn two_photos_of_two_people_are_not_guessed() {
        let verdicts = same_person(&[at(0.0), at(100.0)], &[], 0.9).unwrap();
        assert_eq!(verdicts, [SamePerson::Undecided, SamePerson::Undecided]);
    }

    #[test]
    fn a_chain_of_views_is_one_person() {
        let verdicts = same_person(&[at(0.0), at(20.0), at(40.0)], &[], 0.9).unwrap();
        assert_eq!(verdicts, [SamePerson::Yes; 3]);
    }

    #[test]
    fn enrolled_templates_outvote_new_photos() {
        let verdicts = same_person(&[at(90.0), at(95.0), at(5.0)], &[at(0.0)], 0.9).unwrap();
        assert_eq!(verdicts, [SamePerson::No, SamePerson::No, SamePerson::Yes]);
    }
}
