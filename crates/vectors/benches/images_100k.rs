//! Search among 100,000 images, by the length of their descriptors: time of the exact scan and of what is shipped,
//! with and without filters, and how many of the exact scan's ten best the shipped search finds, in the embedded
//! engine.
//!
//! `cargo bench -p innkeeper-vectors --bench images_100k` prints the table; with `-- small` of 4,000 images, to see
//! that it runs.
//!
//! The images are synthetic: 500 directions drawn evenly from the sphere, and samples around each at cosines to one
//! another of .5 to .9, as photographs of like things have them. Half of the queries are new samples, half are of
//! nothing that is there. One hotel has nine images of ten, another the rest, whose images no answer may hold.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and prints")]

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use innkeeper_core::HotelId;
use innkeeper_vectors::{
    CATEGORY, Collection, EmbeddedQdrant, Filter, ROOM_NUMBER, TAGS, UPLOADED_AT, VectorIndex, VectorPoint,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// As long as the shipped descriptor.
const DIMENSION: usize = 1_408;
const KINDS: usize = 500;
const QUERIES: usize = 200;
const CALLERS: usize = 4;
const LIMIT: usize = 10;
const CATEGORIES: [&str; 4] = ["room", "lost_found", "amenity", "reference"];
const LABELS: [&str; 8] =
    ["bed_made", "bed_unmade", "trash", "towels", "bottles", "clothes", "luggage", "spill"];
/// After this long the system has written and freed what a rewrite left to it.
const SETTLED: Duration = Duration::from_secs(30);

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    for v in &mut vector {
        *v /= length;
    }
    vector
}

/// A direction drawn evenly from the sphere (sums of uniform numbers are near enough to normal ones).
fn direction(rng: &mut StdRng) -> Vec<f32> {
    unit((0..DIMENSION).map(|_| (0..6).map(|_| rng.random_range(-1.0_f32..1.0)).sum()).collect())
}

/// Another look at a kind of thing: the cosine of two looks is about the product of theirs to the centre.
fn look(centre: &[f32], rng: &mut StdRng) -> Vec<f32> {
    let cosine: f32 = rng.random_range(0.7..0.95);
    let aside = (1.0 - cosine * cosine).sqrt();
    unit(centre.iter().zip(direction(rng)).map(|(c, d)| cosine * c + aside * d).collect())
}

fn hotel(name: &str) -> HotelId {
    name.parse().unwrap()
}

struct World {
    images: usize,
    centres: Vec<Vec<f32>>,
    queries: Vec<Vec<f32>>,
}

impl World {
    fn new(images: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let centres: Vec<Vec<f32>> = (0..KINDS).map(|_| direction(&mut rng)).collect();
        let queries = (0..QUERIES)
            .map(|n| if n % 2 == 0 { look(&centres[n % KINDS], &mut rng) } else { direction(&mut rng) })
            .collect();
        Self { images, centres, queries }
    }

    fn image(&self, n: usize, rng: &mut StdRng) -> VectorPoint {
        let id = Uuid::from_u64_pair(1, n as u64);
        let whose = if n % 10 == 9 { "other" } else { "ours" };
        VectorPoint::new(id, look(&self.centres[n % KINDS], rng), &hotel(whose), &format!("IMG{n}"))
            .with(CATEGORY, CATEGORIES[n % CATEGORIES.len()])
            .with(ROOM_NUMBER, (100 + n % 300).to_string())
            .with(TAGS, vec![LABELS[n % LABELS.len()], LABELS[n / 7 % LABELS.len()]])
            .with(UPLOADED_AT, 1_700_000_000 + 60 * n as i64)
    }

