use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use innkeeper_core::HotelId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const CHILD_DIR: &str = "INNKEEPER_VECTORS_TEST_DIR";
const CHILD_MODE: &str = "INNKEEPER_VECTORS_TEST_MODE";

fn faces(dimension: usize) -> Collection {
    Collection::new("faces", "edge@1".parse().expect("a model"), dimension).expect("a collection")
}

fn hotel(name: &str) -> HotelId {
    name.parse().expect("a hotel")
}

fn everything() -> Filter {
    Filter::every_hotel()
}

fn random(rng: &mut StdRng, dimension: usize) -> Vec<f32> {
    (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Point number `n` of a fixed sequence: whoever knows `n` knows what must be stored.
fn numbered(n: u64, dimension: usize) -> VectorPoint {
    let vector = random(&mut StdRng::seed_from_u64(n), dimension);
    let id = Uuid::from_u64_pair(1, n);
    VectorPoint::new(id, vector, &hotel("a"), &format!("EMP{}", n % 10)).with("n", n)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(p, q)| f64::from(p * q)).sum() };
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()) as f32
}

async fn opened(dir: &Path, dimension: usize) -> EmbeddedQdrant {
    let index = EmbeddedQdrant::open(dir).expect("free");
    index.ensure(&faces(dimension)).await.expect("ensured");
    index
}

/// Every point of the sequence up to `count` is there, whole, and found by its own vector.
async fn assert_holds(index: &EmbeddedQdrant, numbers: impl Iterator<Item = u64>, dimension: usize) {
    let collection = faces(dimension);
    for n in numbers {
        let want = numbered(n, dimension);
        let got = index.get(&collection, &[want.id]).await.expect("read");
        assert_eq!(got.len(), 1, "point {n} is lost");
        assert_eq!(got[0].payload, want.payload, "point {n}");
        assert!(cosine(&got[0].vector, &want.vector) > 0.99999, "point {n} has another vector");
        let owner = Filter::hotel(&hotel("a")).owner(&format!("EMP{}", n % 10));
        let hits = index.search(&collection, &want.vector, &owner, 1, true).await.expect("searched");
        assert_eq!(hits.first().map(|h| h.id), Some(want.id), "point {n} is not found by its owner");
    }
}

#[tokio::test]
async fn the_nearest_points_are_those_that_brute_force_finds() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 32).await;
    let points: Vec<VectorPoint> = (0..2000).map(|n| numbered(n, 32)).collect();
    index.upsert(&faces(32), points.clone()).await.expect("written");
    let mut rng = StdRng::seed_from_u64(99);
    for _ in 0..20 {
        let query = random(&mut rng, 32);
        let mut want: Vec<(f32, Uuid)> = points.iter().map(|p| (cosine(&query, &p.vector), p.id)).collect();
        want.sort_by(|a, b| b.0.total_cmp(&a.0));
        let hits = index.search(&faces(32), &query, &everything(), 5, true).await.expect("searched");
        assert_eq!(hits.len(), 5);
        for (hit, (score, id)) in hits.iter().zip(&want) {
            assert_eq!(hit.id, *id);
            assert!((hit.score - score).abs() < 1e-5, "{} is not the cosine {score}", hit.score);
        }
    }
}

