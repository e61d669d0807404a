//! What each way of comparing a face with a person is worth: same people, same probes, same strangers, one
//! row each.

use serde::Serialize;

use super::cosine;
use super::protocol::{PHOTOS, People, Scores, mean};

/// A picture's face looked at twice.
pub struct Looks<'a> {
    /// Who it shows.
    pub identity: &'a str,
    /// Unit vector of the face.
    pub face: &'a [f32],
    /// Unit vector of its mirror image.
    pub mirror: &'a [f32],
    /// [`Quality::score`](crate::Quality), 0 to 1.
    pub quality: f32,
}

/// One way of comparing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gain {
    /// What is done.
    pub way: &'static str,
    /// Whether [`matching`](crate::matching) and the shipped calibration do it so with this embedder.
    pub recommended: bool,
    /// People enrolled.
    pub people: usize,
    /// Pictures looked up.
    pub probes: usize,
    /// Share of probes whose best person is the right one.
    pub top1: f64,
    /// Share of probes found and right where 1 % of the strangers are given a name.
    pub tpir_fpir_1pct: f64,
    /// The same where 0.3 % are.
    pub tpir_fpir_03pct: f64,
}

/// What a lookup is decided by.
enum Rule {
    /// The score.
    Score,
    /// The score less half the second person's: normalisation by the face's other scores.
    LessSecond,
    /// The score less half the mean of the person's five highest scores with other enrolled people:
    /// normalisation by the person's other scores (adaptive Z-norm).
    LessCrowd,
    /// The score where it leads the second by this much, otherwise nobody.
    Lead(f32),
}

/// Enrolled people nearest to a person that [`Rule::LessCrowd`] averages.
const CROWD: usize = 5;

struct Table {
    scores: Scores,
    /// For each person the nearest other people, nearest first, one more than are averaged.
    crowds: Vec<Vec<(usize, f32)>>,
}

impl Table {
    fn new(pictures: &[&[f32]], templates: &[Vec<Vec<f32>>], with_crowds: bool) -> Self {
        let crowd = |person: usize| {
            let mut others: Vec<(usize, f32)> = (0..templates.len())
                .filter(|other| *other != person)
                .map(|other| (other, cosine(&templates[person][0], &templates[other][0])))
                .collect();
            others.sort_by(|a, b| b.1.total_cmp(&a.1));
            others.truncate(CROWD + 1);
            others
        };
        let crowds = if with_crowds { (0..templates.len()).map(crowd).collect() } else { Vec::new() };
        Self { scores: Scores::of(pictures, templates), crowds }
    }

    /// The person a picture is answered with and how surely. `absent` is not enrolled, and does not help to
    /// normalise either.
    fn look_up(&self, picture: usize, absent: Option<usize>, rule: &Rule) -> (usize, f32) {
        let adjusted = |person: usize, score: f32| match rule {
            Rule::LessCrowd => {
                let near = self.crowds[person].iter().filter(|(other, _)| Some(*other) != absent);
                let near: Vec<f32> = near.take(CROWD).map(|c| c.1).collect();
                score - 0.5 * near.iter().sum::<f32>() / near.len().max(1) as f32
            }
            _ => score,
        };
        let (mut best, mut second) = ((usize::MAX, f32::NEG_INFINITY), f32::NEG_INFINITY);
        for (person, score) in self.scores.row(picture).iter().enumerate() {
            if Some(person) == absent {
                continue;
            }
            let score = adjusted(person, *score);
            if score > best.1 {
                second = best.1;
                best = (person, score);
            } else {
                second = second.max(score);
            }
        }
        let sure = match rule {
            Rule::Score | Rule::LessCrowd => best.1,
            Rule::LessSecond => best.1 - 0.5 * second,
            Rule::Lead(margin) if best.1 - second >= *margin => best.1,
            Rule::Lead(_) => f32::NEG_INFINITY,
        };
        (best.0, sure)
    }
}

