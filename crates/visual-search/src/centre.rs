//! Where picture vectors are seen from, and what tells a room from a thing.

use innkeeper_core::ModelRef;
use innkeeper_image_embedding::{CHANNELS, Features};
use serde::{Deserialize, Serialize};

use crate::CentreError;

/// Where a picture's closeness to the means of rooms and things begins and ends to count: below the first share of
/// the way from things to rooms it is a thing, beyond the second a room.
const GATE: [f32; 2] = [0.2, 0.8];

/// The means of the unit vectors ([`Features::root_mean_square`]) of many pictures of rooms, and of many of things.
///
/// All numbers of a feature vector are positive, so any two pictures have a large cosine, most of which says only
/// that both are photographs. Vectors seen from the point between the two means differ in what the pictures differ
/// in. The line through the means says whether a picture shows a room or a thing, which decides how much its colours
/// count: rooms of a kind share no colours, things do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Centre {
    model: ModelRef,
    rooms: Kind,
    things: Kind,
}

/// Pictures of one kind, by the mean of their vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    pictures: usize,
    /// Where they came from, in a few words.
    source: String,
    mean: Vec<f32>,
}

impl Kind {
    fn of(source: &str, pictures: &[Features]) -> Self {
        let mut sums = vec![0.0_f64; CHANNELS];
        for features in pictures {
            for (sum, value) in sums.iter_mut().zip(features.root_mean_square()) {
                *sum += f64::from(value);
            }
        }
        // A hundred-thousandth of a vector's length is far below what pictures differ by, and short to write.
        let rounded = |sum: &f64| ((sum / pictures.len() as f64 * 1e5).round() / 1e5) as f32;
        let mean = sums.iter().map(rounded).collect();
        Self { pictures: pictures.len(), source: source.to_owned(), mean }
    }

    fn check(&self) -> Result<(), CentreError> {
        if self.mean.len() != CHANNELS || self.mean.iter().any(|v| !v.is_finite()) {
            return Err(CentreError::Numbers { found: self.mean.len(), expected: CHANNELS });
        }
        Ok(())
    }
}

impl Centre {
    /// The centre that this build carries; `examples/centre.rs` measured it.
    ///
    /// # Errors
    /// [`CentreError`] when the file in the source tree was damaged.
    pub fn shipped() -> Result<Self, CentreError> {
        Self::from_json(include_str!("../centre.json"))
    }

    /// Measures the means of some pictures of rooms and some of things, each with a few words on where they came
    /// from.
    ///
    /// # Errors
    /// [`CentreError::NoPictures`] when there are none of a kind, [`CentreError::OtherModel`] when two pictures
    /// were embedded by different models.
    pub fn of(rooms: (&str, &[Features]), things: (&str, &[Features])) -> Result<Self, CentreError> {
        let (Some(first), Some(_)) = (rooms.1.first(), things.1.first()) else {
            return Err(CentreError::NoPictures);
        };
        let model = first.model().clone();
        if let Some(other) = rooms.1.iter().chain(things.1).find(|features| *features.model() != model) {
            return Err(CentreError::OtherModel { centre: model, embedder: other.model().clone() });
        }
        Ok(Self { model, rooms: Kind::of(rooms.0, rooms.1), things: Kind::of(things.0, things.1) })
    }