#[tokio::test]
async fn one_hotel_never_sees_another_ones_points() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 4).await;
    let vector = vec![1.0, 0.0, 0.0, 0.0];
    let of = |id, h: &str, owner| VectorPoint::new(Uuid::from_u128(id), vector.clone(), &hotel(h), owner);
    let points = vec![of(1, "a", "EMP1"), of(2, "b", "EMP1"), of(3, "a", "EMP2"), of(4, "a", "EMP3")];
    index.upsert(&faces(4), points).await.expect("written");
    let found = async |filter: Filter| -> Vec<u128> {
        let hits = index.search(&faces(4), &vector, &filter, 10, true).await.expect("searched");
        let ids = index.ids(&faces(4), &filter).await.expect("listed");
        let hits: Vec<u128> = hits.iter().map(|h| h.id.as_u128()).collect();
        assert_eq!(ids.iter().map(Uuid::as_u128).collect::<Vec<_>>(), hits, "{filter:?}");
        assert_eq!(index.count(&faces(4), &filter).await.expect("counted"), hits.len(), "{filter:?}");
        hits
    };
    assert_eq!(found(Filter::hotel(&hotel("a"))).await, [1, 3, 4]);
    assert_eq!(found(Filter::hotel(&hotel("b"))).await, [2]);
    assert!(found(Filter::hotel(&hotel("c"))).await.is_empty());
    assert_eq!(found(Filter::hotel(&hotel("a")).owner("EMP1")).await, [1]);
    let others = Filter::hotel(&hotel("a")).except_owner("EMP1").except_owner("EMP3");
    assert_eq!(found(others).await, [3]);
    assert_eq!(found(Filter::every_hotel().except_owner("EMP1")).await, [3, 4]);
    assert_eq!(found(Filter::every_hotel()).await, [1, 2, 3, 4]);
    let broken = index.count(&faces(4), &Filter::every_hotel().matching("a[", "x")).await;
    assert!(matches!(broken, Err(VectorError::FilterKey(_))));
}

#[tokio::test]
async fn deleted_points_are_gone_also_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let gone: Vec<Uuid> = (0..50).map(|n| numbered(n, 8).id).collect();
    {
        let index = opened(dir.path(), 8).await;
        index.upsert(&faces(8), (0..100).map(|n| numbered(n, 8)).collect()).await.expect("written");
        index.delete(&faces(8), &gone).await.expect("deleted");
        index.delete(&faces(8), &[Uuid::from_u128(7)]).await.expect("a missing point is fine");
        assert_eq!(index.count(&faces(8), &everything()).await.expect("counted"), 50);
    }
    let index = opened(dir.path(), 8).await;
    assert_eq!(index.count(&faces(8), &everything()).await.expect("counted"), 50);
    assert!(index.get(&faces(8), &gone).await.expect("read").is_empty());
    let hits = index.search(&faces(8), &numbered(3, 8).vector, &everything(), 100, true).await;
    assert!(hits.expect("searched").iter().all(|hit| !gone.contains(&hit.id)));
    assert_holds(&index, 50..100, 8).await;
}

fn bytes_under(dir: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            bytes_under(&path, into);
        } else {
            // Files are allocated ahead; the empty blocks hold nothing and take time to look through.
            let bytes = fs::read(&path).expect("a file");
            into.push(
                bytes.chunks(4096).filter(|c| *c != &[0; 4096][..c.len()]).flatten().copied().collect(),
            );
        }
    }
}

/// How many of the numbers of this vector still stand somewhere in the files, next to each other.
fn is_on_disk(dir: &Path, vector: &[f32]) -> bool {
    let needle: Vec<u8> = vector.iter().take(4).flat_map(|v| v.to_le_bytes()).collect();
    // The log keeps each number with its tag, most significant byte first.
    let tagged: Vec<u8> =
        vector.iter().take(4).flat_map(|v| [vec![0xfa], v.to_be_bytes().to_vec()].concat()).collect();
    let mut files = Vec::new();
    bytes_under(dir, &mut files);
    files.iter().any(|f| [&needle, &tagged].iter().any(|n| f.windows(n.len()).any(|w| w == n.as_slice())))
}

