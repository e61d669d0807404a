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

/// What was measured of a group.
struct Measured {
    /// The logistic curve from the logit of a score to the share of right boxes.
    slope: f32,
    intercept: f32,
    /// Whether enough boxes were seen, and enough of the likely ones right, for a decision to rest on one.
    reliable: bool,
}
