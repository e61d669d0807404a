//! The server is killed while it indexes a thousand pictures, a few dozen times, at named stages of a write and in between.
//! After each start every picture is wholly there (row, vector, both files, and a search finds it) or wholly absent; what was
//! acknowledged is there, what was removed stays away.
//!
//! `INNKEEPER_CRASH_SEED` (1) chooses where it dies, `INNKEEPER_CRASH_IMAGES` (1000) how many pictures there are,
//! `INNKEEPER_CRASH_KILLS_OF_IMAGES` (40) how many kills. What was killed where is printed, and kept as
//! `images-crash-report.txt` in the build folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use image::DynamicImage;
use innkeeper_core::WriteStage;
use innkeeper_store::ImageFilter;
use innkeeper_vectors::{EmbeddedQdrant, Filter, VectorIndex as _};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::crash::{ANY_TIME, Dice, bury, kill, setting, try_send};
use crate::images::{INDEX, SEARCH};
use crate::pictures::jpeg;
use crate::scenes::scene;
use crate::server::{House, Server, files, tables};

/// Clients that send at once.
const CLIENTS: usize = 4;
/// Of so many acknowledged pictures one is removed again.
const REMOVED: usize = 6;
/// Pictures that are asked for after each start; at the end all are.
const SAMPLE: usize = 6;

/// Stages that a picture on its way in, or out, comes by.
const STAGES: [WriteStage; 12] = [
    WriteStage::PictureWritten,
    WriteStage::RowsWritten,
    WriteStage::OutboxWritten,
    WriteStage::Committed,
    WriteStage::VectorWritten,
    WriteStage::VectorFlushed,
    WriteStage::VectorAcknowledged,
    WriteStage::Answering,
    WriteStage::VectorRemoved,
    WriteStage::RemovalFlushed,
    WriteStage::RemovalAcknowledged,
    WriteStage::PictureRemoved,
];

/// What is known of a picture from the answers.
#[derive(Debug, Clone, PartialEq)]
enum Known {
    /// Nothing was ever answered: it may be there or not.
    Sent,
    /// It is there, under this id.
    There(String),
    /// Its removal was asked for and not answered.
    Going(String),
    /// It is gone.
    Gone,
}

/// A small picture of its own.
fn picture(n: usize) -> Vec<u8> {
    jpeg(&DynamicImage::ImageRgb8(scene(n as u64 + 10_000, 96, 72)))
}

struct Test<'h> {
    house: &'h House,
    token: String,
    /// By the number of the picture.
    model: Vec<Mutex<Known>>,
    by_sha256: BTreeMap<String, usize>,
    dice: Dice,
    kills: BTreeMap<&'static str, usize>,
    recoveries: usize,
    unanswered: AtomicUsize,
}

