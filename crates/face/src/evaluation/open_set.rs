//! What strangers are told: galleries of several sizes, thresholds fitted on other people than the strangers.

use serde::Serialize;

use super::protocol::{PHOTOS, People, Scores, mean};
use super::{Labelled, cosine};
use crate::matching::MatchLimits;
use crate::{Calibration, PAIR_RATE};

/// Parts into which the people are divided: each part is strangers once, to limits fitted on the others.
const FOLDS: usize = 5;
/// Galleries that are tried, in people; one with everybody but the stranger comes after them.
const SIZES: [usize; 3] = [10, 50, 200];
/// Cross-identity pairs beyond the threshold without which no tail is fitted.
const LEAST_EXCESSES: usize = 20;

/// The upper end of the scores of cross-identity pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tail {
    /// Cosine that [`PAIR_RATE`] of the pairs reach.
    pub threshold: f32,
    /// By how much the cosine rises for each tenth part of them.
    pub tail: f32,
}

impl Tail {
    /// Fits the tail to the highest scores, highest first, of `pairs` pairs: beyond a high threshold, what is
    /// left is taken as exponential, whose scale is the mean excess (the generalised Pareto distribution of
    /// Pickands 1975 with shape zero; a negative shape, which bounded scores have, would ask for less). `None`
    /// when too few pairs are beyond it.
    pub fn fit(highest: &[f32], pairs: usize) -> Option<Self> {
        let beyond = (pairs as f64 * PAIR_RATE).floor() as usize;
        if beyond < LEAST_EXCESSES {
            return None;
        }
        let threshold = highest.get(beyond)?.next_up();
        let excess: f32 = highest[..beyond].iter().map(|s| s - threshold).sum();
        Some(Self { threshold, tail: excess / beyond as f32 * std::f32::consts::LN_10 })
    }
}

/// What one pair of limits does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outcome {
    /// The threshold, where there are several galleries their mean.
    pub threshold: f32,
    /// Strangers who were given a name by any of their pictures; each came to one gallery.
    pub strangers_named: usize,
    /// Upper end of the one-sided 95 % interval for the share of such strangers (Clopper and Pearson 1934);
    /// about 3 / n when none of n was named.
    pub strangers_named_upper_95: f64,
    /// Share of lookups by strangers that were answered with a name.
    pub fpir: f64,
    /// Share of lookups by enrolled people that were answered with the right name.
    pub tpir: f64,
}

/// Galleries of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenSet {
    /// People enrolled in each.
    pub people: usize,
    /// Photos enrolled of a person, where there are as many.
    pub photos: usize,
    /// Strangers who were looked up.
    pub strangers: usize,
    /// Lookups by strangers: their pictures.
    pub stranger_lookups: usize,
    /// Lookups by enrolled people.
    pub lookups: usize,
    /// With the threshold of pairs, whatever the size.
    pub pair_threshold: Outcome,
    /// With the rule for galleries, fitted on people who are no strangers here.
    pub held_out: Option<Outcome>,
    /// With the rule for galleries as it is shipped.
    pub shipped: Option<Outcome>,
}

/// Upper end of the one-sided 95 % interval for a share of which `k` of `n` were seen.
fn upper_95(k: usize, n: usize) -> f64 {
    if k >= n {
        return 1.0;
    }
    // P(at most k of n) falls as the share grows; the interval ends where it is 5 %.
    let at_most = |p: f64| {
        let (mut term, mut sum) = ((1.0 - p).powf(n as f64), 0.0);
        for i in 0..=k {
            sum += term;
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
        }
        sum
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(middle) > 0.05 { low = middle } else { high = middle }
    }
    high
}

/// Counts of one set of limits.
#[derive(Default)]
struct Tally {
    thresholds: f32,
    galleries: usize,
    named: std::collections::BTreeSet<usize>,
    lookups_named: usize,
    right: usize,
}

impl Tally {
    fn outcome(&self, strangers: usize, stranger_lookups: usize, lookups: usize) -> Outcome {
        Outcome {
            threshold: self.thresholds / self.galleries.max(1) as f32,
            strangers_named: self.named.len(),
            strangers_named_upper_95: upper_95(self.named.len(), strangers),
            fpir: self.lookups_named as f64 / stranger_lookups.max(1) as f64,
            tpir: self.right as f64 / lookups.max(1) as f64,
        }
    }
}

