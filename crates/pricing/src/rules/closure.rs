//! The choice of candidates that brings the most under the order of room types.
//!
//! "The price of a cell is at least its k-th candidate" is a statement that brings the difference of two values and implies
//! others: the candidate before it, and for each order a candidate of the dearer room type. The best choice is the set of
//! statements, closed under what they imply, of the greatest sum: a maximal closure, which a minimal cut finds exactly
//! (Picard, Maximal closure of a graph and applications to combinatorial problems, Management Science 22, 1976).

/// Whether each statement belongs to the smallest closed set of the greatest sum. `implies` holds pairs of positions; the
/// absolute weights add up to less than 2^62.
pub(super) fn best_closed_set(weights: &[i64], implies: &[(usize, usize)]) -> Vec<bool> {
    let (source, sink) = (weights.len(), weights.len() + 1);
    let mut network = Network::new(weights.len() + 2, implies.len() + weights.len());
    for &(from, to) in implies {
        network.connect(from, to, i64::MAX / 2);
    }
    for (statement, weight) in weights.iter().enumerate() {
        match *weight {
            0 => {}
            gain if gain > 0 => network.connect(source, statement, gain),
            loss => network.connect(statement, sink, -loss),
        }
    }
    network.saturate(source, sink);
    // The last search found what the source still reaches: its side of the cut.
    network.level.iter().take(weights.len()).map(|level| *level != UNSEEN).collect()
}

const UNSEEN: u32 = u32::MAX;
const NONE: usize = usize::MAX;

/// A network of flow; arc `i ^ 1` is the way back of arc `i`.
struct Network {
    first: Vec<usize>,
    next: Vec<usize>,
    to: Vec<usize>,
    room: Vec<i64>,
    level: Vec<u32>,
}

impl Network {
    fn new(nodes: usize, arcs: usize) -> Self {
        Self {
            first: vec![NONE; nodes],
            next: Vec::with_capacity(2 * arcs),
            to: Vec::with_capacity(2 * arcs),
            room: Vec::with_capacity(2 * arcs),
            level: vec![UNSEEN; nodes],
        }
    }

    fn connect(&mut self, from: usize, to: usize, room: i64) {
        for (from, to, room) in [(from, to, room), (to, from, 0)] {
            self.next.push(self.first[from]);
            self.first[from] = self.to.len();
            self.to.push(to);
            self.room.push(room);
        }
    }

    /// Sends as much as goes from `source` to `sink` (Dinitz's algorithm).
    fn saturate(&mut self, source: usize, sink: usize) {
        let mut queue = Vec::with_capacity(self.first.len());
        let mut path: Vec<usize> = Vec::new();
        loop {
            self.level.fill(UNSEEN);
            self.level[source] = 0;
            queue.clear();
            queue.push(source);
            let mut read = 0;
            while let Some(&node) = queue.get(read) {
                read += 1;
                let mut arc = self.first[node];
                while arc != NONE {
                    if self.room[arc] > 0 && self.level[self.to[arc]] == UNSEEN {
                        self.level[self.to[arc]] = self.level[node] + 1;
                        queue.push(self.to[arc]);
                    }
                    arc = self.next[arc];
                }
            }
            if self.level[sink] == UNSEEN {
                return;
            }
            let mut current = self.first.clone();
            let mut node = source;
            loop {
                if node == sink {
                    let sent = path.iter().map(|arc| self.room[*arc]).min().unwrap_or(0);
                    for arc in &path {
                        self.room[*arc] -= sent;
                        self.room[*arc ^ 1] += sent;
                    }
                    // Back to where the path is full.
                    let full = path.iter().position(|arc| self.room[*arc] == 0).unwrap_or(0);
                    node = self.to[path[full] ^ 1];
                    path.truncate(full);
                    continue;
                }
                let arc = current[node];
                if arc == NONE {
                    let Some(back) = path.pop() else { break };
                    node = self.to[back ^ 1];
                    current[node] = self.next[current[node]];
                } else if self.room[arc] > 0 && self.level[self.to[arc]] == self.level[node] + 1 {
                    path.push(arc);
                    node = self.to[arc];
                } else {
                    current[node] = self.next[arc];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_best_of_all_closed_sets() {
        let mut state = 7_u64;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2000 {
            let count = 1 + draw(8) as usize;
            let weights: Vec<i64> = (0..count).map(|_| draw(21) as i64 - 10).collect();
            let implies: Vec<(usize, usize)> = (0..draw(10))
                .map(|_| (draw(count as u64) as usize, draw(count as u64) as usize))
                .filter(|(from, to)| from != to)
                .collect();
            let closed =
                |set: u32| implies.iter().all(|(from, to)| set & (1 << from) == 0 || set & (1 << to) != 0);
            let sum = |set: u32| (0..count).filter(|i| set & (1 << i) != 0).map(|i| weights[i]).sum::<i64>();
            let best = (0..1_u32 << count).filter(|set| closed(*set)).map(sum).max().expect("the empty set");
            let found = best_closed_set(&weights, &implies);
            let found = found.iter().enumerate().fold(0_u32, |set, (i, held)| set | u32::from(*held) << i);
            assert!(closed(found));
            assert_eq!(sum(found), best);
        }
    }
}
