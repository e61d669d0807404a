//! The figures of `innkeeper evaluate room`.
//!
//! Photographs come in with the words of a data set: what set they are of, how they are labelled, and which group
//! (room, source) must not stand on both sides of a split. [`Evaluation::add`] looks at each once;
//! [`Evaluation::finish`] asks the shipped head, or, with cross-validation, heads that have not seen the
//! photograph's group. Photographs of the set `pairs` show one view twice, `tidy` and `cluttered`, under one file
//! stem: the comparison with reference photographs is measured on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use innkeeper_core::{Picture, Rect, Resampling};
use innkeeper_heads::{
    Decision, Example, Figures, FitSettings, HeldOut, area_under_curve, cross_validate, judge,
};
use innkeeper_runtime::Ticket;
use serde::Serialize;

use crate::{Reference, RoomError, RoomReader, compare};

/// The set whose photographs show one view twice.
const PAIRS: &str = "pairs";
/// The sets that were collected to tell a tag from its opposite. A tag's figures are of these alone: that a picture of
/// milk shows no unmade bed is known and worth learning from, and so easy to tell that every figure would look better.
/// Sets that are in no row, such as a hotel's own, count for every tag.
const OWN_SETS: [(&str, &[&str]); 3] =
    [("messy", &["messy"]), ("bed_unmade", &["beds"]), (SPILL, &["spill", "floors_dry"])];
/// Sets that say something by the way about the tags of others.
const OTHER_SETS: [&str; 3] = ["rooms6", "items_grocery", PAIRS];
/// The sets whose photographs are of whole rooms, on which false alarms of a spill are counted.
const ROOMS: [&str; 3] = ["messy", "beds", "rooms6"];
const SPILL: &str = "spill";
/// Share of its sides by which a photograph is shifted, and light and white balance are changed, to see whether the
/// comparison stays quiet.
const SHIFT: f32 = 0.05;

/// What a data set says of a photograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The set, such as `messy`, `beds` or `pairs`.
    pub set: String,
    /// The label, such as `clean`, `unmade` or `tidy`.
    pub label: String,
    /// What is known of the head's labels, such as `messy: true`.
    pub known: BTreeMap<String, bool>,
    /// What must not stand on both sides of a split.
    pub group: String,
    /// The file's name without its ending; the two photographs of a pair share it.
    pub stem: String,
    /// What tells this picture from every other: its sha256.
    pub picture: String,
}

impl Described {
    /// Whether [`Evaluation::add`] would look at it.
    pub fn is_used(&self) -> bool {
        self.set == PAIRS || !self.known.is_empty()
    }
}

/// What `innkeeper evaluate room` prints. What cannot be computed is `None`, with a line in `reasons`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RoomFigures {
    /// Area under the curve of clean against messy.
    pub auc_messy: Option<f64>,
    /// Share of clean and messy photographs on the right side of probability 1/2, where the status turns.
    pub accuracy_messy: Option<f64>,
    /// Harmonic mean of precision and recall of messy at probability 1/2.
    pub f1_messy: Option<f64>,
    /// Area under the curve of made against unmade beds, of the photographs of beds alone.
    pub auc_bed: Option<f64>,
    /// Share of unmade beds found while 5 of 100 made ones are called unmade.
    pub recall_bed_at_5pct: Option<f64>,
    /// Area under the curve of spills against dry floors.
    pub auc_spill: Option<f64>,
    /// Share of the photographs of whole rooms, none of which was taken for a spill, where the head is sure of one.
    pub spill_false_alarms_in_rooms: Option<f64>,
    /// Area under the curve of the comparison's score: the cluttered view beside its tidy reference, against the tidy
    /// and the cluttered view beside itself; all of them also shifted by 5 %, darker, and in another white balance.
    /// A view that is not recognised scores 0, which is right where nothing changed and wrong where something did.
    pub auc_pairs: Option<f64>,
    /// The same among the views that were recognised.
    pub auc_pairs_recognised: Option<f64>,
    /// Changed views that were not recognised as a view of the reference.
    pub pairs_lost_changed: usize,
    /// Unchanged views that were not recognised as a view of the reference.
    pub pairs_lost_unchanged: usize,
    /// Share of the cluttered views in which the comparison says that something changed.
    pub pairs_found: Option<f64>,
    /// Share of the unchanged views in which it says so too.
    pub pairs_false_alarms: Option<f64>,
    /// Pictures looked at; one that stands in two sets counts once.
    pub n: usize,
    /// Comparisons made.
    pub n_pairs: usize,
    /// Every label with labelled photographs.
    pub tags: BTreeMap<String, Figures>,
    /// Whether heads were refitted without the photograph's group.
    pub cross_validated: bool,
    /// Why a figure is missing.
    pub reasons: Vec<String>,
}

/// One side of a pair.
type Side = BTreeMap<String, Arc<Picture>>;

/// An evaluation under way.
pub struct Evaluation<'r> {
    reader: &'r RoomReader,
    examples: Vec<Example>,
    /// The sets that each example stands in.
    sets: Vec<BTreeSet<String>>,
    /// Labels of which two sets say different things, by example.
    disputed: BTreeSet<(usize, String)>,
    tidy: Side,
    cluttered: Side,
}