struct Trial<'a> {
    people: &'a People,
    probes: &'a [usize],
    scores: &'a Scores,
    /// Templates enrolled of each person.
    templates: Vec<usize>,
}

impl Trial<'_> {
    /// The best person of a gallery for a picture, with score and lead.
    fn best(&self, picture: usize, gallery: &[usize], absent: Option<usize>) -> (usize, f32, f32) {
        let row = self.scores.row(picture);
        let (mut person, mut best, mut second) = (usize::MAX, f32::NEG_INFINITY, f32::NEG_INFINITY);
        for p in gallery.iter().filter(|p| Some(**p) != absent) {
            if row[*p] > best {
                (person, second, best) = (*p, best, row[*p]);
            } else {
                second = second.max(row[*p]);
            }
        }
        (person, best, best - second)
    }

    /// Looks strangers and enrolled people up and counts for each of the limits.
    fn count(
        &self,
        gallery: &[usize],
        strangers: &[usize],
        probes: &[usize],
        limits: &[Option<MatchLimits>; 3],
        tallies: &mut [Tally; 3],
    ) {
        let passes = |l: &MatchLimits, score: f32, lead: f32| score >= l.threshold && lead >= l.margin;
        for (tally, l) in tallies.iter_mut().zip(limits) {
            tally.thresholds += l.map_or(0.0, |l| l.threshold);
            tally.galleries += 1;
        }
        for picture in strangers {
            let own = self.people.own[*picture];
            let (_, score, lead) = self.best(*picture, gallery, Some(own));
            for (tally, l) in tallies.iter_mut().zip(limits) {
                if l.is_some_and(|l| passes(&l, score, lead)) {
                    tally.named.insert(own);
                    tally.lookups_named += 1;
                }
            }
        }
        for picture in probes {
            let (person, score, lead) = self.best(*picture, gallery, None);
            for (tally, l) in tallies.iter_mut().zip(limits) {
                let right = person == self.people.own[*picture];
                tally.right += usize::from(right && l.is_some_and(|l| passes(&l, score, lead)));
            }
        }
    }

    fn row(
        &self,
        size: Option<usize>,
        photos: usize,
        fits: &[Option<Tail>],
        shipped: Option<&Calibration>,
    ) -> Option<OpenSet> {
        let n = self.people.pictures.len();
        let mut tallies: [Tally; 3] = Default::default();
        let (mut stranger_lookups, mut lookups, mut enrolled) = (0, 0, 0);
        let mut strangers_seen = 0;
        for (fold, fit) in fits.iter().enumerate() {
            let (absent, present): (Vec<usize>, Vec<usize>) = (0..n).partition(|p| p % FOLDS == fold);
            let galleries: Vec<Vec<usize>> = match size {
                // Everybody is enrolled; who is looked up as a stranger is left out for that lookup.
                None => vec![(0..n).collect()],
                Some(size) => {
                    let count = present.len() / size;
                    (0..count)
                        .map(|g| present.iter().skip(g).step_by(count).take(size).copied().collect())
                        .collect()
                }
            };
            strangers_seen += if galleries.is_empty() { 0 } else { absent.len() };
            for (place, gallery) in galleries.iter().enumerate() {
                // Each stranger comes to one gallery, so that they are counted once.
                let visitors = absent.iter().skip(place).step_by(galleries.len());
                let pictures: Vec<usize> =
                    visitors.flat_map(|p| self.people.pictures[*p].iter().copied()).collect();
                let templates: usize = gallery.iter().map(|p| self.templates[*p]).sum();
                let margin = shipped.map_or(0.0, |c| c.margin);
                let fitted = fit.map(|f| f.calibration(margin).limits(templates));
                let limits = [
                    shipped.map(|c| c.limits(0)).or(fit.map(|f| f.calibration(margin).limits(0))),
                    fitted,
                    shipped.map(|c| c.limits(templates)),
                ];
                let mine: Vec<usize> = self
                    .probes
                    .iter()
                    .copied()
                    .filter(|i| match size {
                        None => absent.contains(&self.people.own[*i]),
                        Some(_) => gallery.contains(&self.people.own[*i]),
                    })
                    .collect();
                stranger_lookups += pictures.len();
                lookups += mine.len();
                enrolled = gallery.len();
                self.count(gallery, &pictures, &mine, &limits, &mut tallies);
            }
        }
        if strangers_seen == 0 || lookups == 0 {
            return None;
        }
        let [pair, held_out, ours] = tallies.map(|t| t.outcome(strangers_seen, stranger_lookups, lookups));
        Some(OpenSet {
            people: enrolled,
            photos,
            strangers: strangers_seen,
            stranger_lookups,
            lookups,
            pair_threshold: pair,
            held_out: fits.iter().all(Option::is_some).then_some(held_out),
            shipped: shipped.map(|_| ours),
        })
    }
}