#[tokio::test]
async fn a_deleted_face_is_not_left_in_the_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 8).await;
    index.upsert(&faces(8), (0..20).map(|n| numbered(n, 8)).collect()).await.expect("written");
    let (gone, kept) = (numbered(3, 8), numbered(4, 8));
    let stored = index.get(&faces(8), &[gone.id, kept.id]).await.expect("read");
    index.delete(&faces(8), &[gone.id]).await.expect("deleted");
    assert!(is_on_disk(dir.path(), &gone.vector), "the check would find nothing anyway");
    index.optimize(&faces(8)).await.expect("optimized");
    assert!(is_on_disk(dir.path(), &stored[1].vector), "the check finds nothing anymore");
    assert!(!is_on_disk(dir.path(), &gone.vector), "as it was sent");
    assert!(!is_on_disk(dir.path(), &stored[0].vector), "as it was stored");
    assert_holds(&index, (0..20).filter(|n| *n != 3), 8).await;
    // And the fresh shard takes writes and survives a restart.
    index.upsert(&faces(8), vec![numbered(20, 8)]).await.expect("written");
    drop(index);
    assert_holds(&opened(dir.path(), 8).await, (0..=20).filter(|n| *n != 3), 8).await;
}

#[tokio::test]
async fn a_second_point_with_an_id_replaces_the_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 2).await;
    let id = Uuid::from_u128(5);
    for (vector, owner) in [(vec![1.0, 0.0], "EMP1"), (vec![0.0, 2.0], "EMP2")] {
        index
            .upsert(&faces(2), vec![VectorPoint::new(id, vector, &hotel("a"), owner)])
            .await
            .expect("written");
    }
    assert_eq!(index.count(&faces(2), &everything()).await.expect("counted"), 1);
    assert!(index.ids(&faces(2), &everything().owner("EMP1")).await.expect("listed").is_empty());
    let hits = index.search(&faces(2), &[0.0, 1.0], &everything(), 1, true).await.expect("searched");
    assert!((hits[0].score - 1.0).abs() < 1e-6 && hits[0].payload["owner"] == "EMP2");
}

#[tokio::test]
async fn vectors_that_have_no_cosine_are_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 3).await;
    let at = |vector: Vec<f32>| VectorPoint::new(Uuid::new_v4(), vector, &hotel("a"), "EMP1");
    for bad in [[f32::NAN, 0.0, 1.0], [f32::INFINITY, 0.0, 1.0], [0.0; 3], [f32::MAX; 3], [1e-30; 3]] {
        let batch = vec![at(vec![1.0, 0.0, 0.0]), at(bad.to_vec())];
        assert!(matches!(index.upsert(&faces(3), batch).await, Err(VectorError::NoDirection)), "{bad:?}");
        let search = index.search(&faces(3), &bad, &everything(), 1, true).await;
        assert!(matches!(search, Err(VectorError::NoDirection)), "{bad:?}");
    }
    let short = index.upsert(&faces(3), vec![at(vec![1.0, 0.0])]).await;
    assert!(matches!(short, Err(VectorError::Dimension { expected: 3, found: 2 })));
    let mut nameless = at(vec![1.0, 0.0, 0.0]);
    nameless.payload.remove("hotel");
    let nameless = index.upsert(&faces(3), vec![nameless]).await;
    assert!(matches!(nameless, Err(VectorError::Payload { key: "hotel" })));
    assert_eq!(index.count(&faces(3), &everything()).await.expect("counted"), 0);
}

#[tokio::test]
async fn a_collection_keeps_its_dimension_and_models_stay_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    let other = Collection::new("faces", "edge@2".parse().expect("a model"), 16).expect("a collection");
    {
        let index = opened(dir.path(), 8).await;
        index.upsert(&faces(8), vec![numbered(1, 8)]).await.expect("written");
        let refused = index.ensure(&faces(9)).await;
        assert!(matches!(refused, Err(VectorError::StoredDimension { stored: 8, wanted: 9, .. })));
        let missing = index.count(&other, &everything()).await;
        assert!(matches!(missing, Err(VectorError::UnknownCollection { .. })));
        index.ensure(&other).await.expect("ensured");
        assert_eq!(index.count(&other, &everything()).await.expect("counted"), 0);
    }
    let index = EmbeddedQdrant::open(dir.path()).expect("free");
    let refused = index.ensure(&faces(9)).await;
    assert!(matches!(refused, Err(VectorError::StoredDimension { stored: 8, wanted: 9, .. })));
    assert_eq!(index.collections().await.expect("listed"), [faces(8), other.clone()]);
    index.drop_collection(&faces(8)).await.expect("dropped");
    index.drop_collection(&faces(8)).await.expect("a missing one is fine");
    assert_eq!(index.collections().await.expect("listed"), [other]);
}

