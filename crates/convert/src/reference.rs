//! Outputs of the original networks, to check converted ones against where they are installed.
//!
//! Stored are the outputs only; the input is made by a generator small enough to have in two languages
//! (here and in `references/make.py`, which ran the originals).

use crate::{ConvertError, Network};

/// What the original network answers to a fixed input.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    shape: Vec<usize>,
    centred: bool,
    tolerance: f32,
    outputs: Vec<Output>,
}

#[derive(Debug, Clone, PartialEq)]
struct Output {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The stored reference of a network.
pub fn reference(network: Network) -> Reference {
    Reference::parse(match network {
        Network::MtcnnPnet => include_str!("../references/mtcnn-pnet.txt"),
        Network::MtcnnRnet => include_str!("../references/mtcnn-rnet.txt"),
        Network::MtcnnOnet => include_str!("../references/mtcnn-onet.txt"),
        Network::DlibFaceResnet => include_str!("../references/dlib-face-resnet.txt"),
        Network::EdgefaceXs => include_str!("../references/edgeface-xs.txt"),
        Network::EfficientnetLite0 => include_str!("../references/efficientnet-lite0.txt"),
    })
}

impl Reference {
    /// Reads a stored file. A line that cannot be read is left out: what then lacks, `check` reports, and a
    /// test holds that the stored files are whole.
    fn parse(text: &str) -> Self {
        let mut found = Self { shape: Vec::new(), centred: false, tolerance: 0.0, outputs: Vec::new() };
        let sides =
            |words: std::str::SplitWhitespace<'_>| words.filter_map(|word| word.parse().ok()).collect();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("#") | None => {}
                Some("tolerance") => {
                    found.tolerance = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
                }
                Some("input") => {
                    found.centred = words.next() == Some("centred");
                    found.shape = sides(words);
                }
                Some("output") => {
                    let name = words.next().unwrap_or_default().to_owned();
                    found.outputs.push(Output { name, shape: sides(words), values: Vec::new() });
                }
                Some(_) => {
                    if let Some(output) = found.outputs.last_mut() {
                        output
                            .values
                            .extend(line.split_whitespace().filter_map(|word| word.parse::<f32>().ok()));
                    }
                }
            }
        }
        found
    }

    /// The input's shape (NCHW) and its numbers: whole numbers 0..255 from a hash of 1, 2, 3, …, for networks
    /// that expect centred pixels taken through `(x - 127.5) / 128`.
    pub fn input(&self) -> (Vec<usize>, Vec<f32>) {
        let count = self.shape.iter().product::<usize>();
        let pixels = (1..=count).map(|at| {
            let pixel = pixel(at as u32);
            if self.centred { (pixel - 127.5) / 128.0 } else { pixel }
        });
        (self.shape.clone(), pixels.collect())
    }

    /// Compares the outputs (name, shape, values) that a converted network gave for [`Reference::input`] and
    /// answers with the largest difference. Outputs the reference does not know are not looked at.
    ///
    /// # Errors
    /// When an output is missing, has another shape, or differs by more than the tolerance (NaN included).
    pub fn check(&self, outputs: &[(String, Vec<usize>, Vec<f32>)]) -> Result<f32, ConvertError> {
        let mut largest = 0.0_f32;
        for wanted in &self.outputs {
            let found = outputs
                .iter()
                .find(|(name, shape, values)| {
                    *name == wanted.name && *shape == wanted.shape && values.len() == wanted.values.len()
                })
                .ok_or_else(|| ConvertError::MissingOutput {
                    output: wanted.name.clone(),
                    shape: wanted.shape.clone(),
                })?;
            for (index, (&found, &expected)) in found.2.iter().zip(&wanted.values).enumerate() {
                let difference = (found - expected).abs();
                if difference.is_nan() || difference > self.tolerance {
                    let (output, tolerance) = (wanted.name.clone(), self.tolerance);
                    return Err(ConvertError::Differs { output, index, expected, found, tolerance });
                }
                largest = largest.max(difference);
            }
        }
        Ok(largest)
    }
}

/// The finaliser of `MurmurHash3` over a multiple of the golden ratio, its low byte.
fn pixel(at: u32) -> f32 {
    let mut h = at.wrapping_mul(2_654_435_761);
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^= h >> 16;
    (h % 256) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [f32; 8] = [235.0, 222.0, 236.0, 223.0, 187.0, 188.0, 76.0, 195.0];

    fn answers(reference: &Reference) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let triple = |output: &Output| (output.name.clone(), output.shape.clone(), output.values.clone());
        reference.outputs.iter().map(triple).collect()
    }

    #[test]
    fn every_stored_file_is_whole() {
        for network in Network::ALL {
            let reference = reference(network);
            assert_eq!(reference.shape.len(), 4, "{network}");
            assert!(reference.tolerance > 0.0 && reference.tolerance <= 1e-3, "{network}");
            assert!(!reference.outputs.is_empty(), "{network}");
            for output in &reference.outputs {
                assert_eq!(output.shape.iter().product::<usize>(), output.values.len(), "{network}");
                assert_eq!(output.shape[0], reference.shape[0], "{network}: batch of {}", output.name);
                assert!(output.values.iter().any(|v| v.abs() > 1e-3), "{network}: {} is empty", output.name);
            }
        }
    }

    #[test]
    fn the_generator_is_the_one_that_made_the_files() {
        // First pixels as numpy printed them.
        let (_, pixels) = reference(Network::EdgefaceXs).input();
        assert_eq!(pixels[..8], FIRST);
        let (_, centred) = reference(Network::MtcnnPnet).input();
        let expected = FIRST.map(|pixel| (pixel - 127.5) * 0.007_812_5);
        assert_eq!(centred[..8], expected);
    }

    #[test]
    fn a_network_that_answers_the_same_passes() {
        for network in Network::ALL {
            let reference = reference(network);
            let mut outputs = answers(&reference);
            outputs[0].2[0] += reference.tolerance / 2.0;
            let largest = reference.check(&outputs).expect("within tolerance");
            assert!(largest > 0.0 && largest <= reference.tolerance);
        }
    }

    #[test]
    fn a_network_that_answers_otherwise_is_refused() {
        let reference = reference(Network::MtcnnOnet);
        for wrong in [0.01, f32::NAN] {
            let mut outputs = answers(&reference);
            outputs[1].2[3] += wrong;
            assert!(matches!(reference.check(&outputs), Err(ConvertError::Differs { index: 3, .. })));
        }
        let mut outputs = answers(&reference);
        outputs.remove(2);
        assert!(matches!(reference.check(&outputs), Err(ConvertError::MissingOutput { .. })));
        let mut outputs = answers(&reference);
        outputs[0].1 = vec![4, 2];
        assert!(matches!(reference.check(&outputs), Err(ConvertError::MissingOutput { .. })));
    }
}
