//! Which rooms there are.

use innkeeper_core::RoomNumber;
use innkeeper_hotel::Room;

use crate::truth::Truth;

/// Rooms of a floor in a hotel of ordinary size; more only where there are more rooms than fit.
const ROOMS_A_FLOOR: u32 = 20;
/// Floors before they become longer.
const FLOORS: u32 = 50;

/// The rooms, by index, with the index of their type.
#[derive(Debug, Clone)]
pub struct Layout {
    pub numbers: Vec<RoomNumber>,
    pub types: Vec<u8>,
    /// Rooms of each type.
    pub count: Vec<u32>,
    floor_of: u32,
}

/// Shares of `total` by largest remainder; the first of equal remainders comes first.
fn apportion(total: u32, weights: &[f64]) -> Vec<u32> {
    let sum: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights.iter().map(|weight| weight / sum * f64::from(total)).collect();
    let mut counts: Vec<u32> = exact.iter().map(|x| x.floor() as u32).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| (exact[*b] - exact[*b].floor()).total_cmp(&(exact[*a] - exact[*a].floor())));
    let left = total.saturating_sub(counts.iter().sum());
    for index in order.into_iter().cycle().take(left as usize) {
        counts[index] += 1;
    }
    counts
}

impl Layout {
    /// Rooms 101, 102, …, 201, …: at least two floors when there are two rooms, up to 99 rooms a floor.
    pub fn new(rooms: u32, truth: &Truth) -> Self {
        let a_floor =
            if rooms <= ROOMS_A_FLOOR * FLOORS { rooms.div_ceil(2).clamp(1, ROOMS_A_FLOOR) } else { 99 };
        let count = apportion(rooms, &truth.room_types.iter().map(|t| t.share).collect::<Vec<_>>());
        let types =
            (0_u8..).zip(&count).flat_map(|(index, n)| std::iter::repeat_n(index, *n as usize)).collect();
        let numbers = (0..rooms)
            .filter_map(|room| ((room / a_floor + 1) * 100 + room % a_floor + 1).to_string().parse().ok())
            .collect();
        Self { numbers, types, count, floor_of: a_floor }
    }

    /// The rooms as the hotel lists them.
    pub fn rooms<'a>(&'a self, truth: &'a Truth) -> impl Iterator<Item = Room> + 'a {
        self.numbers.iter().zip(&self.types).zip(0_u32..).map(|((number, kind), room)| Room {
            number: number.clone(),
            room_type: truth.room_types[usize::from(*kind)].name.clone(),
            floor: i32::try_from(room / self.floor_of + 1).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_101_and_201_are_there_and_no_number_stands_on_two_doors() {
        let truth = Truth::shipped().expect("truth");
        for rooms in [1, 2, 3, 7, 40, 41, 99, 1_000, 1_001, 20_000] {
            let layout = Layout::new(rooms, &truth);
            let mut numbers: Vec<_> = layout.numbers.iter().map(RoomNumber::as_str).collect();
            assert_eq!(numbers[0], "101");
            assert!(rooms < 2 || numbers.contains(&"201"), "{rooms} rooms without 201");
            assert_eq!((layout.types.len(), layout.count.iter().sum()), (rooms as usize, rooms));
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), rooms as usize);
        }
        assert_eq!(Layout::new(100, &truth).count, [55, 33, 12]);
    }
}