impl Test<'_> {
    fn known(&self, n: usize) -> Known {
        self.model[n].lock().expect("nobody panicked").clone()
    }

    fn know(&self, n: usize, known: Known) {
        *self.model[n].lock().expect("nobody panicked") = known;
    }

    /// Sends a picture, as whoever does not know whether it arrived. Whether the server answered.
    fn send(&self, server: &Server<'_>, n: usize) -> bool {
        let path = format!("{INDEX}?category=room&room_number={}&on_duplicate=reuse", n % 40 + 100);
        let caller = server.with(&self.token);
        let request = caller.request(Method::POST, &path).header(CONTENT_TYPE, "image/jpeg");
        let Some(answer) = try_send(request.body(picture(n))) else {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        let told = answer.json(answer.status);
        let id = told["image_id"].as_str().expect("an id").to_owned();
        self.know(n, Known::There(id));
        true
    }

    fn remove(&self, server: &Server<'_>, n: usize, id: &str) -> bool {
        self.know(n, Known::Going(id.to_owned()));
        let path = format!("/api/v1/cv/image/{id}");
        let Some(answer) = try_send(server.with(&self.token).request(Method::DELETE, &path)) else {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        if answer.status == 200 {
            assert_eq!(answer.json(200)["complete"], true);
        } else {
            // Asked for before the last kill, and done then.
            answer.problem(404, "image_not_found");
        }
        self.know(n, Known::Gone);
        true
    }

    /// Sends at most so many of what is not there yet from several clients, until the server dies. Whether it died.
    fn fill(&self, server: &Server<'_>, stop: &AtomicBool, most: usize) -> bool {
        let (next, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while !stop.load(Ordering::Acquire) {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= self.model.len() {
                            return;
                        }
                        let alive = match self.known(n) {
                            Known::Sent => {
                                if sent.fetch_add(1, Ordering::Relaxed) >= most {
                                    return;
                                }
                                self.send(server, n)
                                    && match self.known(n) {
                                        Known::There(id) if n.is_multiple_of(REMOVED) => {
                                            self.remove(server, n, &id)
                                        }
                                        _ => true,
                                    }
                            }
                            Known::Going(id) => self.remove(server, n, &id),
                            Known::There(_) | Known::Gone => true,
                        };
                        if !alive {
                            stop.store(true, Ordering::Release);
                        }
                    }
                });
            }
        });
        stop.load(Ordering::Acquire)
    }

    /// Compares tables, files and searches with what was answered. `None` when the server dies meanwhile.
    fn verify(&mut self, server: &Server<'_>, thorough: bool) -> Option<()> {
        let (rows, kept) = tables(self.house, async |store| {
            assert!(store.verify_audit().await.expect("the log is read").is_intact(), "the audit log");
            assert_eq!(
                store.pending_image_vectors(10).await.expect("the queue is read").len(),
                0,
                "vectors wait"
            );
            assert_eq!(store.media_deletes(10).await.expect("the queue is read").len(), 0, "files wait");
            let hotel = store.hotel(&"h1".parse().expect("a hotel"));
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let page =
                    hotel.list_images(&ImageFilter::default(), after, 500).await.expect("rows are read");
                rows.extend(page.images);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            (rows, hotel.image_media_keys().await.expect("keys are read"))
        });
        let mut there: BTreeMap<usize, String> = BTreeMap::new();
        for row in rows {
            let photo = row.photo.expect("every row here has a picture");
            let n = self.by_sha256[&photo.sha256];
            assert!(row.indexed, "picture {n} has no vector");
            assert!(photo.thumbnail_key.is_some(), "picture {n} has no thumbnail");
            let twice = there.insert(n, row.id.to_string());
            assert!(twice.is_none(), "picture {n} was kept twice");
        }
        let media = self.house.data().join("media");
        let found: BTreeSet<String> = files(&media)
            .iter()
            .map(|path| path.strip_prefix(&media).expect("below it").to_string_lossy().into_owned())
            // The unfinished upload of a write that was cut off; a start removes it when it is an hour old.
            .filter(|name| !name.contains('#'))
            .collect();
        let kept: BTreeSet<String> = kept.into_iter().collect();
        assert_eq!(kept.len(), 2 * there.len(), "a row without both its files");
        assert_eq!(found, kept, "files without a row, or rows without a file");
        for n in 0..self.model.len() {
            let now = there.get(&n).cloned();
            match (self.known(n), now) {
                (Known::There(id), now) => {
                    assert_eq!(now, Some(id), "picture {n} was acknowledged and is lost");
                }
                (Known::Gone, now) => assert_eq!(now, None, "picture {n} came back"),
                // Now it is known whether it arrived, and whether it went; it is sent or removed again all the same.
                (Known::Going(_), None) => self.know(n, Known::Gone),
                (Known::Sent | Known::Going(_), _) => {}
            }
        }
        let all: Vec<(usize, String)> = there.into_iter().collect();
        let asked: Vec<(usize, String)> = if thorough {
            all
        } else {
            (0..SAMPLE.min(all.len())).map(|_| all[self.dice.roll(all.len())].clone()).collect()
        };
        for (n, id) in asked {
            let request =
                server.with(&self.token).request(Method::POST, &format!("{SEARCH}?top_k=1&threshold=0.9"));
            let answer = try_send(request.header(CONTENT_TYPE, "image/jpeg").body(picture(n)))?.json(200);
            assert_eq!(answer["results"][0]["image_id"], json!(id), "picture {n} is not found: {answer}");
            let url = answer["results"][0]["thumbnail_url"].as_str().expect("an address");
            let file = try_send(server.anyone().request(Method::GET, url))?;
            assert_eq!(file.status, 200, "picture {n} has no thumbnail: {}", file.text());
        }
        self.recoveries += 1;
        Some(())
    }

    /// Compares the index with the tables, of a server that has stopped: a vector that was left over is found by nobody's
    /// answer, because answers are made of rows.
    fn verify_index(&self) {
        let folder = self.house.data().join("vectors");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let indexed: BTreeSet<String> = runtime.block_on(async {
            let index = EmbeddedQdrant::open(&folder).expect("the index opens");
            let mut found = BTreeSet::new();
            for collection in index.collections().await.expect("its collections") {
                if collection.name().starts_with("veiled-images") {
                    let ids = index.ids(&collection, &Filter::every_hotel()).await.expect("ids are read");
                    found.extend(ids.iter().map(ToString::to_string));
                }
            }
            index.close().await.expect("it closes");
            found
        });
        let there = (0..self.model.len()).filter_map(|n| match self.known(n) {
            Known::There(id) => Some(id),
            _ => None,
        });
        assert_eq!(indexed, there.collect(), "vectors without a row, or rows without a vector");
    }

    /// One life of the server. Where it was killed.
    fn live(&mut self, target: &'static str, most: usize) -> &'static str {
        // Deep enough that pictures come in before.
        let removal = ["removal", "removed"].iter().any(|word| target.contains(word));
        let nth = 1 + self.dice.roll(if removal { 2 } else { 10 });
        let kill_at = format!("{target}:{nth}");
        let kill_at = (target != ANY_TIME).then_some(("INNKEEPER_KILL_AT", kill_at.as_str()));
        let mut server = self.house.spawn(kill_at);
        if !server.is_ready() || self.verify(&server, false).is_none() {
            bury(server);
            return target;
        }
        let (stop, pid) = (AtomicBool::new(false), server.id());
        let patience = Duration::from_millis(200 + self.dice.roll(2000) as u64);
        let mut died = false;
        std::thread::scope(|scope| {
            if target == ANY_TIME {
                scope.spawn(|| {
                    std::thread::sleep(patience);
                    kill(pid);
                });
            }
            died = self.fill(&server, &stop, most);
        });
        died |= target == ANY_TIME;
        if !died {
            kill(pid);
        }
        bury(server);
        if died { target } else { ANY_TIME }
    }
}

