//! Matching among 100,000 templates of 512 numbers: time, memory and recall of the exact scan, of what is
//! shipped, and of a graph (HNSW), in the embedded engine.
//!
//! `cargo bench --workspace --bench match_100k` prints the table of docs/adr/0007-matching-at-scale.md;
//! with `-- graph` also the rows of the graph, which take some minutes more.
//!
//! The templates are synthetic: 20,000 directions drawn evenly from the sphere, and five samples around
//! each at cosines to one another as embedders have them (.4 to .85, .6 on average). Half of the queries
//! are new samples of enrolled people, half are of strangers. All compare against the exact scan. The last two
//! columns count page faults of the process during the row, without and with a read of the disk: they tell first
//! touches of rewritten files from whatever else the machine does after a rewrite.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and prints")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use innkeeper_core::HotelId;
use innkeeper_vectors::{Collection, EmbeddedQdrant, Filter, VectorIndex, VectorPoint};
use qdrant_edge::{
    CreateIndex, DEFAULT_VECTOR_NAME, Distance, EdgeConfig, EdgeShard, EdgeVectorParams,
    FieldIndexOperations, HnswIndexConfig, NamedQuery, Payload, PayloadFieldSchema, PayloadSchemaType,
    PointId, PointInsertOperations, PointOperations, PointStructPersisted, QueryEnum, SearchParams,
    SearchRequest, UpdateOperation, VectorStructInternal, VectorStructPersisted, WithPayloadInterface,
    WithVector,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

const DIMENSION: usize = 512;
const PEOPLE: usize = 20_000;
const TEMPLATES: usize = 5;
const QUERIES: usize = 1_000;
const CALLERS: usize = 16;
const LIMIT: usize = 10;
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

/// Another look at a person: the cosine of two looks is about the product of theirs to the centre.
fn look(centre: &[f32], rng: &mut StdRng) -> Vec<f32> {
    let cosine: f32 = rng.random_range(0.63..0.92);
    let aside = (1.0 - cosine * cosine).sqrt();
    unit(centre.iter().zip(direction(rng)).map(|(c, d)| cosine * c + aside * d).collect())
}

fn hotel(n: usize) -> HotelId {
    format!("hotel{n}").parse().unwrap()
}

struct World {
    centres: Vec<Vec<f32>>,
    /// With the person, where it is one that is enrolled.
    queries: Vec<(Vec<f32>, Option<usize>)>,
}

impl World {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let centres: Vec<Vec<f32>> = (0..PEOPLE).map(|_| direction(&mut rng)).collect();
        let queries = (0..QUERIES)
            .map(|n| {
                let person = (n % 2 == 0).then(|| rng.random_range(0..PEOPLE));
                let query = match person {
                    Some(person) => look(&centres[person], &mut rng),
                    None => direction(&mut rng),
                };
                (query, person)
            })
            .collect();
        Self { centres, queries }
    }

    /// The templates of everybody, in groups, the people dealt out to this many hotels.
    fn templates(&self, hotels: usize) -> impl Iterator<Item = Vec<VectorPoint>> {
        let mut rng = StdRng::seed_from_u64(2);
        self.centres.chunks(512).enumerate().map(move |(chunk, centres)| {
            let people = centres.iter().enumerate().map(|(n, centre)| (chunk * 512 + n, centre));
            people
                .flat_map(|(person, centre)| {
                    let place = hotel(person % hotels);
                    (0..TEMPLATES)
                        .map(|n| {
                            let id = Uuid::from_u64_pair(person as u64, n as u64);
                            VectorPoint::new(id, look(centre, &mut rng), &place, &format!("EMP{person}"))
                        })
                        .collect::<Vec<_>>()
                })
                .collect()
        })
    }
}

type Answers = Vec<Vec<Uuid>>;

