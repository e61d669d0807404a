//! A head as a file.
//!
//! JSON whose weights are base64 of little-endian 32-bit floats. A head is a file that anyone may hand to the service, so
//! that reading checks everything: sizes before they are allocated, numbers for being finite, names, order, ranges.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use innkeeper_core::ModelRef;
use serde::{Deserialize, Serialize};

use crate::example::check_label;
use crate::logistic::Unit;
use crate::{Band, Figures, Head, HeadError, LabelHead, Platt};

/// Raised when the meaning of a field changes.
const FORMAT: u32 = 1;
/// Longest text that is read, in bytes.
const LONGEST: usize = 32 << 20;
/// Longest embedding.
const MOST_DIMENSIONS: usize = 16_384;
/// Most labels of one head.
const MOST_LABELS: usize = 256;
/// No weight, bias or coefficient of a calibration is larger: a logit stays far from overflow.
const LARGEST: f64 = 1e6;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    embedder: ModelRef,
    dimension: usize,
    labels: Vec<Label>,
    trained_on: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    #[serde(rename = "label")]
    name: String,
    weights: String,
    bias: f64,
    calibration: Platt,
    band: Band,
    strength: f64,
    examples: usize,
    positives: usize,
    groups: usize,
    figures: Option<Figures>,
}

impl Head {
    /// Reads a head.
    ///
    /// # Errors
    /// [`HeadError::Json`] for text that is no such JSON, [`HeadError::Invalid`] for one that cannot be right: wrong lengths,
    /// numbers that are not finite or absurdly large, labels twice, thresholds on the wrong side.
    pub fn from_json(text: &str) -> Result<Self, HeadError> {
        let invalid = |reason: String| Err(HeadError::Invalid(reason));
        if text.len() > LONGEST {
            return invalid(format!("{} bytes; at most {LONGEST} are read", text.len()));
        }
        let file: File = serde_json::from_str(text)?;
        if file.format != FORMAT {
            return invalid(format!("format {}, this build reads {FORMAT}", file.format));
        }
        if !(1..=MOST_DIMENSIONS).contains(&file.dimension) {
            return invalid(format!("dimension {}, 1 to {MOST_DIMENSIONS} are read", file.dimension));
        }
        if !(1..=MOST_LABELS).contains(&file.labels.len()) {
            return invalid(format!("{} labels, 1 to {MOST_LABELS} are read", file.labels.len()));
        }
        if !file.labels.is_sorted_by(|a, b| a.name < b.name) {
            return invalid("its labels are not sorted, or one stands twice".to_owned());
        }
        let digest =
            |g: &String| g.len() == 16 && g.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !file.trained_on.iter().all(digest) || !file.trained_on.is_sorted_by(|a, b| a < b) {
            return invalid("trained_on are not sorted digests of 16 hexadecimal digits".to_owned());
        }
        let labels = file.labels.into_iter().map(|l| read(l, file.dimension)).collect::<Result<_, _>>()?;
        Ok(Self { embedder: file.embedder, dimension: file.dimension, labels, trained_on: file.trained_on })
    }

    /// Writes the head; [`Head::from_json`] reads back the same weights, bit for bit.
    ///
    /// # Errors
    /// [`HeadError::Json`] when it holds a number JSON has no form for.
    pub fn to_json(&self) -> Result<String, HeadError> {
        let labels = self.labels.iter().map(|l| Label {
            name: l.label.clone(),
            weights: STANDARD
                .encode(l.unit.weights.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>()),
            bias: l.unit.bias,
            calibration: l.platt,
            band: l.band,
            strength: l.strength,
            examples: l.examples,
            positives: l.positives,
            groups: l.groups,
            figures: l.figures,
        });
        let file = File {
            format: FORMAT,
            embedder: self.embedder.clone(),
            dimension: self.dimension,
            labels: labels.collect(),
            trained_on: self.trained_on.clone(),
        };
        Ok(serde_json::to_string_pretty(&file)? + "\n")
    }
}

