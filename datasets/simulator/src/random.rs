use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Each concern draws from a stream of its own, so that asking for more of the output changes nothing of the rest.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// Shocks, the market, fairs.
    Calendar,
    /// Price tests.
    Tests,
    /// Who asks for what.
    Demand,
    /// Deposits, cancellations, no-shows.
    Fate,
    /// When guests come back.
    Returns,
    /// What else stands in a booking.
    Details,
    /// Services used.
    Services,
    /// Cleaning times.
    Cleaning,
    /// What rooms and housekeepers are like.
    Traits,
    /// Competitors' prices.
    Competitors,
}

/// The numbers of one concern.
pub fn stream(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream as u64);
    random
}
