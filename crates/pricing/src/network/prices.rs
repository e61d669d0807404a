//! Nightly prices from the worth of rooms: ascent over the allowed prices, one cell after the other.

use super::flows::Network;

/// Posted prices while they are looked for.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    /// Index into each cell's allowed prices.
    pub index: Vec<usize>,
    /// Sum of the nightly prices of each flow's stay.
    pub stays: Vec<f64>,
}

impl Posted {
    pub fn at(network: &Network, index: Vec<usize>) -> Self {
        let prices: Vec<f64> = index.iter().enumerate().map(|(cell, at)| network.ladder(cell)[*at]).collect();
        Self { stays: network.over_stays(&prices), index }
    }

    /// Near the best: the price that the largest flow of the cell would be asked alone, moved by what the night is worth over
    /// the stay's average.
    pub fn start(network: &Network, bids: &[f64], stay_bids: &[f64]) -> Self {
        let index = (0..bids.len())
            .map(|cell| {
                let ladder = network.ladder(cell);
                let largest = network
                    .covering(cell)
                    .iter()
                    .map(|place| *place as usize)
                    .max_by(|a, b| network.flows[*a].rate.total_cmp(&network.flows[*b].rate));
                let Some(place) = largest else { return 0 };
                let (least, most) = network.bounds[place];
                let flow = &network.flows[place];
                let alone = flow.best_price(stay_bids[place], least, most);
                let wanted = alone + bids[cell] - stay_bids[place] / flow.nights as f64;
                ladder.partition_point(|price| *price < wanted).min(ladder.len() - 1)
            })
            .collect();
        Self::at(network, index)
    }

    /// Profit, over what its rooms are worth, of the flows in a cell when the cell costs `price` and the other nights stay as
    /// they are.
    pub fn value(
        &self,
        network: &Network,
        cell: usize,
        price: f64,
        stay_bids: &[f64],
        weights: &[f64],
    ) -> f64 {
        let now = network.ladder(cell)[self.index[cell]];
        let mut value = 0.0;
        for place in network.covering(cell) {
            let place = *place as usize;
            let flow = &network.flows[place];
            let average = (self.stays[place] - now + price) / flow.nights as f64;
            value += weights[place] * flow.share(average) * flow.margin(average, stay_bids[place]);
        }
        value
    }

    fn set(&mut self, network: &Network, cell: usize, index: usize) {
        let ladder = network.ladder(cell);
        let change = ladder[index] - ladder[self.index[cell]];
        self.index[cell] = index;
        for place in network.covering(cell) {
            self.stays[*place as usize] += change;
        }
    }

    /// Moves each price uphill, neighbour by neighbour, until none moves, or `sweeps` times.
    pub fn ascend(&mut self, network: &Network, stay_bids: &[f64], weights: &[f64], sweeps: usize) {
        for _ in 0..sweeps {
            let mut moved = false;
            for cell in 0..self.index.len() {
                if network.covering(cell).is_empty() {
                    continue;
                }
                let best = self.climb(network, cell, stay_bids, weights);
                if best != self.index[cell] {
                    self.set(network, cell, best);
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
    }

    /// Values of all allowed prices of a cell.
    pub fn values(&self, network: &Network, cell: usize, stay_bids: &[f64], weights: &[f64]) -> Vec<f64> {
        let ladder = network.ladder(cell);
        ladder.iter().map(|price| self.value(network, cell, *price, stay_bids, weights)).collect()
    }

    /// One last look at all allowed prices of each cell: moves to the best and hands back what was seen. Guests who answer
    /// differently can make more than one peak.
    pub fn settle(&mut self, network: &Network, stay_bids: &[f64], weights: &[f64]) -> Vec<Vec<f64>> {
        (0..self.index.len())
            .map(|cell| {
                let values = self.values(network, cell, stay_bids, weights);
                if !network.covering(cell).is_empty() {
                    self.set(network, cell, best(&values));
                }
                values
            })
            .collect()
    }

    fn climb(&self, network: &Network, cell: usize, stay_bids: &[f64], weights: &[f64]) -> usize {
        let ladder = network.ladder(cell);
        let at = |index: usize| self.value(network, cell, ladder[index], stay_bids, weights);
        let start = self.index[cell];
        let (mut index, mut value) = (start, at(start));
        while index + 1 < ladder.len() {
            let next = at(index + 1);
            if next <= value {
                break;
            }
            (index, value) = (index + 1, next);
        }
        while index == start.min(index) && index > 0 {
            let next = at(index - 1);
            if next <= value {
                break;
            }
            (index, value) = (index - 1, next);
        }
        index
    }
}

/// Place of the largest number; the first of equals.
fn best(values: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}
