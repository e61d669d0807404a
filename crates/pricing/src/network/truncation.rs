//! Poisson demand that meets a number of rooms.

/// Mean and variance of `min(demand, rooms)` for Poisson demand; rooms between two whole numbers lie between their answers.
pub(crate) fn sold(demand: f64, rooms: f64) -> (f64, f64) {
    if demand <= 0.0 || rooms <= 0.0 {
        return (0.0, 0.0);
    }
    // Further than ten standard deviations away the rooms do not matter.
    if rooms > demand + 10.0 * demand.sqrt() + 20.0 {
        return (demand, demand);
    }
    if rooms < demand - 10.0 * demand.sqrt() - 20.0 {
        return (rooms, 0.0);
    }
    let low = rooms.floor();
    let part = rooms - low;
    let below = whole(demand, low);
    if part < 1e-9 {
        return below;
    }
    let above = whole(demand, low + 1.0);
    (below.0 + part * (above.0 - below.0), below.1 + part * (above.1 - below.1))
}

fn whole(demand: f64, rooms: f64) -> (f64, f64) {
    let (mut mass, mut mean, mut square) = (0.0, 0.0, 0.0);
    let mut log_mass = -demand;
    let mut count = 0.0;
    while count < rooms {
        let probability = f64::exp(log_mass);
        mass += probability;
        mean += count * probability;
        square += count * count * probability;
        count += 1.0;
        log_mass += (demand / count).ln();
    }
    let full = (1.0 - mass).max(0.0);
    mean += rooms * full;
    square += rooms * rooms * full;
    (mean, (square - mean * mean).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::sold;

    #[test]
    fn one_room_is_sold_unless_nobody_comes() {
        let (mean, variance) = sold(0.7, 1.0);
        let free = (-0.7_f64).exp();
        assert!((mean - (1.0 - free)).abs() < 1e-12 && (variance - free * (1.0 - free)).abs() < 1e-12);
        assert!(sold(500.0, 10.0).0 > 9.999 && sold(3.0, 1000.0) == (3.0, 3.0));
    }
}
