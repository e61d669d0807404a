use super::hotel::{Hotel, RoomType, Segment, StayClass};
use crate::{Family, Response};

/// A hotel to try policies in: three room types, leisure guests who book early, stay over weekends and mind the price, business
/// guests who book late for one to three nights in the week, and a fair in the middle of the span. `nights` in 1..=730.
pub fn sample_hotel(nights: usize) -> Hotel {
    let horizon = 60;
    let room_types = [("single", 14, 40.0), ("double", 20, 50.0), ("suite", 6, 80.0)]
        .map(|(name, rooms, least)| RoomType {
            name: name.to_owned(),
            rooms,
            prices: (0..24).map(|step| least * (1.0 + 0.13 * f64::from(step))).collect(),
        })
        .to_vec();
    let segment = |name: &str, cancellation, no_show| Segment {
        name: name.to_owned(),
        cancellation,
        no_show,
        no_show_fee: 0.5,
    };
    let segments = vec![segment("leisure", 0.004, 0.01), segment("business", 0.002, 0.05)];
    // Requests a night by type, what half of them would pay, and how wide that lies.
    let leisure = [(7.0, 66.0, 11.0), (12.0, 85.0, 14.0), (3.0, 130.0, 22.0)];
    let business = [(5.0, 100.0, 18.0), (7.0, 125.0, 22.0), (1.5, 190.0, 34.0)];
    let leisure_week = [0.5, 0.5, 0.6, 0.8, 1.7, 1.5, 0.6];
    let business_week = [1.5, 1.6, 1.5, 1.1, 0.25, 0.15, 0.7];
    let leisure_lengths = [0.2, 0.35, 0.2, 0.12, 0.06, 0.02, 0.05];
    let business_lengths = [0.5, 0.3, 0.2];
    let fair = nights / 2..nights / 2 + 3;
    let mut classes = Vec::new();
    for arrival in 0..nights {
        let crowd = if fair.contains(&arrival) { 1.8 } else { 1.0 };
        let longest = nights - arrival;
        let parts: [(_, _, _, &[f64], _); 2] = [
            (0, leisure, leisure_week, &leisure_lengths, 26.0),
            (1, business, business_week, &business_lengths, 7.0),
        ];
        for (segment, kinds, week, lengths, lead) in parts {
            let shape: Vec<f64> = (0..=horizon).map(|days| f64::exp(-(days as f64) / lead)).collect();
            let total: f64 = shape.iter().sum();
            for (room_type, (requests, location, scale)) in kinds.into_iter().enumerate() {
                for (length, share) in (1..).zip(lengths).take_while(|(length, _)| *length <= longest) {
                    let requests = requests * crowd * week[arrival % 7] * share;
                    classes.push(StayClass {
                        arrival,
                        nights: length,
                        room_type,
                        segment,
                        requests: shape.iter().map(|part| requests * part / total).collect(),
                        response: Response { family: Family::Logit, location, scale },
                        night_cost: 15.0,
                    });
                }
            }
        }
    }
    Hotel { room_types, nights, horizon, segments, classes, walk_cost: 300.0 }
}
