//! Who is enrolled with which pictures, and every picture's score with everybody.

use std::collections::HashMap;

use super::cosine;

/// Photos enrolled of one person at most, where several are.
pub(super) const PHOTOS: usize = 3;

/// The people of a set of pictures, in the order in which they first appear.
pub(super) struct People {
    /// Person of each picture.
    pub own: Vec<usize>,
    /// Pictures of each person.
    pub pictures: Vec<Vec<usize>>,
}

impl People {
    pub fn of<'a>(identities: impl Iterator<Item = &'a str>) -> Self {
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut people = Self { own: Vec::new(), pictures: Vec::new() };
        for (i, identity) in identities.enumerate() {
            let person = *known.entry(identity).or_insert(people.pictures.len());
            if person == people.pictures.len() {
                people.pictures.push(Vec::new());
            }
            people.pictures[person].push(i);
            people.own.push(person);
        }
        people
    }

    /// How many pictures of a person are for enrolment: up to [`PHOTOS`], but one is left as a probe where
    /// there are two.
    fn photos(&self, person: usize) -> usize {
        PHOTOS.min(self.pictures[person].len().saturating_sub(1)).max(1)
    }

    /// The first `limit` of the pictures that are for enrolment, of each person.
    pub fn enrolled(&self, limit: usize) -> Vec<&[usize]> {
        (0..self.pictures.len()).map(|p| &self.pictures[p][..self.photos(p).min(limit)]).collect()
    }

    /// The pictures that are not for enrolment. They are the same however many are enrolled.
    pub fn probes(&self) -> Vec<usize> {
        (0..self.pictures.len()).flat_map(|p| &self.pictures[p][self.photos(p)..]).copied().collect()
    }
}

/// The direction of a weighted sum.
pub(super) fn mean<'a>(vectors: impl Iterator<Item = (&'a [f32], f32)>) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for (vector, weight) in vectors {
        sum.resize(vector.len(), 0.0);
        sum.iter_mut().zip(vector).for_each(|(s, v)| *s += weight * v);
    }
    let norm = cosine(&sum, &sum).sqrt().max(f32::MIN_POSITIVE);
    for value in &mut sum {
        *value /= norm;
    }
    sum
}

/// Score of every picture with every person.
pub(super) struct Scores {
    people: usize,
    values: Vec<f32>,
}

impl Scores {
    /// The best of a person's templates counts.
    pub fn of(pictures: &[&[f32]], templates: &[Vec<Vec<f32>>]) -> Self {
        let best = |picture: &[f32], person: &Vec<Vec<f32>>| {
            person.iter().map(|t| cosine(picture, t)).fold(f32::NEG_INFINITY, f32::max)
        };
        let values = pictures.iter().flat_map(|p| templates.iter().map(move |t| best(p, t))).collect();
        Self { people: templates.len(), values }
    }

    /// The scores of one picture, by person.
    pub fn row(&self, picture: usize) -> &[f32] {
        &self.values[picture * self.people..(picture + 1) * self.people]
    }
}