#[test]
fn of_a_thousand_pictures_each_is_wholly_there_or_wholly_absent_however_often_it_is_killed() {
    let (seed, wanted) = (setting("INNKEEPER_CRASH_SEED", 1), setting("INNKEEPER_CRASH_KILLS_OF_IMAGES", 40));
    let count = setting("INNKEEPER_CRASH_IMAGES", 1000) as usize;
    let house = House::new("default")
        .with("rate_limits.enabled", false)
        // Every start would warm models that nothing here asks.
        .with("ocr.enabled", false)
        .with("images.deadline_ms", 600_000)
        .with("images.thumbnail_side", 48);
    let by_sha256 = (0..count).map(|n| (hex::encode(Sha256::digest(picture(n))), n)).collect();
    let mut test = Test {
        token: house.token("admin", "h1"),
        house: &house,
        model: (0..count).map(|_| Mutex::new(Known::Sent)).collect(),
        by_sha256,
        dice: Dice(seed),
        kills: BTreeMap::new(),
        recoveries: 0,
        unanswered: AtomicUsize::new(0),
    };
    assert_eq!(test.by_sha256.len(), count, "two pictures are one");
    let targets: Vec<&'static str> = STAGES.iter().map(|stage| stage.as_str()).chain([ANY_TIME]).collect();
    // So few in one life that there are some left for the last.
    let most = count.div_ceil(wanted.max(1) as usize);
    for n in 0..wanted {
        let died_at = test.live(targets[n as usize % targets.len()], most);
        *test.kills.entry(died_at).or_default() += 1;
    }
    let mut server = house.spawn(None);
    assert!(server.is_ready(), "nobody kills it now");
    test.verify(&server, false).expect("nobody kills it now");
    assert!(!test.fill(&server, &AtomicBool::new(false), count), "nobody kills it now");
    test.verify(&server, true).expect("nobody kills it now");
    let there = (0..count).filter(|n| matches!(test.known(*n), Known::There(_))).count();
    assert_eq!(there, count - count.div_ceil(REMOVED), "not everything is there in the end");
    let mut report = format!(
        "crash test of pictures: seed {seed}, {count} pictures, {wanted} kills, {} starts compared with the model, {} \
         requests without an answer\n",
        test.recoveries,
        test.unanswered.load(Ordering::Relaxed),
    );
    for target in &targets {
        writeln!(report, "{target:>22} {:>5}", test.kills.get(target).copied().unwrap_or(0))
            .expect("a text grows");
    }
    println!("{report}");
    let folder = Path::new(env!("CARGO_BIN_EXE_innkeeper")).ancestors().nth(2).expect("the build folder");
    std::fs::write(folder.join("images-crash-report.txt"), &report).expect("the report is kept");
    server.stop();
    test.verify_index();
    for target in &targets {
        assert!(test.kills.contains_key(target) || wanted < 26, "never killed at {target}:\n{report}");
    }
}
