use serde::{Deserialize, Serialize};

/// How the detector looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorSettings {
    /// Lowest score of a box, whatever its group, 0 to 1.
    pub min_score: f32,
    /// Two boxes of one kind whose intersection over union is above this are one object.
    pub overlap: f32,
    /// Most objects of a picture; the most confident are kept.
    pub max_objects: usize,
}

impl Default for DetectorSettings {
    fn default() -> Self {
        Self { min_score: 0.25, overlap: 0.45, max_objects: 100 }
    }
}

/// Kinds that the detector knows about equally well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// People.
    Person,
    /// What stands in a room and is large: beds, seats, tables, screens, the bathroom's and the kitchen's.
    Furniture,
    /// What a guest takes along: suitcases, backpacks, handbags.
    Luggage,
    /// What lies about: bottles, cups, books, cutlery, food, small devices.
    Small,
    /// What does not belong in a room: vehicles, animals, street furniture, sports gear.
    Elsewhere,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 5] = [Self::Person, Self::Furniture, Self::Luggage, Self::Small, Self::Elsewhere];

    /// The group of one of [`crate::LABELS`]; any other word is [`Group::Elsewhere`].
    pub fn of(label: &str) -> Self {
        match label {
            "person" => Self::Person,
            "bench" | "chair" | "couch" | "potted_plant" | "bed" | "dining_table" | "toilet" | "tv"
            | "microwave" | "oven" | "sink" | "refrigerator" => Self::Furniture,
            "backpack" | "handbag" | "suitcase" => Self::Luggage,
            "umbrella" | "tie" | "bottle" | "wine_glass" | "cup" | "fork" | "knife" | "spoon" | "bowl"
            | "banana" | "apple" | "sandwich" | "orange" | "broccoli" | "carrot" | "hot_dog" | "pizza"
            | "donut" | "cake" | "laptop" | "mouse" | "remote" | "keyboard" | "cell_phone" | "toaster"
            | "book" | "clock" | "vase" | "scissors" | "teddy_bear" | "hair_drier" | "toothbrush" => {
                Self::Small
            }
            _ => Self::Elsewhere,
        }
    }
}

/// What was measured of a group, at an overlap of one half, on 36 labelled everyday pictures of COCO (the set
/// `coco_val`), of boxes of a score of 0.2 and more; `cargo run --release -p innkeeper-objects --example measure`
/// prints these tables and fits the curves:
///
/// | group | boxes | right | mean average precision |
/// |---|---|---|---|
/// | person | 145 | 90 | 0.73 |
/// | furniture | 44 | 22 | 0.55 |
/// | luggage | 6 | 2 | 0.28 |
/// | small | 67 | 38 | 0.43 |
/// | elsewhere | 12 | 7 | 0.51 |
///
/// People: of 46 pictures with people and without and of 406 of rooms where nobody is (`messy`, `beds`, `pairs`, `floors_dry`
/// and `rooms6` but its entrance halls, each once), the 32 with a box of 0.35 and more all show people, and no other does.
/// Luggage: in the same rooms there are six boxes of a score above 0.4, and all six are wrong (an ottoman, a printer, a
/// chest of drawers, a box of groceries); they count in its curve.
struct Measured {
    /// The logistic curve from the logit of a score to the share of right boxes, with the targets of Platt (1999).
    slope: f32,
    /// Its value at a score of one half.
    intercept: f32,
    /// Score from which a decision may rest on a box; `None` where it never may.
    decides_from: Option<f32>,
    /// Score from which somebody should look.
    look_from: Option<f32>,
}

impl Group {
    fn measured(self) -> Measured {
        let (slope, intercept, decides_from, look_from) = match self {
            Self::Person => (1.5, 0.27, Some(0.5), Some(0.35)),
            Self::Furniture => (1.94, 0.69, Some(0.65), None),
            Self::Luggage => (0.73, -1.55, None, None),
            Self::Small => (0.78, 0.29, None, None),
            Self::Elsewhere => (0.4, 0.11, None, None),
        };
        Measured { slope, intercept, decides_from, look_from }
    }

    /// How likely a box of this group is right, 0 to 1, by the network's score: it rises with it. For people it is
    /// cautious about whether anybody is there at all, since in a crowd many a box holds two of them.
    pub fn confidence(self, score: f32) -> f32 {
        let score = score.clamp(1e-4, 1.0 - 1e-4);
        let Measured { slope, intercept, .. } = self.measured();
        1.0 / (1.0 + (-(slope * (score / (1.0 - score)).ln() + intercept)).exp())
    }

    /// Whether a decision may rest on a box of this group with this score of the network.
    pub fn decides(self, score: f32) -> bool {
        self.measured().decides_from.is_some_and(|least| score >= least)
    }

    /// Whether somebody should look because of a box of this group with this score.
    pub fn raises_doubt(self, score: f32) -> bool {
        self.measured().look_from.is_some_and(|least| score >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_score_is_a_greater_confidence_in_every_group_from_the_first_look_on() {
        for group in Group::ALL {
            let confidences: Vec<f32> =
                [0.2, 0.35, 0.5, 0.65, 0.8, 0.95].map(|s| group.confidence(s)).to_vec();
            assert!(confidences.windows(2).all(|pair| pair[0] + 0.01 < pair[1]), "{group:?} {confidences:?}");
        }
    }
}