impl<'r> Evaluation<'r> {
    /// Begins an evaluation of `reader`.
    pub fn new(reader: &'r RoomReader) -> Self {
        Self {
            reader,
            examples: Vec::new(),
            sets: Vec::new(),
            disputed: BTreeSet::new(),
            tidy: Side::new(),
            cluttered: Side::new(),
        }
    }

    /// Looks at a photograph. Those of sets that say nothing are left out of account; of a picture that stands in two
    /// sets, what both say is joined, and where they contradict each other nothing is known.
    ///
    /// # Errors
    /// When a model run fails.
    pub fn add(&mut self, described: &Described, photo: Picture) -> Result<(), RoomError> {
        if !described.is_used() {
            return Ok(());
        }
        if described.set == PAIRS {
            let side = match described.label.as_str() {
                "tidy" => &mut self.tidy,
                "cluttered" => &mut self.cluttered,
                _ => return Ok(()),
            };
            side.insert(described.stem.clone(), Arc::new(photo));
            return Ok(());
        }
        let same = |example: &Example| !described.picture.is_empty() && example.picture == described.picture;
        if let Some(at) = self.examples.iter().position(same) {
            self.join(at, described);
            return Ok(());
        }
        let features = self.reader.embedder().features(&photo, &Ticket::unlimited())?;
        self.sets.push(BTreeSet::from([described.set.clone()]));
        self.examples.push(Example {
            embedding: features.pooled().to_vec(),
            labels: described.known.clone(),
            group: described.group.clone(),
            source: described.set.clone(),
            picture: described.picture.clone(),
        });
        Ok(())
    }

    /// What another set knows of a picture that was looked at.
    fn join(&mut self, at: usize, described: &Described) {
        let (Some(example), Some(sets)) = (self.examples.get_mut(at), self.sets.get_mut(at)) else { return };
        sets.insert(described.set.clone());
        for (label, holds) in &described.known {
            let fresh = !self.disputed.contains(&(at, label.clone()));
            match example.labels.get(label) {
                None if fresh => {
                    example.labels.insert(label.clone(), *holds);
                }
                Some(said) if said != holds => {
                    example.labels.remove(label);
                    self.disputed.insert((at, label.clone()));
                }
                _ => {}
            }
        }
    }

    /// Computes the figures: by the reader's head, or, with `refit`, by heads refitted without the photograph's group.
    ///
    /// # Errors
    /// When a comparison or the refitting fails.
    pub fn finish(self, refit: Option<&FitSettings>) -> Result<RoomFigures, RoomError> {
        let mut figures = RoomFigures {
            n: self.examples.len() + self.tidy.len() + self.cluttered.len(),
            cross_validated: refit.is_some(),
            ..RoomFigures::default()
        };
        let mut held = if let Some(settings) = refit {
            let result = cross_validate(&self.examples, settings)?;
            figures.reasons.extend(result.left_out.iter().map(|(label, why)| format!("{label}: {why}")));
            result.held_out
        } else {
            self.by_head(&mut figures.reasons)?
        };
        if let Some(spill) = held.get(SPILL) {
            figures.spill_false_alarms_in_rooms = false_alarms_in_rooms(spill, &self.sets);
        }
        for (label, held) in &mut held {
            held.retain(|one| self.sets.get(one.example).is_some_and(|sets| counts_for(label, sets)));
        }
        figures.tags =
            held.into_iter().filter_map(|(label, held)| Some((label, Figures::of(&held)?))).collect();
        if let Some(messy) = figures.tags.get("messy") {
            figures.auc_messy = messy.auc;
            figures.accuracy_messy = Some(messy.accuracy);
            figures.f1_messy = messy.f1;
        }
        if let Some(bed) = figures.tags.get("bed_unmade") {
            figures.auc_bed = bed.auc;
            figures.recall_bed_at_5pct = bed.recall_at_5pct;
        }
        figures.auc_spill = figures.tags.get(SPILL).and_then(|spill| spill.auc);
        self.compare_pairs(&mut figures)?;
        for (name, missing) in [
            ("auc_messy", figures.auc_messy.is_none()),
            ("auc_bed", figures.auc_bed.is_none()),
            ("auc_spill", figures.auc_spill.is_none()),
            ("auc_pairs", figures.auc_pairs.is_none()),
        ] {
            if missing {
                figures.reasons.push(format!("{name}: no labelled photographs of both kinds"));
            }
        }
        Ok(figures)
    }

    /// What the reader's head says of photographs whose label is known.
    fn by_head(&self, reasons: &mut Vec<String>) -> Result<BTreeMap<String, Vec<HeldOut>>, RoomError> {
        let Some(head) = self.reader.head() else {
            reasons.push("no head for room tags is installed".to_owned());
            return Ok(BTreeMap::new());
        };
        Ok(judge(head, &self.examples)?)
    }

