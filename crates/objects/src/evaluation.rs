//! How well objects are found: average precision at an overlap of one half, and how often boxes are right by score.

use std::collections::BTreeMap;

use innkeeper_core::Rect;
use serde::Serialize;

use crate::{Group, LABELS, Object};

/// Intersection over union from which a box is taken to be of an object.
const OVERLAP: f32 = 0.5;

/// An object that is in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// What it is, one of [`LABELS`]; others are left out of account.
    pub label: String,
    /// Where, in pixels.
    pub area: Rect,
}

/// A box that was found, and whether it is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What it was said to be.
    pub label: &'static str,
    /// The network's score.
    pub score: f32,
    /// The confidence that goes with it.
    pub confidence: f32,
    /// Whether an object of that kind, not yet found by a better box, is there.
    pub right: bool,
}

/// Figures of one kind or group.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KindFigures {
    /// Average precision at an overlap of one half, the area under the interpolated curve (Everingham et al., 2010,
    /// with every point); of a group, the mean of its kinds.
    pub ap50: f64,
    /// Objects that are there.
    pub objects: usize,
    /// Boxes that a decision may rest on ([`Object::decides`]).
    pub deciding: usize,
    /// Share of those that are right; `None` where there are none.
    pub precision: Option<f64>,
    /// Share of the objects that they find.
    pub recall: f64,
}

/// What is known after looking at labelled pictures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObjectFigures {
    /// Mean average precision over the kinds that occur; `None` where none does.
    pub map50: Option<f64>,
    /// By kind that occurs.
    pub kinds: BTreeMap<String, KindFigures>,
    /// By group that occurs.
    pub groups: BTreeMap<Group, KindFigures>,
    /// Pictures.
    pub n: usize,
}

/// Pictures that were looked at, with what is in them.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    judged: Vec<Judged>,
    truths: BTreeMap<&'static str, usize>,
    pictures: usize,
}

impl Evaluation {
    /// Adds a picture: what was found, with scores from 0.01 or so up for a full curve, and what is there.
    pub fn add(&mut self, found: &[Object], truths: &[Truth]) {
        self.pictures += 1;
        let known = |truth: &Truth| LABELS.iter().find(|label| **label == truth.label).copied();
        for label in truths.iter().filter_map(known) {
            *self.truths.entry(label).or_default() += 1;
        }
        let mut best_first: Vec<&Object> = found.iter().collect();
        best_first.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut taken = vec![false; truths.len()];
        for object in best_first {
            let same = truths.iter().enumerate().filter(|(i, t)| t.label == object.label && !taken[*i]);
            let best = same.map(|(i, t)| (i, object.area.iou(&t.area))).max_by(|a, b| a.1.total_cmp(&b.1));
            let right = best.is_some_and(|(_, overlap)| overlap >= OVERLAP);
            if let (true, Some((i, _))) = (right, best) {
                taken[i] = true;
            }
            let Object { label, score, confidence, .. } = *object;
            self.judged.push(Judged { label, score, confidence, right });
        }
    }

    /// Every box so far.
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// The figures so far.
    pub fn figures(&self) -> ObjectFigures {
        let mut kinds = BTreeMap::new();
        for (label, objects) in &self.truths {
            let boxes: Vec<&Judged> = self.judged.iter().filter(|judged| judged.label == *label).collect();
            kinds.insert((*label).to_owned(), of(&boxes, *objects, average_precision(&boxes, *objects)));
        }
        let mean =
            |of: &[&KindFigures]| of.iter().map(|kind| kind.ap50).sum::<f64>() / of.len().max(1) as f64;
        let mut groups = BTreeMap::new();
        for group in Group::ALL {
            let members: Vec<&KindFigures> =
                kinds.iter().filter(|(label, _)| Group::of(label) == group).map(|(_, kind)| kind).collect();
            let objects = members.iter().map(|kind| kind.objects).sum();
            let boxes: Vec<&Judged> = self.judged.iter().filter(|j| Group::of(j.label) == group).collect();
            if objects > 0 {
                groups.insert(group, of(&boxes, objects, mean(&members)));
            }
        }
        let all: Vec<&KindFigures> = kinds.values().collect();
        let map50 = (!all.is_empty()).then(|| mean(&all));
        ObjectFigures { map50, groups, n: self.pictures, kinds }
    }
}

fn of(boxes: &[&Judged], objects: usize, ap50: f64) -> KindFigures {
    let deciding = boxes.iter().filter(|b| Group::of(b.label).decides(b.score));
    let (count, right) = deciding.fold((0, 0), |(all, right), b| (all + 1, right + usize::from(b.right)));
    KindFigures {
        ap50,
        objects,
        deciding: count,
        precision: (count > 0).then(|| right as f64 / count as f64),
        recall: right as f64 / objects.max(1) as f64,
    }
}

fn average_precision(boxes: &[&Judged], objects: usize) -> f64 {
    let mut sorted = boxes.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut right, mut curve) = (0usize, Vec::with_capacity(sorted.len()));
    for (i, judged) in sorted.iter().enumerate() {
        right += usize::from(judged.right);
        curve.push((right as f64 / objects.max(1) as f64, right as f64 / (i + 1) as f64));
    }
    // From the back, so that precision is that of the best threshold of at least this recall.
    let (mut best, mut area) = (0.0f64, 0.0);
    for i in (0..curve.len()).rev() {
        best = best.max(curve[i].1);
        let before = if i == 0 { 0.0 } else { curve[i - 1].0 };
        area += (curve[i].0 - before) * best;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Rect {
        Rect { x, y: 0.0, w: 10.0, h: 10.0 }
    }

    fn found(label: &'static str, x: f32, score: f32) -> Object {
        Object { label, confidence: score, score, area: at(x) }
    }

    fn truth(label: &str, x: f32) -> Truth {
        Truth { label: label.to_owned(), area: at(x) }
    }

    #[test]
    fn one_object_found_twice_counts_once() {
        let mut evaluation = Evaluation::default();
        evaluation
            .add(&[found("bed", 0.0, 0.9), found("bed", 1.0, 0.8)], &[truth("bed", 0.0), truth("bed", 50.0)]);
        let right: Vec<bool> = evaluation.judged().iter().map(|judged| judged.right).collect();
        assert_eq!(right, [true, false]);
        let figures = evaluation.figures();
        assert!((figures.kinds["bed"].ap50 - 0.5).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn average_precision_is_that_of_the_textbook_curve() {
        let mut evaluation = Evaluation::default();
        // Right, wrong, right of two: 0.5 x 1 + 0.5 x 2/3.
        evaluation.add(
            &[found("cup", 0.0, 0.9), found("cup", 200.0, 0.8), found("cup", 50.0, 0.7)],
            &[truth("cup", 0.0), truth("cup", 50.0)],
        );
        assert!((evaluation.figures().kinds["cup"].ap50 - (0.5 + 1.0 / 3.0)).abs() < 1e-9);
    }

    #[test]
    fn a_kind_that_is_nowhere_has_no_figure() {
        let mut evaluation = Evaluation::default();
        evaluation.add(&[found("cat", 0.0, 0.9)], &[truth("no such kind", 0.0)]);
        let figures = evaluation.figures();
        assert_eq!((figures.map50, figures.kinds.len(), figures.n), (None, 0, 1));
    }
}
