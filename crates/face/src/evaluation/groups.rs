//! How well unknown faces are gathered into people.

use serde::Serialize;

use super::Labelled;
use crate::grouping::{Group, assign, merges};

/// Pairs of pictures, by whether they show one person and whether they came into one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupFigures {
    /// The cosine from which on a face joins a group.
    pub bar: f32,
    /// Share of pairs in one group that show one person; null when every group has one face.
    pub precision: Option<f64>,
    /// Share of pairs of one person that are in one group; null when nobody has two pictures.
    pub recall: Option<f64>,
    /// Groups in the end.
    pub groups: usize,
    /// People there are.
    pub people: usize,
}

/// Shows the pictures one by one, mixed, and merges groups in the end.
pub fn grouping(pictures: &[Labelled<'_>], bar: f32) -> GroupFigures {
    // A step that shares no factor with the number of pictures visits each once, far from its neighbours.
    const STEP: usize = 7919;
    let n = pictures.len();
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of = vec![0; n];
    let order: Vec<usize> =
        if n.is_multiple_of(STEP) { (0..n).collect() } else { (0..n).map(|i| i * STEP % n).collect() };
    for i in order {
        let vector = pictures[i].vector;
        group_of[i] = if let Some((group, _)) = assign(vector, &groups, bar) {
            groups[group].join(vector);
            group
        } else {
            groups.push(Group::of(vector));
            groups.len() - 1
        };
    }
    let merged = merges(&groups, bar);
    for (into, from) in &merged {
        group_of.iter_mut().filter(|g| **g == *from).for_each(|g| *g = *into);
    }
    let (mut together, mut right, mut same) = (0usize, 0usize, 0usize);
    for i in 0..n {
        for j in 0..i {
            let one = pictures[i].identity == pictures[j].identity;
            let grouped = group_of[i] == group_of[j];
            same += usize::from(one);
            together += usize::from(grouped);
            right += usize::from(one && grouped);
        }
    }
    let share = |of: usize| (of > 0).then(|| right as f64 / of as f64);
    let people: std::collections::HashSet<&str> = pictures.iter().map(|p| p.identity).collect();
    GroupFigures {
        bar,
        precision: share(together),
        recall: share(same),
        groups: groups.len() - merged.len(),
        people: people.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_pair_costs_precision_and_a_missed_one_recall() {
        let at = |degrees: f32| vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        // A's third picture lies with B's.
        let vectors = [at(0.0), at(5.0), at(90.0), at(92.0)];
        let list = ["A", "A", "A", "B"].iter().zip(&vectors);
        let list: Vec<Labelled<'_>> = list.map(|(identity, vector)| Labelled { identity, vector }).collect();
        let f = grouping(&list, 0.9);
        assert_eq!((f.groups, f.people), (2, 2));
        assert_eq!(f.precision, Some(0.5));
        assert_eq!(f.recall, Some(1.0 / 3.0));
        assert_eq!(grouping(&[], 0.9).precision, None);
    }
}