#[tokio::test]
async fn folders_of_others_do_not_keep_the_index_from_its_collections() {
    let dir = tempfile::tempdir().expect("a folder");
    opened(dir.path(), 8).await.close().await.expect("closed");
    for foreign in ["lost+found", "Faces--edge@1", "notes"] {
        std::fs::create_dir(dir.path().join(foreign)).expect("created");
    }
    let index = EmbeddedQdrant::open(dir.path()).expect("free");
    assert_eq!(index.collections().await.expect("listed"), [faces(8)]);
    assert!(dir.path().join("lost+found").is_dir(), "it is not ours to remove");
}

#[tokio::test]
async fn a_directory_has_one_owner_at_a_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 4).await;
    assert!(matches!(EmbeddedQdrant::open(dir.path()), Err(VectorError::InUse { .. })));
    let mut child = child("hold", dir.path());
    let output = child.wait_with_output_of_lines();
    assert_eq!(output, ["in use"], "another process got in");
    index.close().await.expect("closed");
    let after = index.count(&faces(4), &everything()).await;
    assert!(matches!(after, Err(VectorError::Closed)));
    assert!(matches!(index.ensure(&faces(4)).await, Err(VectorError::Closed)));
    drop(EmbeddedQdrant::open(dir.path()).expect("a closed index still holds its directory"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn searches_stay_right_while_points_are_written_and_cleared_away() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = Arc::new(opened(dir.path(), 16).await);
    index.upsert(&faces(16), (0..200).map(|n| numbered(n, 16)).collect()).await.expect("written");
    let mut tasks = Vec::new();
    for writer in 0..3_u64 {
        let index = Arc::clone(&index);
        tasks.push(tokio::spawn(async move {
            for n in 0..10 {
                let n = 1000 + writer * 100 + n;
                index.upsert(&faces(16), vec![numbered(n, 16)]).await.expect("written");
            }
        }));
    }
    for reader in 0..4_u64 {
        let index = Arc::clone(&index);
        tasks.push(tokio::spawn(async move {
            for round in 0..30 {
                let want = numbered((reader * 50 + round) % 200, 16);
                let hits = index.search(&faces(16), &want.vector, &everything(), 1, true).await;
                assert_eq!(hits.expect("searched")[0].id, want.id);
            }
        }));
    }
    let cleaner = Arc::clone(&index);
    tasks.push(tokio::spawn(async move {
        for n in 500..503 {
            cleaner.upsert(&faces(16), vec![numbered(n, 16)]).await.expect("written");
            cleaner.delete(&faces(16), &[numbered(n, 16).id]).await.expect("deleted");
            cleaner.optimize(&faces(16)).await.expect("optimized");
        }
    }));
    for task in tasks {
        task.await.expect("no task failed");
    }
    assert_eq!(index.count(&faces(16), &everything()).await.expect("counted"), 230);
    assert_holds(&index, (0..3).flat_map(|w| (0..10).map(move |n| 1000 + w * 100 + n)), 16).await;
}

#[tokio::test]
async fn an_interrupted_exchange_of_shards_loses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 8).await;
    index.upsert(&faces(8), vec![numbered(1, 8)]).await.expect("written");
    drop(index);
    let key = faces(8).key();
    let [place, building, retired] = ["", BUILDING, RETIRED].map(|p| dir.path().join(format!("{p}{key}")));
    // Stopped while the new shard was being built: it is half a shard, the old one is in its place.
    fs::create_dir(&building).expect("created");
    drop(EmbeddedQdrant::open(dir.path()).expect("free"));
    assert!(!building.exists() && place.exists());
    // Stopped after the old one left its place: the new one is complete.
    fs::rename(&place, &building).expect("renamed");
    fs::create_dir(&retired).expect("created");
    drop(EmbeddedQdrant::open(dir.path()).expect("free"));
    assert!(!building.exists() && !retired.exists());
    assert_holds(&opened(dir.path(), 8).await, 1..2, 8).await;
    // Stopped before the old one was removed.
    fs::create_dir(&retired).expect("created");
    assert_holds(&opened(dir.path(), 8).await, 1..2, 8).await;
    assert!(!retired.exists());
}

struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Child {
    fn lines(&mut self) -> impl Iterator<Item = String> {
        let lines = BufReader::new(self.0.stdout.take().expect("piped")).lines();
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("child: ").map(str::to_owned))
    }

    fn wait_with_output_of_lines(&mut self) -> Vec<String> {
        self.lines().collect()
    }
}

/// Runs `the_other_process` below in a process of its own.
fn child(mode: &str, dir: &Path) -> Child {
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "embedded::tests::the_other_process", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .env(CHILD_MODE, mode)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    Child(child.expect("started"))
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\nchild: {line}").and_then(|()| out.flush()).expect("said");
}

/// Not a test by itself: it does nothing unless [`child`] started it.
#[tokio::test]
async fn the_other_process() {
    let (Some(dir), Ok(mode)) = (std::env::var_os(CHILD_DIR), std::env::var(CHILD_MODE)) else { return };
    let dir = Path::new(&dir);
    if mode == "hold" {
        let opened = EmbeddedQdrant::open(dir);
        say(if matches!(opened, Err(VectorError::InUse { .. })) { "in use" } else { "opened" });
        return;
    }
    let index = opened(dir, 32).await;
    if mode == "abort" {
        index.upsert(&faces(32), (0..600).map(|n| numbered(n, 32)).collect()).await.expect("written");
        index.upsert(&faces(32), vec![numbered(600, 32)]).await.expect("written");
        index.delete(&faces(32), &[numbered(7, 32).id]).await.expect("deleted");
        std::process::abort();
    }
    for n in 0.. {
        index.upsert(&faces(32), vec![numbered(n, 32)]).await.expect("written");
        say(&n.to_string());
        if n % 5 == 4 {
            index.delete(&faces(32), &[numbered(n, 32).id]).await.expect("deleted");
            say(&format!("deleted {n}"));
        }
    }
}

#[tokio::test]
async fn a_process_that_aborts_right_after_a_write_has_written_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut child = child("abort", dir.path());
    assert!(!child.0.wait().expect("waited").success(), "the child did not abort");
    let index = opened(dir.path(), 32).await;
    assert_eq!(index.count(&faces(32), &everything()).await.expect("counted"), 600);
    assert_holds(&index, (0..=600).filter(|n| *n != 7), 32).await;
    // And what was read back is a shard like any other.
    index.upsert(&faces(32), vec![numbered(7, 32), numbered(601, 32)]).await.expect("written");
    assert_holds(&index, [7, 601].into_iter(), 32).await;
}

#[tokio::test]
async fn a_process_killed_amid_writes_keeps_all_that_had_returned() {
    for stop_after in [3, 12, 40] {
        let dir = tempfile::tempdir().expect("a folder");
        let (mut written, mut deleted) = (Vec::new(), Vec::new());
        {
            let mut child = child("loop", dir.path());
            for line in child.lines().take(stop_after) {
                match line.strip_prefix("deleted ") {
                    Some(n) => deleted.push(n.parse::<u64>().expect("a number")),
                    None => written.push(line.parse::<u64>().expect("a number")),
                }
            }
        }
        let index = opened(dir.path(), 32).await;
        // The last of the written may be on its way out.
        let sure = written.iter().copied().filter(|n| n % 5 != 4);
        assert_holds(&index, sure, 32).await;
        for n in deleted {
            assert!(
                index.get(&faces(32), &[numbered(n, 32).id]).await.expect("read").is_empty(),
                "{n} came back"
            );
        }
        assert_eq!(written.len(), stop_after - stop_after / 6, "the child stopped early");
    }
}