impl Tail {
    /// As a calibration whose probabilities nobody asks for.
    fn calibration(self, margin: f32) -> Calibration {
        Calibration {
            threshold: self.threshold,
            tail: self.tail,
            margin,
            slope: 1.0,
            intercept: 0.0,
            evaluation: String::new(),
        }
    }
}

/// Cross-identity pairs near the top: score and the two people, highest first; and how many pairs there are
/// among the people outside each fold.
fn near_the_top(pictures: &[Labelled<'_>], own: &[usize]) -> (Vec<(f32, usize, usize)>, Vec<usize>) {
    let inside = |fold: usize, person: usize| person % FOLDS == fold;
    // What is fitted is the uppermost ten-thousandth of a part of the pairs; the rest is dropped on the way.
    let keep = (pictures.len() * pictures.len() / 1000).max(1000);
    let mut top: Vec<(f32, usize, usize)> = Vec::with_capacity(4 * keep);
    let mut pairs = vec![0usize; FOLDS];
    for i in 0..pictures.len() {
        for j in 0..i {
            let (a, b) = (own[i], own[j]);
            if a == b {
                continue;
            }
            for (fold, count) in pairs.iter_mut().enumerate() {
                *count += usize::from(!inside(fold, a) && !inside(fold, b));
            }
            top.push((cosine(pictures[i].vector, pictures[j].vector), a, b));
            if top.len() == 4 * keep {
                top.select_nth_unstable_by(keep, |x, y| y.0.total_cmp(&x.0));
                top.truncate(keep);
            }
        }
    }
    top.sort_by(|x, y| y.0.total_cmp(&x.0));
    (top, pairs)
}

/// A row for each size of gallery, with one photo of each person and with several. `shipped` is the
/// calibration of the embedder, where there is one.
pub fn open_set(pictures: &[Labelled<'_>], shipped: Option<&Calibration>) -> Vec<OpenSet> {
    let people = People::of(pictures.iter().map(|p| p.identity));
    let probes = people.probes();
    let (top, pairs) = near_the_top(pictures, &people.own);
    let fits: Vec<Option<Tail>> = (0..FOLDS)
        .map(|fold| {
            let outside = |p: usize| p % FOLDS != fold;
            let highest: Vec<f32> =
                top.iter().filter(|t| outside(t.1) && outside(t.2)).map(|t| t.0).collect();
            Tail::fit(&highest, pairs[fold])
        })
        .collect();
    let vectors: Vec<&[f32]> = pictures.iter().map(|p| p.vector).collect();
    let mut rows = Vec::new();
    for photos in [1, PHOTOS] {
        let enrolled = people.enrolled(photos);
        let templates: Vec<Vec<Vec<f32>>> =
            enrolled.iter().map(|e| vec![mean(e.iter().map(|i| (vectors[*i], 1.0)))]).collect();
        let scores = Scores::of(&vectors, &templates);
        let templates = enrolled.iter().map(|e| e.len()).collect();
        let trial = Trial { people: &people, probes: &probes, scores: &scores, templates };
        let sizes = SIZES.iter().map(|s| Some(*s)).chain([None]);
        rows.extend(sizes.filter_map(|size| trial.row(size, photos, &fits, shipped)));
    }
    rows
}

/// The cross-identity pairs that are most alike, by index: where a wrong label in the data would stand.
pub fn most_alike(pictures: &[Labelled<'_>], count: usize) -> Vec<(f32, usize, usize)> {
    let mut top: Vec<(f32, usize, usize)> = Vec::with_capacity(count + 1);
    for i in 0..pictures.len() {
        for j in (0..i).filter(|j| pictures[*j].identity != pictures[i].identity) {
            let score = cosine(pictures[i].vector, pictures[j].vector);
            let place = top.partition_point(|t| t.0 >= score);
            if place < count {
                top.insert(place, (score, j, i));
                top.truncate(count);
            }
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_tail_is_recovered() {
        // Scores whose rate falls tenfold every 0.07.
        let n = 1_000_000;
        let highest: Vec<f32> = (0..1000).map(|i| 0.3 - 0.07 * ((i as f32 + 0.5) / 100.0).log10()).collect();
        let fit = Tail::fit(&highest, n).unwrap();
        assert!((fit.threshold - 0.3).abs() < 1e-3, "{fit:?}");
        assert!((fit.tail - 0.07).abs() < 3e-3, "{fit:?}");
        assert!(Tail::fit(&highest, 100_000).is_none(), "ten pairs are no tail");
    }

    #[test]
    fn none_of_n_still_leaves_three_in_n_possible() {
        assert!((upper_95(0, 100) - 0.0295).abs() < 1e-3);
        assert!((upper_95(2, 100) - 0.0616).abs() < 1e-3);
        assert!((upper_95(5, 5) - 1.0).abs() < 1e-9);
    }

    /// Sixty people in a hundred dimensions, three pictures each; `spread` is how unlike the pictures are.
    fn crowd(spread: f32) -> Vec<(String, Vec<f32>)> {
        let mut state = 1u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let mut list = Vec::new();
        for person in 0..60 {
            let face: Vec<f32> = (0..100).map(|_| random()).collect();
            for _ in 0..3 {
                let picture: Vec<f32> = face.iter().map(|v| v + spread * random()).collect();
                list.push((format!("P{person}"), mean([(picture.as_slice(), 1.0)].into_iter())));
            }
        }
        list
    }

    fn calibration(threshold: f32, tail: f32) -> Calibration {
        Tail { threshold, tail }.calibration(0.0)
    }

    #[test]
    fn the_rule_for_galleries_turns_strangers_away_that_the_threshold_of_pairs_lets_in() {
        let list = crowd(0.3);
        let labelled: Vec<Labelled<'_>> =
            list.iter().map(|(identity, vector)| Labelled { identity, vector }).collect();
        let rows = open_set(&labelled, Some(&calibration(0.22, 0.15)));
        let largest = rows.iter().find(|r| r.people == 60 && r.photos == 1).unwrap();
        assert_eq!((largest.strangers, largest.stranger_lookups, largest.lookups), (60, 180, 60));
        let ours = largest.shipped.unwrap();
        assert!(largest.pair_threshold.strangers_named > 0, "{largest:?}");
        assert_eq!(ours.strangers_named, 0, "{largest:?}");
        assert!(ours.tpir > 0.9 && ours.threshold > largest.pair_threshold.threshold, "{largest:?}");
        let ten = rows.iter().find(|r| r.people == 10 && r.photos == 1).unwrap();
        assert!(ten.shipped.unwrap().threshold < ours.threshold, "fewer people, a lower bar: {ten:?}");
        assert!(rows.iter().all(|r| r.people <= 60), "no gallery is larger than there are people");
    }

    #[test]
    fn the_pair_with_the_wrong_label_is_shown_first() {
        let mut list = crowd(0.1);
        list[4].0 = "Somebody".to_owned();
        let labelled: Vec<Labelled<'_>> =
            list.iter().map(|(identity, vector)| Labelled { identity, vector }).collect();
        let top = most_alike(&labelled, 2);
        assert!(top.iter().all(|t| t.1 == 4 || t.2 == 4), "{top:?}");
        assert!(top[0].0 >= top[1].0);
    }
}