    /// Reads what [`Centre::to_json`] wrote.
    ///
    /// # Errors
    /// [`CentreError::Json`], or [`CentreError::Numbers`] when it does not hold one finite number a channel.
    pub fn from_json(text: &str) -> Result<Self, CentreError> {
        let centre: Self = serde_json::from_str(text)?;
        centre.rooms.check()?;
        centre.things.check()?;
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

    /// A sentence where the centre was measured on a set of this name: figures of search in those very pictures may be
    /// better than in others.
    pub fn measured_on(&self, set: &str) -> Option<String> {
        let kinds = [("rooms", &self.rooms), ("things", &self.things)];
        let (kind, found) =
            kinds.into_iter().find(|(_, k)| k.source.split(',').any(|name| name.trim() == set))?;
        Some(format!(
            "the descriptors' centre of {kind} was measured on the sets {}: in those same pictures the figures may be better than in others",
            found.source
        ))
    }

    /// How many pictures it was measured on.
    pub fn pictures(&self) -> usize {
        self.rooms.pictures + self.things.pictures
    }

    fn means(&self) -> impl Iterator<Item = (f32, f32)> {
        self.rooms.mean.iter().copied().zip(self.things.mean.iter().copied())
    }

    /// A unit vector as seen from the point between the means.
    pub(crate) fn seen(&self, vector: &[f32]) -> Vec<f32> {
        vector
            .iter()
            .zip(self.means())
            .map(|(value, (room, thing))| value - f32::midpoint(room, thing))
            .collect()
    }

    /// How much a picture shows a thing rather than a room, 0 to 1, from where its vector stands between the means.
    pub(crate) fn thing(&self, vector: &[f32]) -> f32 {
        let (mut along, mut whole) = (0.0_f32, 0.0_f32);
        for (value, (room, thing)) in vector.iter().zip(self.means()) {
            along += (value - thing) * (room - thing);
            whole += (room - thing) * (room - thing);
        }
        // Equal means tell nothing apart: then colours count half.
        let way = if whole > f32::MIN_POSITIVE { along / whole } else { 0.5 };
        1.0 - ((way - GATE[0]) / (GATE[1] - GATE[0])).clamp(0.0, 1.0)
    }

    /// Eight hexadecimal digits that two centres share only when they are the same (FNV-1a, 32 bits): part of the
    /// descriptor's version, since descriptors about different centres cannot be compared.
    pub(crate) fn digest(&self) -> String {
        let bytes = self.rooms.mean.iter().chain(&self.things.mean).flat_map(|v| v.to_le_bytes());
        let hash = bytes.fold(0x811c_9dc5_u32, |h, byte| (h ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        format!("{hash:08x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(model: &str, numbers: [f32; 3]) -> Features {
        let mut cells = vec![0.0; CHANNELS];
        cells[..3].copy_from_slice(&numbers);
        Features::new(ModelRef::new(model, "1").unwrap(), cells, 1, 1).unwrap()
    }

    fn centre() -> Centre {
        let rooms = [features("m", [3.0, 4.0, 0.0]), features("m", [4.0, 3.0, 0.0])];
        Centre::of(("two rooms", &rooms), ("a thing", &[features("m", [0.0, 0.0, 2.0])])).unwrap()
    }

    #[test]
    fn pictures_are_seen_from_between_rooms_and_things() {
        let seen = centre().seen(&features("m", [0.0, 0.0, 1.0]).root_mean_square());
        for (value, expected) in seen.iter().zip([-0.35, -0.35, 0.5, 0.0]) {
            assert!((value - expected).abs() < 1e-5, "{value} instead of {expected}");
        }
        assert_eq!(centre().pictures(), 3);
    }

    #[test]
    fn a_room_is_told_from_a_thing() {
        let of = |numbers| centre().thing(&features("m", numbers).root_mean_square());
        assert!(of([3.0, 3.0, 0.0]) < 1e-6);
        assert!(of([0.1, 0.0, 2.0]) > 0.999);
        let between = of([3.0, 3.0, 4.2]);
        assert!((0.1..0.9).contains(&between), "{between}");
    }

    #[test]
    fn equal_means_give_every_picture_the_same_share() {
        let same = [features("m", [1.0, 0.0, 0.0])];
        let centre = Centre::of(("", &same), ("", &same)).unwrap();
        assert!((centre.thing(&same[0].root_mean_square()) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn pictures_of_two_models_or_none_have_no_centre() {
        let (one, other) = ([features("m", [1.0; 3])], [features("n", [1.0; 3])]);
        assert!(matches!(Centre::of(("", &one), ("", &other)), Err(CentreError::OtherModel { .. })));
        assert!(matches!(Centre::of(("", &one), ("", &[])), Err(CentreError::NoPictures)));
    }

    #[test]
    fn a_centre_reads_back_and_a_damaged_one_is_refused() {
        let text = centre().to_json().unwrap();
        assert_eq!(Centre::from_json(&text).unwrap(), centre());
        let short = text.replacen("\"mean\":[", "\"mean\":[0.5,", 1);
        assert!(matches!(Centre::from_json(&short), Err(CentreError::Numbers { found: 1281, .. })));
        assert!(matches!(Centre::from_json("{}"), Err(CentreError::Json(_))));
    }

    #[test]
    fn another_centre_gives_descriptors_another_version() {
        let one = [features("m", [1.0, 0.0, 0.0])];
        let other = Centre::of(("", &one), ("", &one)).unwrap();
        assert_eq!(centre().digest(), centre().digest());
        assert_ne!(centre().digest(), other.digest());
    }

    #[test]
    fn the_shipped_centre_is_whole() {
        let centre = Centre::shipped().unwrap();
        assert_eq!(centre.model().name(), "efficientnet-lite0");
        assert!(centre.pictures() > 100);
    }

    #[test]
    fn a_set_that_the_centre_was_measured_on_is_named() {
        let centre = Centre::shipped().unwrap();
        for set in ["rooms6", "beds", "items_grocery"] {
            assert!(centre.measured_on(set).unwrap().contains(set));
        }
        assert_eq!(centre.measured_on("rooms"), None);
    }
}
