use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use innkeeper_core::{HotelId, WriteStage};

use super::*;
use crate::suite::{self, Place, every_engine_does_this, everything, numbered};

const CHILD_DIR: &str = "INNKEEPER_VECTORS_TEST_DIR";
const CHILD_MODE: &str = "INNKEEPER_VECTORS_TEST_MODE";

fn faces(dimension: usize) -> Collection {
    Collection::new("faces", "edge@1".parse().expect("a model"), dimension).expect("a collection")
}

async fn opened(dir: &Path, dimension: usize) -> EmbeddedQdrant {
    let index = EmbeddedQdrant::open(dir).expect("free");
    index.ensure(&faces(dimension)).await.expect("ensured");
    index
}

async fn assert_holds(index: &EmbeddedQdrant, numbers: impl Iterator<Item = u64>, dimension: usize) {
    suite::assert_holds(index, &faces(dimension), numbers).await;
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a folder");
    Place::new(EmbeddedQdrant::open(dir.path()).expect("free"), "", dir)
}

every_engine_does_this!(std::future::ready(place()));

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

#[tokio::test]
async fn the_first_point_of_a_second_hotel_is_no_answer_to_the_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 8).await;
    let [first, second]: [HotelId; 2] = ["first", "second"].map(|h| h.parse().expect(h));
    let of = |n: u64, hotel: &HotelId| {
        VectorPoint::new(Uuid::from_u128(n.into()), numbered(n, 8).vector, hotel, &format!("EMP{n}"))
    };
    let own: Vec<VectorPoint> = (0..20).map(|n| of(n, &first)).collect();
    index.upsert(&faces(8), own).await.expect("written");
    let ask = async |hotel: &HotelId, limit: usize| {
        let hits =
            index.search(&faces(8), &numbered(30, 8).vector, &Filter::hotel(hotel), limit, false).await;
        hits.expect("searched").into_iter().map(|hit| hit.id.as_u128()).collect::<Vec<_>>()
    };
    let before = ask(&first, 3).await;
    assert_eq!((before.len(), ask(&second, 3).await.len()), (3, 0));
    index.upsert(&faces(8), vec![of(30, &second)]).await.expect("written");
    assert_eq!((ask(&first, 3).await, ask(&second, 3).await), (before.clone(), vec![30]));
    assert_eq!(ask(&first, 100).await.len(), 20);
    index.delete(&faces(8), &[Uuid::from_u128(30)]).await.expect("deleted");
    assert_eq!((ask(&first, 3).await, ask(&second, 3).await.len()), (before, 0));
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
async fn a_collection_keeps_its_dimension_also_after_a_restart() {
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
    child_killed_at(mode, dir, "")
}

/// The same; at the stage, `stage:nth`, it kills itself.
fn child_killed_at(mode: &str, dir: &Path, stage: &str) -> Child {
    let child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "embedded::tests::the_other_process", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .env(CHILD_MODE, mode)
        .env("INNKEEPER_KILL_AT", stage)
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
            if mode == "stages" {
                index.optimize(&faces(32)).await.expect("optimized");
            }
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

#[tokio::test]
async fn a_process_killed_between_two_steps_of_a_write_keeps_what_it_acknowledged() {
    use WriteStage as S;
    let stages = [
        S::VectorWritten,
        S::VectorFlushed,
        S::VectorRemoved,
        S::RemovalFlushed,
        S::IndexRewritten,
        S::IndexReplaced,
    ];
    for stage in stages {
        for nth in [1, 3] {
            let dir = tempfile::tempdir().expect("a folder");
            let mut child = child_killed_at("stages", dir.path(), &format!("{stage}:{nth}"));
            let lines = child.wait_with_output_of_lines();
            let status = child.0.wait().expect("waited");
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{stage}: {status}");
            let numbers = |prefix: &str| -> Vec<u64> {
                lines.iter().filter_map(|l| l.strip_prefix(prefix)?.parse().ok()).collect()
            };
            let (written, deleted) = (numbers(""), numbers("deleted "));
            let index = opened(dir.path(), 32).await;
            // Acknowledged and not yet asked to go; what was asked to go and not acknowledged may be either.
            assert_holds(&index, written.iter().copied().filter(|n| n % 5 != 4), 32).await;
            for n in &deleted {
                let found = index.get(&faces(32), &[numbered(*n, 32).id]).await.expect("read");
                assert!(found.is_empty(), "{stage}: {n} came back");
            }
            // The one on its way is there whole or not at all, and nothing else is.
            let next = written.len() as u64;
            let ids = index.ids(&faces(32), &everything()).await.expect("listed");
            let known = |id: &Uuid| (0..=next).any(|n| !deleted.contains(&n) && numbered(n, 32).id == *id);
            assert!(ids.iter().all(known), "{stage}: {ids:?}");
            if ids.contains(&numbered(next, 32).id) {
                assert_holds(&index, next..=next, 32).await;
            }
            // And the index goes on as any other.
            index.upsert(&faces(32), vec![numbered(1000, 32)]).await.expect("written");
            index.optimize(&faces(32)).await.expect("optimized");
            assert_holds(&index, [1000].into_iter(), 32).await;
            assert!(!index.state(&faces(32)).await.expect("asked").needs_optimize);
        }
    }
}

/// Enough points that the engine makes bytes of them.
const MANY: u64 = 7_000;

#[tokio::test]
async fn points_are_found_at_once_before_and_after_they_become_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = opened(dir.path(), 384).await;
    let faces = faces(384);
    index.upsert(&faces, (0..MANY).map(|n| numbered(n, 384)).collect()).await.expect("written");
    let state = index.state(&faces).await.expect("asked");
    let points = MANY as usize;
    assert_eq!(state, IndexState { points, unindexed: points, needs_optimize: true });
    index.optimize(&faces).await.expect("optimized");
    let state = index.state(&faces).await.expect("asked");
    assert_eq!(state, IndexState { points, unindexed: 0, needs_optimize: false });
    index.upsert(&faces, (MANY..MANY + 20).map(|n| numbered(n, 384)).collect()).await.expect("written");
    let state = index.state(&faces).await.expect("asked");
    assert_eq!(state, IndexState { points: points + 20, unindexed: 20, needs_optimize: false });
    // Bytes bring candidates forward, and whole numbers score them: both searches answer alike.
    for n in (0..MANY + 20).step_by(350).chain(MANY..MANY + 20) {
        let query = numbered(n, 384).vector;
        let rough = index.search(&faces, &query, &everything(), 3, false).await.expect("searched");
        let exact = index.search(&faces, &query, &everything(), 3, true).await.expect("searched");
        assert_eq!(rough[0].id, numbered(n, 384).id);
        assert_eq!(rough, exact, "{n}");
    }
}