    /// What is asked, and which part of the hotel's images passes.
    fn filters(&self) -> [(&'static str, Filter); 5] {
        let ours = || Filter::hotel(&hotel("ours"));
        let late = 1_700_000_000 + 60 * (self.images as i64 * 9 / 10);
        [
            ("hotel", ours()),
            ("hotel, category", ours().matching(CATEGORY, "room")),
            ("hotel, one of two tags", ours().any_of(TAGS, &["bed_unmade", "trash"])),
            ("hotel, last tenth of the time", ours().range(UPLOADED_AT, Some(late), None)),
            ("hotel, one room", ours().matching(ROOM_NUMBER, "201")),
        ]
    }
}

/// Resident memory in MiB.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}

type Asked = (Vec<Duration>, Vec<Vec<Uuid>>);

async fn ask(
    index: &Arc<EmbeddedQdrant>,
    images: &Collection,
    world: &Arc<World>,
    filter: &Filter,
    callers: usize,
    exact: bool,
) -> Asked {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (index, images, world, filter) =
                (Arc::clone(index), images.clone(), Arc::clone(world), filter.clone());
            tokio::spawn(async move {
                let mut asked = Vec::new();
                for (n, query) in world.queries.iter().enumerate().skip(caller).step_by(callers) {
                    let start = Instant::now();
                    let hits = index.search(&images, query, &filter, LIMIT, exact).await.unwrap();
                    let time = start.elapsed();
                    assert!(hits.iter().all(|h| h.payload["hotel"] == "ours"), "another one's image");
                    asked.push((n, time, hits.into_iter().map(|h| h.id).collect::<Vec<_>>()));
                }
                asked
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_by_key(|(n, ..)| *n);
    all.into_iter().map(|(_, time, ids)| (time, ids)).unzip()
}

fn row(name: &str, (mut times, answers): Asked, truth: &[Vec<Uuid>]) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let (mut found, mut of) = (0, 0);
    for (answer, truth) in answers.iter().zip(truth) {
        found += truth.iter().filter(|id| answer.contains(id)).count();
        of += truth.len();
    }
    let recall = found as f64 / of as f64;
    println!("{name:<52} {:>8.2} {:>8.2} {:>8.2} {recall:>9.4}", at(0.5), at(0.95), at(0.99));
}

async fn embedded(world: Arc<World>, settled: Duration) {
    let dir = tempfile::tempdir().unwrap();
    let index = Arc::new(EmbeddedQdrant::open(dir.path()).unwrap());
    let images = Collection::new("images", "descriptor@1".parse().unwrap(), DIMENSION).unwrap();
    index.ensure(&images).await.unwrap();
    let (start, mut rng) = (Instant::now(), StdRng::seed_from_u64(2));
    for from in (0..world.images).step_by(512) {
        let until = (from + 512).min(world.images);
        let points = (from..until).map(|n| world.image(n, &mut rng)).collect();
        index.upsert(&images, points).await.unwrap();
    }
    println!("{} images of {DIMENSION} numbers written in {:.1?}", world.images, start.elapsed());
    let start = Instant::now();
    index.optimize(&images).await.unwrap();
    println!("optimized in {:.1?}, {:.0} MiB resident", start.elapsed(), memory());
    tokio::time::sleep(settled).await;
    println!("{:<52} {:>8} {:>8} {:>8} {:>9}", "", "p50 ms", "p95 ms", "p99 ms", "recall@10");
    for (name, filter) in world.filters() {
        let part = index.count(&images, &filter).await.unwrap() as f64 / world.images as f64;
        let name = format!("{name} ({:.1} %)", part * 100.0);
        let exact = ask(&index, &images, &world, &filter, 1, true).await;
        let truth = exact.1.clone();
        row(&format!("{name}, exact"), exact, &truth);
        row(&format!("{name}, shipped"), ask(&index, &images, &world, &filter, 1, false).await, &truth);
        let many = ask(&index, &images, &world, &filter, CALLERS, false).await;
        row(&format!("{name}, shipped, {CALLERS} callers"), many, &truth);
    }
}

fn main() {
    // Without it this is a test run that builds every target.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let small = std::env::args().any(|a| a == "small");
    let (images, settled) = if small { (4_000, Duration::ZERO) } else { (100_000, SETTLED) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(embedded(Arc::new(World::new(images)), settled));
}
