//! Unknown faces in, groups of what is probably one person each out, one face at a time.

use crate::evaluation::cosine;

/// Faces that are probably of one person, by the sum of their unit vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    sum: Vec<f32>,
    size: usize,
}

impl Group {
    /// A group of one.
    pub fn of(face: &[f32]) -> Self {
        Self { sum: face.to_vec(), size: 1 }
    }

    /// A group as it was kept: its [`Group::centre`] and [`Group::size`]. How tightly its faces lay is not
    /// kept, so a restored group moves a little less with its next face than it would have.
    pub fn restored(centre: &[f32], size: usize) -> Self {
        Self { sum: centre.iter().map(|v| v * size as f32).collect(), size }
    }

    /// Faces in it.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The mean direction of its faces, a unit vector.
    pub fn centre(&self) -> Vec<f32> {
        let norm = cosine(&self.sum, &self.sum).sqrt().max(f32::MIN_POSITIVE);
        self.sum.iter().map(|v| v / norm).collect()
    }

    /// Takes a face in.
    pub fn join(&mut self, face: &[f32]) {
        self.absorb(&Self::of(face));
    }

    /// Takes all faces of another group in.
    pub fn absorb(&mut self, other: &Self) {
        for (sum, value) in self.sum.iter_mut().zip(&other.sum) {
            *sum += value;
        }
        self.size += other.size;
    }
}

/// The group whose centre is nearest to a face, with the cosine; `None` when none reaches `bar`
/// ([`Calibration::grouping`](crate::Calibration::grouping)): the face starts a group.
pub fn assign(face: &[f32], groups: &[Group], bar: f32) -> Option<(usize, f32)> {
    let near = groups.iter().enumerate().map(|(i, group)| (i, cosine(face, &group.centre())));
    near.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, score)| *score >= bar)
}

/// Which groups have turned out to be one person: merges the two nearest until no two centres reach `bar`.
/// `(into, from)` are indices of `groups` as given; each `from` is emptied into its `into`, in this order.
pub fn merges(groups: &[Group], bar: f32) -> Vec<(usize, usize)> {
    let mut left: Vec<Option<Group>> = groups.iter().cloned().map(Some).collect();
    let mut centres: Vec<Vec<f32>> = groups.iter().map(Group::centre).collect();
    let mut done = Vec::new();
    loop {
        let mut nearest: Option<(usize, usize, f32)> = None;
        for i in 0..left.len() {
            for j in 0..i {
                if left[i].is_some() && left[j].is_some() {
                    let score = cosine(&centres[i], &centres[j]);
                    if score >= nearest.map_or(bar, |n| n.2) {
                        nearest = Some((j, i, score));
                    }
                }
            }
        }
        let Some((into, from, _)) = nearest else { return done };
        if let (Some(other), Some(group)) = (left[from].take(), left[into].as_mut()) {
            group.absorb(&other);
            centres[into] = group.centre();
        }
        done.push((into, from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    #[test]
    fn a_face_joins_the_nearest_group_or_none() {
        let groups = [Group::of(&at(0.0)), Group::of(&at(60.0))];
        assert_eq!(assign(&at(50.0), &groups, 0.9).map(|a| a.0), Some(1));
        assert_eq!(assign(&at(30.0), &groups, 0.9), None, "half way is nobody's");
        assert_eq!(assign(&at(30.0), &[], 0.9), None);
    }

    #[test]
    fn the_centre_follows_the_faces_and_counts_them() {
        let mut group = Group::of(&at(0.0));
        group.join(&at(20.0));
        assert!((cosine(&group.centre(), &at(10.0)) - 1.0).abs() < 1e-6);
        group.join(&at(10.0));
        assert_eq!(group.size(), 3);
        let kept = Group::restored(&group.centre(), group.size());
        assert!((cosine(&kept.centre(), &group.centre()) - 1.0).abs() < 1e-6);
        assert_eq!(kept.size(), 3);
    }

    #[test]
    fn groups_of_one_person_become_one_and_strangers_stay_apart() {
        let groups: Vec<Group> = [0.0, 90.0, 8.0, 4.0].iter().map(|d| Group::of(&at(*d))).collect();
        let done = merges(&groups, 0.99);
        assert_eq!(done.len(), 2, "{done:?}");
        let mut left: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
        for (into, from) in done {
            let other = left[from].take().unwrap();
            left[into].as_mut().unwrap().absorb(&other);
        }
        let mut sizes: Vec<usize> = left.iter().flatten().map(Group::size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, vec![1, 3]);
    }
}