fn read(file: Label, dimension: usize) -> Result<LabelHead, HeadError> {
    check_label(&file.name)?;
    let label = file.name;
    let invalid = |reason: &str| HeadError::Invalid(format!("{label}: {reason}"));
    let bytes = STANDARD.decode(&file.weights).map_err(|_| invalid("its weights are not base64"))?;
    if bytes.len() != 4 * dimension {
        return Err(invalid("its weights are not as many as the dimension"));
    }
    let weights: Vec<f32> =
        bytes.chunks_exact(4).filter_map(|b| b.try_into().ok().map(f32::from_le_bytes)).collect();
    let sane = |v: f64| v.is_finite() && v.abs() <= LARGEST;
    if !weights.iter().all(|w| sane(f64::from(*w))) || !sane(file.bias) {
        return Err(invalid("a weight is not finite or absurdly large"));
    }
    if !sane(file.calibration.slope) || !sane(file.calibration.intercept) || file.calibration.slope < 0.0 {
        return Err(invalid("its calibration is not finite, absurdly large or falls with the logit"));
    }
    if !sane(file.strength) || file.strength < 0.0 {
        return Err(invalid("its strength is no ridge"));
    }
    let within = |v: Option<f32>, low: f32, high: f32| v.is_none_or(|v| (low..=high).contains(&v));
    if !within(file.band.present_from, 0.5, 1.0) || !within(file.band.absent_to, 0.0, 0.5) {
        return Err(invalid("a threshold of its band is on the wrong side of one half"));
    }
    if file.positives > file.examples || file.groups > file.examples {
        return Err(invalid("more positives or groups than examples"));
    }
    Ok(LabelHead {
        unit: Unit { weights, bias: file.bias },
        platt: file.calibration,
        band: file.band,
        strength: file.strength,
        examples: file.examples,
        positives: file.positives,
        groups: file.groups,
        figures: file.figures,
        label,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::head_of;

    fn changed(change: impl Fn(&mut Value)) -> Result<Head, HeadError> {
        let mut value: Value =
            serde_json::from_str(&head_of("messy", vec![0.5, -2.0], 0.25).to_json().unwrap()).unwrap();
        change(&mut value);
        Head::from_json(&value.to_string())
    }

    fn base64(numbers: &[f32]) -> Value {
        json!(STANDARD.encode(numbers.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>()))
    }

    #[test]
    fn a_head_that_cannot_be_right_is_refused() {
        assert!(changed(|_| ()).is_ok(), "the unchanged head is read");
        let label = |key: &'static str, value: Value| changed(move |v| v["labels"][0][key] = value.clone());
        for (what, read) in [
            ("another format", changed(|v| v["format"] = json!(2))),
            ("no dimension", changed(|v| v["dimension"] = json!(0))),
            ("a huge dimension", changed(|v| v["dimension"] = json!(u64::MAX))),
            ("no labels", changed(|v| v["labels"] = json!([]))),
            ("a label twice", changed(|v| v["labels"] = json!([v["labels"][0], v["labels"][0]]))),
            ("an embedder that is none", changed(|v| v["embedder"] = json!("../x"))),
            ("pictures by name", changed(|v| v["trained_on"] = json!(["room 201.jpg"]))),
            ("a name that is a path", label("label", json!("../messy"))),
            ("too few weights", label("weights", base64(&[1.0]))),
            ("too many weights", label("weights", base64(&[1.0, 2.0, 3.0]))),
            ("not base64", label("weights", json!("*"))),
            ("NaN", label("weights", base64(&[f32::NAN, 1.0]))),
            ("infinity", label("weights", base64(&[f32::INFINITY, 1.0]))),
            ("a huge weight", label("weights", base64(&[1e30, 1.0]))),
            ("a huge bias", label("bias", json!(1e300))),
            ("a falling calibration", label("calibration", json!({"slope": -1.0, "intercept": 0.0}))),
            ("a band upside down", label("band", json!({"present_from": 0.1, "absent_to": 0.9}))),
            ("more positives than examples", label("positives", json!(1_000))),
            ("a field nobody knows", label("extra", json!(1))),
        ] {
            assert!(read.is_err(), "{what} was read");
        }
    }

    #[test]
    fn null_stands_for_no_number() {
        assert!(matches!(changed(|v| v["labels"][0]["bias"] = Value::Null), Err(HeadError::Json(_))));
    }

    proptest! {
        #[test]
        fn a_head_survives_being_written_and_read(weights in prop::collection::vec(-1e5f32..1e5, 1..40), bias in -1e3f64..1e3) {
            let head = head_of("bed_unmade", weights, bias);
            let mut read = Head::from_json(&head.to_json().unwrap()).unwrap();
            prop_assert!((read.labels[0].unit.bias - bias).abs() < 1e-9);
            read.labels[0].unit.bias = bias;
            prop_assert_eq!(&read, &head);
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,200}", cut in 0usize..400) {
            let _ = Head::from_json(&text);
            let good = head_of("messy", vec![0.5, -2.0], 0.25).to_json().unwrap();
            let _ = Head::from_json(good.get(..cut.min(good.len())).unwrap_or(""));
        }
    }
}
