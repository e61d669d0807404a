//! The faces of recent answers, so that a correction can point at one by its answer. In memory only: what is
//! forgotten here can still be corrected with the picture itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use innkeeper_core::{Embedding, EmployeeId, HotelId};
use uuid::Uuid;

/// How long an answer can be put right.
const KEPT: Duration = Duration::from_hours(1);
/// Most answers kept; two kilobytes a face.
const MOST: usize = 2000;

/// A face as an answer named it.
#[derive(Debug, Clone)]
pub(super) struct NamedFace {
    pub owner: EmployeeId,
    pub embedding: Embedding,
    pub attendance: Option<Uuid>,
}

struct Answered {
    hotel: HotelId,
    at: Instant,
    faces: Vec<NamedFace>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<Uuid, Answered>,
    /// Oldest first.
    order: VecDeque<Uuid>,
}

/// The recent answers of this process.
#[derive(Default)]
pub(super) struct RecentAnswers(Mutex<Kept>);

impl RecentAnswers {
    pub fn remember(&self, answer: Uuid, hotel: &HotelId, faces: Vec<NamedFace>) {
        if faces.is_empty() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.answers.insert(answer, Answered { hotel: hotel.clone(), at: Instant::now(), faces });
        kept.order.push_back(answer);
        let old = |kept: &Kept| {
            let first = kept.order.front().and_then(|id| kept.answers.get(id));
            kept.order.len() > MOST || first.is_some_and(|a| a.at.elapsed() > KEPT)
        };
        while old(&kept) {
            if let Some(id) = kept.order.pop_front() {
                kept.answers.remove(&id);
            }
        }
    }

    /// The face that an answer to this hotel called `owner`.
    pub fn face(&self, answer: Uuid, hotel: &HotelId, owner: &EmployeeId) -> Option<NamedFace> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = kept.answers.get(&answer).filter(|a| a.hotel == *hotel && a.at.elapsed() <= KEPT)?;
        answered.faces.iter().find(|f| f.owner == *owner).cloned()
    }

    /// Forgets a person: their embeddings must not outlive them here either.
    pub fn forget(&self, hotel: &HotelId, owner: &EmployeeId) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for answered in kept.answers.values_mut().filter(|a| a.hotel == *hotel) {
            answered.faces.retain(|f| f.owner != *owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(owner: &str) -> NamedFace {
        let embedding = Embedding::normalised("m@1".parse().unwrap(), vec![1.0, 0.0]).unwrap();
        NamedFace { owner: owner.parse().unwrap(), embedding, attendance: None }
    }

    #[test]
    fn an_answer_is_found_by_its_own_hotel_and_name_only() {
        let (recent, id) = (RecentAnswers::default(), Uuid::now_v7());
        let (a, b): (HotelId, HotelId) = ("a".parse().unwrap(), "b".parse().unwrap());
        let (emp1, emp2) = ("EMP1".parse().unwrap(), "EMP2".parse().unwrap());
        recent.remember(id, &a, vec![face("EMP1")]);
        assert!(recent.face(id, &a, &emp1).is_some());
        assert!(recent.face(id, &b, &emp1).is_none());
        assert!(recent.face(id, &a, &emp2).is_none());
        recent.forget(&a, &emp1);
        assert!(recent.face(id, &a, &emp1).is_none());
    }

    #[test]
    fn memory_stays_bounded() {
        let recent = RecentAnswers::default();
        let hotel: HotelId = "a".parse().unwrap();
        let first = Uuid::now_v7();
        recent.remember(first, &hotel, vec![face("EMP1")]);
        for _ in 0..MOST {
            recent.remember(Uuid::now_v7(), &hotel, vec![face("EMP1")]);
        }
        let kept = recent.0.lock().unwrap();
        assert_eq!((kept.answers.len(), kept.order.len()), (MOST, MOST));
        assert!(!kept.answers.contains_key(&first));
    }
}
