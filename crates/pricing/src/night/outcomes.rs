//! How many book on a day.

/// Chance below which a number of bookings is not looked at any more.
const NEGLIGIBLE: f64 = 1e-13;

/// The Poisson number of requests that book on a day, cut where more are too rare to matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Bookings {
    chances: Vec<f64>,
}

impl Bookings {
    /// Chances of 0, 1, 2, … bookings with a mean of `expected`; numbers above `most` are counted as `most`.
    ///
    /// A mean that is not above zero, or not a number, is no booking for certain.
    pub fn poisson(expected: f64, most: u32) -> Self {
        if expected.is_nan() || expected <= 0.0 || most == 0 {
            return Self { chances: vec![1.0] };
        }
        if !expected.is_finite() {
            let mut chances = vec![0.0; most as usize];
            chances.push(1.0);
            return Self { chances };
        }
        // From the logarithm, so that a mean of thousands does not begin with zero.
        let mut chances = Vec::with_capacity(most.min(64) as usize + 1);
        let (mut log_chance, log_mean) = (-expected, expected.ln());
        let mut before = 0.0;
        for count in 0..most {
            if count > 0 {
                log_chance += log_mean - f64::from(count).ln();
            }
            let chance = log_chance.exp();
            if f64::from(count) > expected && chance < NEGLIGIBLE {
                break;
            }
            chances.push(chance);
            before += chance;
        }
        chances.push((1.0 - before).max(0.0));
        Self { chances }
    }

    /// Chances of 0, 1, 2, … bookings; they add up to 1.
    pub fn chances(&self) -> &[f64] {
        &self.chances
    }

    /// Mean of `gain(booked)`, where no more than `rooms` can book.
    pub fn mean(&self, rooms: usize, gain: impl Fn(usize) -> f64) -> f64 {
        let mut rest = 1.0;
        let mut sum = 0.0;
        for (booked, chance) in self.chances.iter().enumerate().take(rooms) {
            sum += chance * gain(booked);
            rest -= chance;
        }
        sum + rest.max(0.0) * gain(rooms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_add_up_and_have_the_mean() {
        for expected in [0.0, 0.03, 4.0, 80.0, 3000.0] {
            let bookings = Bookings::poisson(expected, 5000);
            let sum: f64 = bookings.chances().iter().sum();
            let mean: f64 = bookings.chances().iter().enumerate().map(|(n, chance)| n as f64 * chance).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{expected}: {sum}");
            assert!((mean - expected).abs() < 1e-6 * (1.0 + expected), "{expected}: {mean}");
        }
    }

    #[test]
    fn no_more_book_than_there_are_rooms() {
        let bookings = Bookings::poisson(10.0, 100);
        assert!((bookings.mean(3, |booked| booked as f64) - 2.997).abs() < 0.01);
        assert!((bookings.mean(100, |booked| booked as f64) - 10.0).abs() < 1e-9);
        assert!(bookings.mean(0, |booked| booked as f64).abs() < 1e-12);
        assert_eq!(Bookings::poisson(f64::NAN, 5).chances(), [1.0]);
        assert!((Bookings::poisson(f64::INFINITY, 5).mean(3, |booked| booked as f64) - 3.0).abs() < 1e-12);
    }
}