/// A row for each way. `mirrors` says whether the embedder's shipped vectors average both looks, `margin` is
/// the shipped one. Empty when nobody has two pictures.
pub fn gains(pictures: &[Looks<'_>], mirrors: bool, margin: f32) -> Vec<Gain> {
    let people = People::of(pictures.iter().map(|p| p.identity));
    let probes = people.probes();
    if probes.is_empty() || people.pictures.len() < 2 {
        return Vec::new();
    }
    let once: Vec<Vec<f32>> = pictures.iter().map(|p| p.face.to_vec()).collect();
    let twice: Vec<Vec<f32>> =
        pictures.iter().map(|p| mean([(p.face, 1.0), (p.mirror, 1.0)].into_iter())).collect();
    let usual = if mirrors { twice.clone() } else { once.clone() };
    let apart = |from: &[Vec<f32>], limit: usize| -> Vec<Vec<Vec<f32>>> {
        people.enrolled(limit).iter().map(|e| e.iter().map(|i| from[*i].clone()).collect()).collect()
    };
    let merged = |from: &[Vec<f32>], weight: &dyn Fn(usize) -> f32| -> Vec<Vec<Vec<f32>>> {
        let of = |e: &&[usize]| vec![mean(e.iter().map(|i| (from[*i].as_slice(), weight(*i))))];
        people.enrolled(PHOTOS).iter().map(of).collect()
    };
    let row = |way, recommended, faces: &[Vec<f32>], templates: &[Vec<Vec<f32>>], rule: &Rule| {
        let faces: Vec<&[f32]> = faces.iter().map(Vec::as_slice).collect();
        let table = Table::new(&faces, templates, matches!(rule, Rule::LessCrowd));
        let mut strangers: Vec<f32> =
            people.own.iter().enumerate().map(|(i, own)| table.look_up(i, Some(*own), rule).1).collect();
        strangers.sort_by(|a, b| b.total_cmp(a));
        let found: Vec<(bool, f32)> = probes
            .iter()
            .map(|i| table.look_up(*i, None, rule))
            .zip(&probes)
            .map(|((person, sure), i)| (person == people.own[*i], sure))
            .collect();
        let share = |least: f32| {
            found.iter().filter(|(right, sure)| *right && *sure >= least).count() as f64 / probes.len() as f64
        };
        let at = |rate: f64| {
            let allowed = (strangers.len() as f64 * rate).floor() as usize;
            share(strangers.get(allowed).map_or(f32::MIN, |s| s.max(f32::MIN).next_up()))
        };
        Gain {
            way,
            recommended,
            people: people.pictures.len(),
            probes: probes.len(),
            top1: share(f32::NEG_INFINITY),
            tpir_fpir_1pct: at(0.01),
            tpir_fpir_03pct: at(0.003),
        }
    };
    let fused = merged(&usual, &|_| 1.0);
    vec![
        row("one photo", !mirrors, &once, &apart(&once, 1), &Rule::Score),
        row("one photo, mirrored too at enrolment", false, &once, &apart(&twice, 1), &Rule::Score),
        row("one photo, mirrored too at both", mirrors, &twice, &apart(&twice, 1), &Rule::Score),
        row("three photos, the best counts", false, &usual, &apart(&usual, PHOTOS), &Rule::Score),
        row("three photos, their mean", true, &usual, &fused, &Rule::Score),
        row(
            "three photos, their mean and each of them, the best counts",
            false,
            &usual,
            &fused
                .iter()
                .zip(apart(&usual, PHOTOS))
                .map(|(m, e)| [m.clone(), e].concat())
                .collect::<Vec<_>>(),
            &Rule::Score,
        ),
        row(
            "three photos, their mean weighted by quality",
            false,
            &usual,
            &merged(&usual, &|i| pictures[i].quality.max(0.01)),
            &Rule::Score,
        ),
        row("their mean, less half the second person's score", false, &usual, &fused, &Rule::LessSecond),
        row(
            "their mean, less half of how near others are to the person",
            false,
            &usual,
            &fused,
            &Rule::LessCrowd,
        ),
        row("their mean, shipped lead over the second person", true, &usual, &fused, &Rule::Lead(margin)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    #[test]
    fn the_same_probes_are_asked_in_every_row_and_a_mean_mends_a_bad_first_photo() {
        // A's first photo lies near B; the probe lies near A's other photos.
        let angles = [("A", 60.0), ("A", 10.0), ("A", 12.0), ("A", 36.0), ("B", 70.0), ("C", 200.0)];
        let vectors: Vec<Vec<f32>> = angles.iter().map(|a| at(a.1)).collect();
        let looks: Vec<Looks<'_>> = angles
            .iter()
            .zip(&vectors)
            .map(|((identity, _), v)| Looks { identity, face: v, mirror: v, quality: 0.5 })
            .collect();
        let rows = gains(&looks, false, 0.03);
        assert!(rows.iter().all(|r| (r.people, r.probes) == (3, 1)), "{rows:?}");
        let of = |way: &str| rows.iter().find(|r| r.way == way).unwrap();
        assert!(of("one photo").recommended && !of("one photo, mirrored too at both").recommended);
        let best = of("three photos, the best counts");
        let mean = of("three photos, their mean");
        assert!(mean.tpir_fpir_1pct >= best.tpir_fpir_1pct, "{rows:?}");
        assert!((mean.top1 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_stranger_does_not_help_to_normalise_against_themselves() {
        let vectors = [at(0.0), at(1.0), at(40.0)];
        let templates: Vec<Vec<Vec<f32>>> = vectors.iter().map(|v| vec![v.clone()]).collect();
        let faces: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        let table = Table::new(&faces, &templates, true);
        // Picture 0 with person 0 absent: person 1's crowd is person 2 alone.
        let (person, sure) = table.look_up(0, Some(0), &Rule::LessCrowd);
        let expected = 1f32.to_radians().cos() - 0.5 * 39f32.to_radians().cos();
        assert_eq!(person, 1);
        assert!((sure - expected).abs() < 1e-5, "{sure} {expected}");
    }

    #[test]
    fn without_second_pictures_there_is_nothing_to_compare() {
        let v = at(0.0);
        let one = [Looks { identity: "A", face: &v, mirror: &v, quality: 1.0 }];
        assert!(gains(&one, false, 0.03).is_empty());
    }
}
