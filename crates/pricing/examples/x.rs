use innkeeper_pricing::{learn::learn, night::*};
use rand::SeedableRng;
fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(20);
    for s in Scenario::shipped().unwrap() {
        let sale = s.sale();
        let best = solve(&sale, &s).unwrap();
        let top = worth(&sale, &s, &best).unwrap();
        let f = best_fixed_price(&sale, &s).unwrap().worth;
        let t = worth(&sale, &s, &RuleOfThumb { base: s.base_price, rooms: s.rooms, step: 5.0 }).unwrap();
        println!("{} {top:.2} fixed {:.4} thumb {:.4}", s.name, f / top, t / top);
        let mut all = vec![];
        for seed in 0..n {
            let past = s.past(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
            let t0 = std::time::Instant::now();
            let l = learn(&past).unwrap();
            let t1 = t0.elapsed();
            let plan = solve(&sale, &l).unwrap();
            let w = worth(&sale, &s, &plan).unwrap() / top;
            all.push(w);
            let m: Vec<String> = l
                .members()
                .iter()
                .take(3)
                .map(|m| format!("{:?}{} {:.2}", m.shape, if m.changes { "*" } else { "" }, m.weight))
                .collect();
            println!("  {seed} {w:.4} {:?} {:?} {}", t1, t0.elapsed() - t1, m.join(" "));
        }
        println!(
            "  mean {:.4} worst {:.4}",
            all.iter().sum::<f64>() / all.len() as f64,
            all.iter().cloned().fold(1.0, f64::min)
        );
    }
}
