//! What strangers are told: galleries of several sizes, thresholds fitted on other people than the strangers.

use serde::Serialize;

use super::protocol::{PHOTOS, People, Scores, mean};
use super::tail::Comparisons;
use super::{Labelled, cosine};
use crate::matching::MatchLimits;
use crate::{Calibration, Tail};

/// Parts into which the people are divided: each part is strangers once, to limits fitted on the others.
const FOLDS: usize = 5;
/// Galleries that are tried, in people; one with everybody but the stranger comes after them.
const SIZES: [usize; 3] = [10, 50, 200];
/// Share of the looks at strangers that may be answered with a name where no calibration says it.
const FALSE_NAMES: f64 = 3e-4;

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
    /// With the shipped threshold of pairs, whatever the size.
    pub pair_threshold: Option<Outcome>,
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
                let bar = |tail: Tail| match shipped {
                    Some(c) => c.bar(&tail, gallery.len()),
                    None => tail.at(FALSE_NAMES / gallery.len() as f64),
                };
                let fitted = fit.map(|tail| MatchLimits { threshold: bar(tail), margin: margin_of(shipped) });
                let limits = [
                    shipped.map(|c| MatchLimits { threshold: c.threshold, margin: c.margin }),
                    fitted,
                    shipped.map(|c| c.limits(gallery.len())),
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
            pair_threshold: shipped.map(|_| pair),
            held_out: fits.iter().all(Option::is_some).then_some(held_out),
            shipped: shipped.map(|_| ours),
        })
    }
}

fn margin_of(shipped: Option<&Calibration>) -> f32 {
    shipped.map_or(0.0, |c| c.margin)
}

/// Every picture's score with the mean of up to `photos` of each person.
fn fused_scores(vectors: &[&[f32]], people: &People, photos: usize) -> Scores {
    let of = |e: &&[usize]| vec![mean(e.iter().map(|i| (vectors[*i], 1.0)))];
    let templates: Vec<Vec<Vec<f32>>> = people.enrolled(photos).iter().map(of).collect();
    Scores::of(vectors, &templates)
}

/// The tail of the scores of strangers with people enrolled by several photos, where `margin` lets them pass.
/// `None` with too few people.
pub fn strangers_tail(pictures: &[Labelled<'_>], margin: f32) -> Option<Tail> {
    let people = People::of(pictures.iter().map(|p| p.identity));
    let vectors: Vec<&[f32]> = pictures.iter().map(|p| p.vector).collect();
    let mut comparisons = Comparisons::default();
    comparisons.add_strangers(&fused_scores(&vectors, &people, PHOTOS), &people, margin, |_| true);
    comparisons.tail()
}

/// A row for each size of gallery, with one photo of each person and with several. `shipped` is the
/// calibration of the embedder, where there is one.
pub fn open_set(pictures: &[Labelled<'_>], shipped: Option<&Calibration>) -> Vec<OpenSet> {
    let people = People::of(pictures.iter().map(|p| p.identity));
    let probes = people.probes();
    let vectors: Vec<&[f32]> = pictures.iter().map(|p| p.vector).collect();
    let [one, several] = [1, PHOTOS].map(|photos| fused_scores(&vectors, &people, photos));
    let fits: Vec<Option<Tail>> = (0..FOLDS)
        .map(|fold| {
            let mut comparisons = Comparisons::default();
            let present = |p: usize| p % FOLDS != fold;
            comparisons.add_strangers(&several, &people, margin_of(shipped), present);
            comparisons.tail()
        })
        .collect();
    let mut rows = Vec::new();
    for (photos, scores) in [(1, &one), (PHOTOS, &several)] {
        let trial = Trial { people: &people, probes: &probes, scores };
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

    #[test]
    fn the_rule_for_galleries_turns_strangers_away_that_the_threshold_of_pairs_lets_in() {
        let list = crowd(0.3);
        let labelled: Vec<Labelled<'_>> =
            list.iter().map(|(identity, vector)| Labelled { identity, vector }).collect();
        let shipped = Calibration::shipped(&"edgeface-xs@q-a9ae3bc8".parse().unwrap()).unwrap();
        let strangers = Tail { start: 0.22, scale: 0.065, shape: 0.0 };
        let shipped = Calibration { threshold: 0.22, margin: 0.0, strangers, ..shipped };
        let rows = open_set(&labelled, Some(&shipped));
        let largest = rows.iter().find(|r| r.people == 60 && r.photos == 1).unwrap();
        assert_eq!((largest.strangers, largest.stranger_lookups, largest.lookups), (60, 180, 60));
        let ours = largest.shipped.unwrap();
        let pairs = largest.pair_threshold.unwrap();
        assert!(pairs.strangers_named > 0, "{largest:?}");
        assert_eq!(ours.strangers_named, 0, "{largest:?}");
        assert!(ours.tpir > 0.9 && ours.threshold > pairs.threshold, "{largest:?}");
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