    fn compare_pairs(&self, figures: &mut RoomFigures) -> Result<(), RoomError> {
        let (mut scored, mut recognised) = (Vec::new(), Vec::new());
        let (mut right, mut alarms) = (0usize, 0usize);
        for (stem, tidy) in &self.tidy {
            let Some(cluttered) = self.cluttered.get(stem) else {
                figures.reasons.push(format!("pairs: {stem} has a tidy view only"));
                continue;
            };
            for (reference, photo, changed) in
                [(tidy, cluttered, true), (tidy, tidy, false), (cluttered, cluttered, false)]
            {
                let reference = self.reference(stem, reference)?;
                for view in views(photo)? {
                    let features = self.reader.embedder().features(&view, &Ticket::unlimited())?;
                    let settings = &self.reader.settings().compare;
                    let embedder = Some(self.reader.embedder().as_ref());
                    let references = std::slice::from_ref(&reference);
                    let found =
                        compare(&view, &features, references, embedder, settings, &Ticket::unlimited())?;
                    // A view that is not recognised shows no change.
                    let said = found.as_ref().is_some_and(|comparison| comparison.changed);
                    let score = found.map_or(0.0, |comparison| {
                        recognised.push((f64::from(comparison.score), changed));
                        f64::from(comparison.score)
                    });
                    right += usize::from(said && changed);
                    alarms += usize::from(said && !changed);
                    scored.push((score, changed));
                }
            }
        }
        let positives = scored.iter().filter(|(_, changed)| *changed).count();
        let share = |count: usize, of: usize| (of > 0).then(|| count as f64 / of as f64);
        figures.n_pairs = scored.len();
        figures.auc_pairs = area_under_curve(&scored);
        figures.auc_pairs_recognised = area_under_curve(&recognised);
        let recognised_positives = recognised.iter().filter(|(_, changed)| *changed).count();
        figures.pairs_lost_changed = positives - recognised_positives;
        let lost = scored.len() - recognised.len();
        figures.pairs_lost_unchanged = lost - figures.pairs_lost_changed;
        figures.pairs_found = share(right, positives);
        figures.pairs_false_alarms = share(alarms, scored.len() - positives);
        if lost > 0 {
            figures.reasons.push(format!(
                "pairs: in {lost} of {} comparisons the view was not recognised, which counts as no change; {} of them had changed",
                scored.len(),
                figures.pairs_lost_changed
            ));
        }
        Ok(())
    }

    fn reference(&self, stem: &str, picture: &Arc<Picture>) -> Result<Reference, RoomError> {
        let features = Arc::new(self.reader.embedder().features(picture, &Ticket::unlimited())?);
        Ok(Reference { id: stem.to_owned(), picture: picture.clone(), features })
    }
}

/// Whether what is known of a picture in these sets counts for the figures of a tag.
fn counts_for(label: &str, sets: &BTreeSet<String>) -> bool {
    let Some((_, own)) = OWN_SETS.iter().find(|(tag, _)| *tag == label) else { return true };
    let known =
        |set: &str| OTHER_SETS.contains(&set) || OWN_SETS.iter().any(|(_, of_tag)| of_tag.contains(&set));
    sets.iter().any(|set| own.contains(&set.as_str()) || !known(set))
}

/// Share of the photographs of whole rooms without a spill where one is called present; `None` without any.
fn false_alarms_in_rooms(spill: &[HeldOut], sets: &[BTreeSet<String>]) -> Option<f64> {
    let is_room = |one: &&HeldOut| {
        sets.get(one.example).is_some_and(|sets| sets.iter().any(|set| ROOMS.contains(&set.as_str())))
    };
    let rooms: Vec<&HeldOut> = spill.iter().filter(is_room).filter(|one| !one.truth).collect();
    let alarms = rooms.iter().filter(|one| one.decision == Decision::Present).count();
    (!rooms.is_empty()).then(|| alarms as f64 / rooms.len() as f64)
}

/// The photograph as another visit would take it: shifted to two corners, darker, in warmer light. The photograph
/// itself is not among them: a pair of equal files says nothing.
fn views(photo: &Picture) -> Result<Vec<Picture>, RoomError> {
    let (width, height) = (photo.width() as f32, photo.height() as f32);
    let (dx, dy) = (width * SHIFT, height * SHIFT);
    let shifted = |x: f32, y: f32| -> Result<Picture, RoomError> {
        let area = Rect { x, y, w: width - dx, h: height - dy };
        Ok(photo.resized_part(&area, photo.width(), photo.height(), Resampling::Triangle)?)
    };
    let tinted = |factors: [f32; 3]| -> Result<Picture, RoomError> {
        let rgb = photo.rgb().iter().zip(factors.iter().cycle()).map(|(v, f)| (f32::from(*v) * f) as u8);
        Ok(Picture::from_rgb(photo.width(), photo.height(), rgb.collect())?)
    };
    Ok(vec![shifted(0.0, 0.0)?, shifted(dx, dy)?, tinted([0.75, 0.75, 0.75])?, tinted([1.0, 0.92, 0.8])?])
}

#[cfg(test)]
mod tests;
