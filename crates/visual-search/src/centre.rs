//! The point that picture vectors are seen from.

use innkeeper_core::ModelRef;
use innkeeper_image_embedding::{CHANNELS, Features};
use serde::{Deserialize, Serialize};

use crate::CentreError;

/// The mean of the unit vectors ([`Features::root_mean_square`]) of many pictures.
///
/// All numbers of a feature vector are positive, so any two pictures have a large cosine, most of which says only
/// that both are photographs. Vectors seen from the mean differ in what the pictures differ in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Centre {
    model: ModelRef,
    /// How many pictures it is the mean of.
    pictures: usize,
    /// Where they came from, in a sentence.
    source: String,
    mean: Vec<f32>,
}

impl Centre {
    /// The centre that this build carries; `examples/centre.rs` measured it.
    ///
    /// # Errors
    /// [`CentreError`] when the file in the source tree was damaged.
    pub fn shipped() -> Result<Self, CentreError> {
        Self::from_json(include_str!("../centre.json"))
    }

    /// The mean over some pictures.
    ///
    /// # Errors
    /// [`CentreError::NoPictures`] when there are none, [`CentreError::OtherModel`] when two were embedded by
    /// different models.
    pub fn of<'a>(
        source: &str,
        pictures: impl IntoIterator<Item = &'a Features>,
    ) -> Result<Self, CentreError> {
        let mut pictures = pictures.into_iter().peekable();
        let model = pictures.peek().ok_or(CentreError::NoPictures)?.model().clone();
        let mut sums = vec![0.0_f64; CHANNELS];
        let mut count = 0_usize;
        for features in pictures {
            if *features.model() != model {
                return Err(CentreError::OtherModel { centre: model, embedder: features.model().clone() });
            }
            for (sum, value) in sums.iter_mut().zip(features.root_mean_square()) {
                *sum += f64::from(value);
            }
            count += 1;
        }
        // A hundred-thousandth of a vector's length is far below what any picture differs by, and short to write.
        let mean = sums.iter().map(|sum| ((sum / count as f64 * 1e5).round() / 1e5) as f32).collect();
        Ok(Self { model, pictures: count, source: source.to_owned(), mean })
    }

    /// Reads what [`Centre::to_json`] wrote.
    ///
    /// # Errors
    /// [`CentreError::Json`], or [`CentreError::Numbers`] when it does not hold one finite number a channel.
    pub fn from_json(text: &str) -> Result<Self, CentreError> {
        let centre: Self = serde_json::from_str(text)?;
        if centre.mean.len() != CHANNELS || centre.mean.iter().any(|v| !v.is_finite()) {
            return Err(CentreError::Numbers { found: centre.mean.len(), expected: CHANNELS });
        }
        Ok(centre)
    }

    /// As JSON, on one line.
    ///
    /// # Errors
    /// [`CentreError::Json`], which a centre that was measured does not give.
    pub fn to_json(&self) -> Result<String, CentreError> {
        Ok(serde_json::to_string(self)?)
    }

    /// What it was measured with.
    pub fn model(&self) -> &ModelRef {
        &self.model
    }

    /// How many pictures it is the mean of.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// The mean vector.
    pub(crate) fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Eight hexadecimal digits that two centres share only when they are the same (FNV-1a, 32 bits): part of the
    /// descriptor's version, since descriptors about different centres cannot be compared.
    pub(crate) fn digest(&self) -> String {
        let bytes = self.mean.iter().flat_map(|v| v.to_le_bytes());
        let hash = bytes.fold(0x811c_9dc5_u32, |h, byte| (h ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        format!("{hash:08x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(model: &str, first: f32) -> Features {
        let mut cells = vec![0.0; CHANNELS];
        (cells[0], cells[1]) = (first, 4.0);
        Features::new(ModelRef::new(model, "1").unwrap(), cells, 1, 1).unwrap()
    }

    #[test]
    fn the_centre_is_the_mean_of_unit_vectors_and_reads_back() {
        let pictures = [features("m", 3.0), features("m", 0.0)];
        let centre = Centre::of("two made-up pictures", &pictures).unwrap();
        assert!((centre.mean()[0] - 0.3).abs() < 1e-5 && (centre.mean()[1] - 0.9).abs() < 1e-5);
        assert_eq!(centre.pictures(), 2);
        assert_eq!(Centre::from_json(&centre.to_json().unwrap()).unwrap(), centre);
    }

    #[test]
    fn pictures_of_two_models_or_none_have_no_centre() {
        let pictures = [features("m", 3.0), features("n", 3.0)];
        assert!(matches!(Centre::of("", &pictures), Err(CentreError::OtherModel { .. })));
        assert!(matches!(Centre::of("", &[]), Err(CentreError::NoPictures)));
    }

    #[test]
    fn a_centre_of_another_length_is_refused() {
        let text = r#"{"model": "m@1", "pictures": 1, "source": "", "mean": [0.5]}"#;
        assert!(matches!(Centre::from_json(text), Err(CentreError::Numbers { found: 1, .. })));
        assert!(matches!(Centre::from_json("{}"), Err(CentreError::Json(_))));
    }

    #[test]
    fn another_centre_gives_descriptors_another_version() {
        let of = |first| Centre::of("", &[features("m", first)]).unwrap().digest();
        assert_eq!(of(3.0), of(3.0));
        assert_ne!(of(3.0), of(2.0));
    }

    #[test]
    fn the_shipped_centre_is_whole() {
        let centre = Centre::shipped().unwrap();
        assert_eq!(centre.model().name(), "efficientnet-lite0");
        assert!(centre.pictures() > 100);
    }
}
