use innkeeper_core::ModelRef;
use serde::{Deserialize, Serialize};

use crate::example::check_embedding;
use crate::logistic::Unit;
use crate::split::digest;
use crate::{Band, Figures, HeadError, Platt};

/// What a head says of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// The head abstains: nothing it measured supports a decision at this probability.
    Unsure,
}

/// One label of one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagProbability {
    /// The label.
    pub label: String,
    /// Probability that it is there, 0 to 1, calibrated on held-out examples.
    pub probability: f32,
    /// What follows from it.
    pub decision: Decision,
}

/// One label of a head.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelHead {
    pub(crate) label: String,
    pub(crate) unit: Unit,
    pub(crate) platt: Platt,
    pub(crate) band: Band,
    /// Ridge that was chosen.
    pub(crate) strength: f64,
    pub(crate) examples: usize,
    pub(crate) positives: usize,
    pub(crate) groups: usize,
    pub(crate) figures: Option<Figures>,
}

/// A multi-label head: one logistic unit a label, on the embeddings of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub(crate) embedder: ModelRef,
    pub(crate) dimension: usize,
    /// Sorted by name.
    pub(crate) labels: Vec<LabelHead>,
    /// Digests of the pictures it was trained on, sorted.
    pub(crate) trained_on: Vec<String>,
}

impl LabelHead {
    /// Its name.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// From logit to probability.
    pub fn calibration(&self) -> Platt {
        self.platt
    }

    /// Where it decides.
    pub fn band(&self) -> Band {
        self.band
    }

    /// The ridge that was chosen for it.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    /// Judged pictures it was fitted on.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Pictures among them that have the label.
    pub fn positives(&self) -> usize {
        self.positives
    }

    /// Groups among them.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Figures by cross-validation, where it was made; see [`Head::set_figures`].
    pub fn figures(&self) -> Option<&Figures> {
        self.figures.as_ref()
    }

    /// Calibrated probability of an embedding of the right length.
    pub(crate) fn probability(&self, embedding: &[f32]) -> f32 {
        self.platt.probability(self.unit.logit(embedding)) as f32
    }

    pub(crate) fn decide(&self, probability: f32) -> Decision {
        if self.band.present_from.is_some_and(|from| probability >= from) {
            Decision::Present
        } else if self.band.absent_to.is_some_and(|to| probability <= to) {
            Decision::Absent
        } else {
            Decision::Unsure
        }
    }
}

impl Head {
    /// The model whose embeddings it reads.
    pub fn embedder(&self) -> &ModelRef {
        &self.embedder
    }

    /// Length of those embeddings.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Names of its labels, sorted.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(|l| l.label.as_str())
    }

    /// One of its labels.
    pub fn label(&self, name: &str) -> Option<&LabelHead> {
        self.labels.iter().find(|l| l.label == name)
    }

    /// Whether it was trained on this picture ([`crate::Example::picture`]).
    pub fn was_trained_on(&self, picture: &str) -> bool {
        self.trained_on.binary_search(&digest(&[picture])).is_ok()
    }

    /// Pictures it was trained on.
    pub fn trained_on(&self) -> usize {
        self.trained_on.len()
    }

    /// Takes over from `other`, a head of the same embedder, what this one lacks, and returns the names; from a head of
    /// another embedder it takes nothing. The pictures of `other` then count as known to this one.
    pub fn carry_over(&mut self, other: &Head) -> Vec<String> {
        if other.embedder != self.embedder || other.dimension != self.dimension {
            return Vec::new();
        }
        let lacking: Vec<LabelHead> =
            other.labels.iter().filter(|l| self.label(&l.label).is_none()).cloned().collect();
        let names = lacking.iter().map(|l| l.label.clone()).collect();
        if !lacking.is_empty() {
            self.labels.extend(lacking);
            self.labels.sort_by(|a, b| a.label.cmp(&b.label));
            self.trained_on.extend(other.trained_on.iter().cloned());
            self.trained_on.sort();
            self.trained_on.dedup();
        }
        names
    }

    /// Keeps the figures that a label reached by cross-validation beside it; unknown labels are ignored.
    pub fn set_figures(&mut self, label: &str, figures: Figures) {
        if let Some(found) = self.labels.iter_mut().find(|l| l.label == label) {
            found.figures = Some(figures);
        }
    }

    /// Every label's probability and decision for one embedding of Euclidean length 1.
    ///
    /// # Errors
    /// [`HeadError::Dimension`] for another length than [`Head::dimension`], [`HeadError::NotNormalised`].
    pub fn predict(&self, embedding: &[f32]) -> Result<Vec<TagProbability>, HeadError> {
        check_embedding(embedding, self.dimension)?;
        Ok(self
            .labels
            .iter()
            .map(|label| {
                let probability = label.probability(embedding);
                TagProbability {
                    label: label.label.clone(),
                    probability,
                    decision: label.decide(probability),
                }
            })
            .collect())
    }
}