/// Page faults of the process so far, without and with a read of the disk.
fn faults() -> [u64; 2] {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [7, 9].map(|i| fields.get(i).and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// What asking all queries gave.
struct Asked {
    times: Vec<Duration>,
    answers: Answers,
    faults: [u64; 2],
}

fn row(name: &str, asked: Asked, truth: &Answers) {
    let Asked { mut times, answers, faults } = asked;
    times.sort_unstable();
    let at = |share: f64| times[(share * (times.len() - 1) as f64).round() as usize].as_secs_f64() * 1e3;
    let first = answers.iter().zip(truth).filter(|(a, t)| a.first() == t.first()).count();
    let all: usize = truth.iter().map(Vec::len).sum();
    let found: usize =
        answers.iter().zip(truth).map(|(a, t)| t.iter().filter(|id| a.contains(id)).count()).sum();
    println!(
        "{name:<44} {:>8.2} {:>8.2} {:>8.2} {:>9.4} {:>9.4} {:>7} {:>7}",
        at(0.5),
        at(0.95),
        at(0.99),
        first as f64 / truth.len() as f64,
        found as f64 / all as f64,
        faults[0],
        faults[1]
    );
}

fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().unwrap_or(0.0) / 1024.0
}

/// Asks all queries, so many at a time, in the order they come.
async fn ask(
    index: &Arc<EmbeddedQdrant>,
    faces: &Collection,
    world: &Arc<World>,
    hotels: usize,
    callers: usize,
    exact: bool,
) -> Asked {
    let before = faults();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (index, faces, world) = (Arc::clone(index), faces.clone(), Arc::clone(world));
            tokio::spawn(async move {
                let mut done = Vec::new();
                for n in (caller..QUERIES).step_by(callers) {
                    let (query, person) = &world.queries[n];
                    let filter = Filter::hotel(&hotel(person.unwrap_or(n) % hotels));
                    let start = Instant::now();
                    let hits = index.search(&faces, query, &filter, LIMIT, exact).await.unwrap();
                    done.push((n, start.elapsed(), hits.iter().map(|h| h.id).collect::<Vec<_>>()));
                }
                done
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable_by_key(|(n, ..)| *n);
    let after = faults();
    let (times, answers) = all.into_iter().map(|(_, time, ids)| (time, ids)).unzip();
    Asked { times, answers, faults: [after[0] - before[0], after[1] - before[1]] }
}

async fn embedded(world: &Arc<World>, hotels: usize) -> Answers {
    let dir = tempfile::tempdir().unwrap();
    let faces = Collection::new("faces", "bench@1".parse().unwrap(), DIMENSION).unwrap();
    let index = Arc::new(EmbeddedQdrant::open(dir.path()).unwrap());
    index.ensure(&faces).await.unwrap();
    let start = Instant::now();
    for group in world.templates(hotels) {
        index.upsert(&faces, group).await.unwrap();
    }
    println!("\n{hotels} hotel(s): written in {:.1?}, {:.0} MiB resident", start.elapsed(), memory());
    let exact = ask(&index, &faces, world, hotels, 1, true).await;
    let truth = exact.answers.clone();
    row("exact, 1 caller", exact, &truth);
    let start = Instant::now();
    index.optimize(&faces).await.unwrap();
    println!("optimized in {:.1?}, {:.0} MiB resident", start.elapsed(), memory());
    let shipped = ask(&index, &faces, world, hotels, 1, false).await;
    row("shipped, 1 caller, right after the rewrite", shipped, &truth);
    tokio::time::sleep(SETTLED).await;
    let shipped = ask(&index, &faces, world, hotels, 1, false).await;
    row("shipped, 1 caller, half a minute later", shipped, &truth);
    let shipped = ask(&index, &faces, world, hotels, CALLERS, false).await;
    row(&format!("shipped, {CALLERS} callers"), shipped, &truth);

    // As many new templates as may wait for the next optimisation: found at once, at full width.
    let mut rng = StdRng::seed_from_u64(3);
    let late: Vec<VectorPoint> = (0..4_900)
        .map(|n| VectorPoint::new(Uuid::from_u64_pair(u64::MAX, n), direction(&mut rng), &hotel(0), "LATE"))
        .collect();
    index.upsert(&faces, late.clone()).await.unwrap();
    let truth_now = ask(&index, &faces, world, hotels, 1, true).await.answers;
    let shipped = ask(&index, &faces, world, hotels, 1, false).await;
    row("shipped, 1 caller, 4,900 not yet optimized", shipped, &truth_now);
    for point in late.iter().step_by(100) {
        let hits = index.search(&faces, &point.vector, &Filter::hotel(&hotel(0)), 1, false).await.unwrap();
        assert_eq!(hits[0].id, point.id, "a new template is not found");
    }
    let late: Vec<VectorPoint> = late.into_iter().take(400).collect();
    let late = late.into_iter().map(|p| VectorPoint { id: Uuid::new_v4(), ..p }).collect();
    index.upsert(&faces, late).await.unwrap();
    assert!(index.state(&faces).await.unwrap().needs_optimize);
    let start = Instant::now();
    index.optimize(&faces).await.unwrap();
    println!("optimized again, 5,300 more, in {:.1?}", start.elapsed());
    assert!(!index.state(&faces).await.unwrap().needs_optimize);
    index.delete(&faces, &[Uuid::from_u64_pair(0, 0)]).await.unwrap();
    let start = Instant::now();
    index.optimize(&faces).await.unwrap();
    println!("rewritten after a deletion in {:.1?}", start.elapsed());
    truth
}

/// The same templates in a graph, without the hotels.
fn graph(world: &World, dir: &Path, m: usize, truth: &Answers) {
    let config = EdgeConfig {
        on_disk_payload: false,
        vectors: HashMap::from([(
            DEFAULT_VECTOR_NAME.to_owned(),
            EdgeVectorParams::builder(DIMENSION, Distance::Cosine).build(),
        )]),
        hnsw_config: HnswIndexConfig { m, ef_construct: 200, ..HnswIndexConfig::default() },
        ..EdgeConfig::default()
    };
    let engine = EdgeShard::new(dir, config).unwrap();
    let index = CreateIndex {
        field_name: "hotel".parse().unwrap(),
        field_schema: Some(PayloadFieldSchema::FieldType(PayloadSchemaType::Keyword)),
    };
    engine.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index))).unwrap();
    for group in world.templates(1) {
        let points = group.into_iter().map(|p| PointStructPersisted {
            id: PointId::Uuid(p.id),
            vector: VectorStructPersisted::from(VectorStructInternal::Single(p.vector)),
            payload: Some(Payload(p.payload)),
        });
        let points = PointInsertOperations::PointsList(points.collect());
        engine.update(UpdateOperation::PointOperation(PointOperations::UpsertPoints(points))).unwrap();
    }
    let start = Instant::now();
    engine.optimize().unwrap();
    println!("\ngraph of {m} links: built in {:.1?}, {:.0} MiB resident", start.elapsed(), memory());
    for ef in [128, 512, 2048] {
        let before = faults();
        let (times, answers): (Vec<_>, Answers) = world
            .queries
            .iter()
            .map(|(query, _)| {
                let start = Instant::now();
                let found = engine.search(SearchRequest {
                    query: QueryEnum::Nearest(NamedQuery::default_dense(query.clone())),
                    filter: None,
                    params: Some(SearchParams { hnsw_ef: Some(ef), ..SearchParams::default() }),
                    limit: LIMIT,
                    offset: 0,
                    with_payload: Some(WithPayloadInterface::Bool(true)),
                    with_vector: Some(WithVector::Bool(false)),
                    score_threshold: None,
                });
                let time = start.elapsed();
                let ids = found.unwrap().into_iter().filter_map(|p| match p.id {
                    PointId::Uuid(id) => Some(id),
                    PointId::NumId(_) => None,
                });
                (time, ids.collect::<Vec<_>>())
            })
            .unzip();
        let after = faults();
        let asked = Asked { times, answers, faults: [after[0] - before[0], after[1] - before[1]] };
        row(&format!("graph, a beam of {ef}, 1 caller"), asked, truth);
    }
}

fn main() {
    // Without it this is a test run that builds every target.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = Arc::new(World::new());
    println!(
        "{:<44} {:>8} {:>8} {:>8} {:>9} {:>9} {:>7} {:>7}",
        "", "p50 ms", "p95 ms", "p99 ms", "recall@1", "recall@10", "minor", "major"
    );
    let truth = runtime.block_on(embedded(&world, 1));
    runtime.block_on(embedded(&world, 50));
    if std::env::args().any(|a| a == "graph") {
        for m in [16, 32] {
            graph(&world, tempfile::tempdir().unwrap().path(), m, &truth);
        }
    }
}
