//! The server is killed at every named stage of a write, and in between, a few hundred times, and started again
//! each time. After each start the tables, the index and the pictures are compared with a model of what was
//! answered: what was acknowledged is there, what was deleted stays away, what was not answered is whole or absent.
//!
//! `INNKEEPER_CRASH_SEED` (1) chooses the operations, `INNKEEPER_CRASH_KILLS` (200) how many kills there are. What
//! was killed where is printed, and kept as `crash-report.txt` in the build folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::WriteStage;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, blocking::RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::pictures::{BIDEN, OBAMA, STRANGER, shrunk};
use crate::server::{Answer, ENROL, House, RECOGNISE, Server, enrolment, files, tables};

/// No stage: whenever the signal comes.
pub(crate) const ANY_TIME: &str = "at any time";
const HOTELS: [&str; 3] = ["h1", "h2", "h3"];
/// Operations in one life of the server; when none of them comes to the stage, it is killed in between.
const OPERATIONS: usize = 8;
/// How long a stage that is reached in the background is waited for.
const BACKGROUND: Duration = Duration::from_secs(2);

/// Numbers that a seed decides (`SplitMix64`, Steele, Lea and Flood 2014).
pub(crate) struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) % sides as u64) as usize
    }
}

/// A number from the environment.
pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect(name))
}

/// Somebody who may be enrolled: a face in a hotel.
struct Person {
    hotel: &'static str,
    employee: String,
    photos: Vec<Vec<u8>>,
}

impl Person {
    fn key(&self) -> String {
        format!("{}/{}", self.hotel, self.employee)
    }
}

/// Three faces in three hotels.
fn people() -> Vec<Person> {
    let sizes = |name: &str| [440, 480, 520].map(|side| shrunk(name, side)).to_vec();
    let faces = [
        ("EMP-A", OBAMA.map(|name| shrunk(name, 480)).to_vec()),
        ("EMP-B", sizes(BIDEN)),
        ("EMP-C", sizes(STRANGER)),
    ];
    HOTELS
        .iter()
        .flat_map(|hotel| {
            faces.iter().map(|(employee, photos)| Person {
                hotel,
                employee: (*employee).to_owned(),
                photos: photos.clone(),
            })
        })
        .collect()
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
enum Operation {
    /// One more photo of a person, who is enrolled with it if they were not.
    Enrol(usize),
    Delete(usize),
    /// The person before the camera at this time.
    See(usize, DateTime<Utc>),
}

impl Operation {
    fn person(&self) -> usize {
        match self {
            Self::Enrol(i) | Self::Delete(i) | Self::See(i, _) => *i,
        }
    }
}

/// What is known of a person from the answers.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    photos: usize,
    sightings: BTreeSet<DateTime<Utc>>,
    /// Events that were announced since the person came.
    events: BTreeSet<String>,
}

impl Known {
    /// The same after an operation.
    fn after(&self, operation: &Operation) -> Self {
        let mut next = self.clone();
        match operation {
            Operation::Enrol(_) => next.photos += 1,
            Operation::Delete(_) => next = Self::default(),
            Operation::See(_, at) => {
                next.sightings.insert(*at);
            }
        }
        next
    }
}

/// What the tables say of a person.
#[derive(Debug)]
struct Found {
    employee: bool,
    consent: bool,
    indexed: bool,
    templates: BTreeSet<Uuid>,
    photo_keys: BTreeSet<String>,
    sightings: Vec<DateTime<Utc>>,
    /// Events that wait, by topic.
    topics: BTreeMap<String, usize>,
    events: BTreeSet<String>,
}

/// What was done and seen, for the report.
#[derive(Default)]
struct Tally {
    kills: BTreeMap<&'static str, u64>,
    in_start: u64,
    not_reached: BTreeMap<&'static str, u64>,
    starts: u64,
    recoveries: u64,
    answered: u64,
    in_doubt: u64,
    took_place: u64,
}

/// Everything that outlives the server.
struct Test<'h> {
    house: &'h House,
    people: Vec<Person>,
    tokens: BTreeMap<&'static str, String>,
    model: Vec<Known>,
    /// The operation whose answer never came.
    doubt: Option<Operation>,
    clock: DateTime<Utc>,
    dice: Dice,
    tally: Tally,
}

/// Sends a request that may find the server dead.
pub(crate) fn try_send(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Some(Answer { status, headers, body: response.bytes().ok()?.to_vec() })
}

impl<'h> Test<'h> {
    fn new(house: &'h House, seed: u64) -> Self {
        let tokens = HOTELS.iter().map(|hotel| (*hotel, house.token("admin", hotel))).collect();
        let people = people();
        Self {
            model: vec![Known::default(); people.len()],
            house,
            people,
            tokens,
            doubt: None,
            clock: DateTime::from_timestamp(1_737_100_000, 0).expect("a time"),
            dice: Dice(seed),
            tally: Tally::default(),
        }
    }

    /// What may be done next; a deletion where `removal` is wanted.
    fn choose(&mut self, removal: bool) -> Operation {
        let who = self.dice.roll(self.people.len());
        let (photos, known) = (self.people[who].photos.len(), &self.model[who]);
        match (known.photos, self.dice.roll(10)) {
            (0, _) => Operation::Enrol(who),
            (_, 0..=5) if removal => Operation::Delete(who),
            (n, 0..=3) if n < photos => Operation::Enrol(who),
            (_, 4..=5) => Operation::Delete(who),
            _ => Operation::See(who, self.later()),
        }
    }

    /// A time so much later that a sighting then is one of its own.
    fn later(&mut self) -> DateTime<Utc> {
        self.clock += TimeDelta::minutes(20);
        self.clock
    }

    fn request(&self, server: &Server<'_>, operation: &Operation) -> RequestBuilder {
        let person = &self.people[operation.person()];
        let caller = server.with(&self.tokens[person.hotel]);
        match operation {
            Operation::Enrol(i) => {
                let photo = &person.photos[self.model[*i].photos % person.photos.len()];
                caller.request(Method::POST, ENROL).json(&enrolment(&person.employee, &[photo]))
            }
            Operation::Delete(_) => {
                caller.request(Method::DELETE, &format!("/api/v1/cv/face/{}", person.employee))
            }
            Operation::See(_, at) => {
                let at = at.format("%Y-%m-%dT%H:%M:%SZ");
                let path = format!("{RECOGNISE}?camera_id=lobby&timestamp={at}");
                let request = caller.request(Method::POST, &path).header(CONTENT_TYPE, "image/jpeg");
                request.body(person.photos[0].clone())
            }
        }
    }

    /// Does it, and remembers what was answered. Whether there was an answer.
    fn perform(&mut self, server: &Server<'_>, operation: Operation) -> bool {
        let Some(answer) = try_send(self.request(server, &operation)) else {
            self.doubt = Some(operation);
            self.tally.in_doubt += 1;
            return false;
        };
        let who = operation.person();
        let mut next = self.model[who].after(&operation);
        let event = match &operation {
            Operation::Enrol(_) => {
                let told = answer.json(201);
                assert_eq!(
                    (&told["enrolled"], &told["templates"]),
                    (&json!(1), &json!(next.photos)),
                    "{told}"
                );
                told["event_id"].clone()
            }
            Operation::Delete(_) => {
                let told = answer.json(200);
                assert_eq!(told["complete"], true, "{told}");
                assert_eq!(told["templates"], self.model[who].photos, "{told}");
                told["event_id"].clone()
            }
            Operation::See(..) => {
                let told = answer.json(200);
                assert_eq!(told["employee_id"], self.people[who].employee.as_str(), "{told}");
                assert_eq!(told["attendance"]["recorded"], true, "{told}");
                Value::Null
            }
        };
        next.events.extend(event.as_str().map(str::to_owned));
        self.model[who] = next;
        self.tally.answered += 1;
        true
    }

    /// What the tables say of everybody. Queues must be empty and the log of each hotel whole.
    fn look(&self) -> Vec<Found> {
        tables(self.house, async |store| {
            let verdict = store.verify_audit().await.expect("the log is read");
            assert!(verdict.is_intact(), "the audit log: {verdict:?}");
            assert_eq!(store.pending_vectors(10).await.expect("the queue is read").len(), 0, "vectors wait");
            assert_eq!(store.media_deletes(10).await.expect("the queue is read").len(), 0, "pictures wait");
            let events = store.outbox_pending(1_000_000).await.expect("the events are read");
            let ids: BTreeSet<Uuid> = events.iter().map(|e| e.id).collect();
            assert_eq!(ids.len(), events.len(), "an event stands twice");
            let mut found = Vec::new();
            for person in &self.people {
                let rows = store.hotel(&person.hotel.parse().expect("a hotel"));
                let id = person.employee.parse().expect("an id");
                let templates = rows.templates(&id).await.expect("templates are read");
                let ever = (DateTime::UNIX_EPOCH, Utc::now());
                let seen = rows.attendance(Some(&id), ever.0, ever.1, 100_000).await.expect("rows are read");
                let own = events.iter().filter(|e| {
                    e.hotel.as_str() == person.hotel && e.payload["employee_id"] == person.employee.as_str()
                });
                let mut topics = BTreeMap::new();
                let mut own_events = BTreeSet::new();
                for event in own {
                    *topics.entry(event.topic.clone()).or_default() += 1;
                    own_events.insert(event.id.to_string());
                }
                found.push(Found {
                    employee: rows.employee(&id).await.expect("people are read").is_some(),
                    consent: rows.has_active_consent(&id).await.expect("consents are read"),
                    indexed: templates.iter().all(|t| t.indexed),
                    templates: templates.iter().map(|t| t.id).collect(),
                    photo_keys: templates.iter().filter_map(|t| t.photo_key.clone()).collect(),
                    sightings: seen.iter().map(|a| a.timestamp).collect(),
                    topics,
                    events: own_events,
                });
            }
            found
        })
    }

    /// Compares every store with the model. `None` when the server dies meanwhile, which is a kill like others.
    fn verify(&mut self, server: &Server<'_>, thorough: bool) -> Option<()> {
        let found = self.look();
        // The one operation without an answer happened or did not; from now on that is known.
        if let Some(operation) = self.doubt.clone() {
            let who = operation.person();
            let next = self.model[who].after(&operation);
            let happened = found[who].templates.len() == next.photos
                && found[who].sightings.len() == next.sightings.len()
                && self.model[who] != next;
            if happened {
                self.tally.took_place += 1;
                self.model[who] = next;
            }
        }
        let mut keys = BTreeSet::new();
        for ((person, known), found) in self.people.iter().zip(&self.model).zip(&found) {
            let said = format!("{} after {:?}: {known:?}, but {found:?}", person.key(), self.doubt);
            let there = known.photos > 0;
            assert_eq!(found.templates.len(), known.photos, "{said}");
            assert!(found.indexed, "a template is not in the index: {said}");
            assert_eq!((found.employee, found.consent), (there, there), "half a person: {said}");
            assert_eq!(found.photo_keys.len(), known.photos, "{said}");
            let sightings: BTreeSet<_> = found.sightings.iter().copied().collect();
            assert_eq!(sightings.len(), found.sightings.len(), "two rows for one sighting: {said}");
            assert_eq!(sightings, known.sightings, "{said}");
            let count = |topic: &str| found.topics.get(topic).copied().unwrap_or_default();
            assert_eq!(count("face.enrolled"), known.photos, "an event is lost or false: {said}");
            assert_eq!(
                count("attendance.recorded"),
                known.sightings.len(),
                "an event is lost or false: {said}"
            );
            assert!(known.events.is_subset(&found.events), "an announced event is lost: {said}");
            keys.extend(found.photo_keys.iter().cloned());
        }
        let media = self.house.data().join("media");
        let pictures: BTreeSet<String> = files(&media)
            .iter()
            .map(|path| path.strip_prefix(&media).expect("below it").to_string_lossy().into_owned())
            // The unfinished upload of a write that was cut off; a start removes it when it is an hour old.
            .filter(|name| !name.contains('#'))
            .collect();
        assert_eq!(
            pictures, keys,
            "pictures without a row or rows without a picture, after {:?}",
            self.doubt
        );
        let doubted = self.doubt.take();
        // A camera that had no answer sends its frame again: that is the same sighting.
        if let Some(again @ Operation::See(..)) = doubted.clone()
            && !self.perform(server, again)
        {
            return None;
        }
        // The index is asked about whoever was touched, and one more; at the end about everybody.
        let touched = doubted.map(|operation| operation.person());
        let more = self.dice.roll(self.people.len());
        for (who, found) in found.iter().enumerate() {
            if thorough || touched == Some(who) || more == who {
                self.verify_person(server, who, &found.templates)?;
            }
        }
        Some(())
    }

    /// Asks over HTTP.
    fn verify_person(&mut self, server: &Server<'_>, who: usize, templates: &BTreeSet<Uuid>) -> Option<()> {
        let (person, known) = (&self.people[who], self.model[who].clone());
        let caller = server.with(&self.tokens[person.hotel]);
        let path = format!("/api/v1/cv/face/embedding/{}", person.employee);
        let answer = try_send(caller.request(Method::GET, &path))?;
        if known.photos == 0 {
            answer.problem(404, "employee_not_enrolled");
        } else {
            let read = answer.json(200);
            let ids = read["templates"].as_array().expect("templates").iter();
            let ids: BTreeSet<String> =
                ids.map(|t| t["template_id"].as_str().expect("an id").to_owned()).collect();
            assert_eq!(ids, templates.iter().map(Uuid::to_string).collect(), "{}", person.key());
        }
        if known.photos == 0 {
            let seen = try_send(self.request(server, &Operation::See(who, self.clock)))?.json(200);
            assert_eq!(seen["employee_id"], Value::Null, "{} came back: {seen}", self.people[who].key());
            return Some(());
        }
        // An old sighting once more, if there is one: it joins its row.
        let at = known.sightings.first().copied().unwrap_or_else(|| self.later());
        self.perform(server, Operation::See(who, at)).then_some(())
    }

    /// Starts the server, to be killed at this stage, and looks whether everything is there. `None` when it dies
    /// before that is known.
    fn recover(&mut self, kill_at: Option<&str>, thorough: bool) -> Option<Server<'h>> {
        self.tally.starts += 1;
        let mut server = self.house.spawn(kill_at.map(|at| ("INNKEEPER_KILL_AT", at)));
        if !server.is_ready() || self.verify(&server, thorough).is_none() {
            bury(server);
            return None;
        }
        self.tally.recoveries += 1;
        Some(server)
    }

    /// One life of the server, in which it is killed at the stage or, if it never comes there, in between.
    /// Where it was killed.
    fn live(&mut self, target: &'static str) -> &'static str {
        let nth = 1 + self.dice.roll(3);
        // A new key makes the server seal everything again right after its start.
        let resealing = target.contains("resealed");
        if resealing {
            let data = self.house.data();
            self.house.run(&["keys", "rotate", "--data-dir", data.to_str().expect("a text path")]).good();
        }
        let kill_at = format!("{target}:{nth}");
        let kill_at = (target != ANY_TIME).then_some(kill_at.as_str());
        let Some(mut server) = self.recover(kill_at, false) else {
            self.tally.in_start += 1;
            return target;
        };
        let patience = Duration::from_millis(self.dice.roll(600) as u64);
        let removal = ["remov", "index"].iter().any(|word| target.contains(word));
        let (pid, ended) = (server.id(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let ended = &ended;
            if target == ANY_TIME {
                scope.spawn(move || {
                    std::thread::sleep(patience);
                    if !ended.load(Ordering::Acquire) {
                        kill(pid);
                    }
                });
            }
            for _ in 0..OPERATIONS {
                let operation = self.choose(removal);
                if !self.perform(&server, operation) {
                    break;
                }
            }
            ended.store(true, Ordering::Release);
        });
        let began = Instant::now();
        while (removal || resealing) && !server.has_ended() && began.elapsed() < BACKGROUND {
            std::thread::sleep(Duration::from_millis(20));
        }
        let reached = self.doubt.is_some() || server.has_ended();
        if !reached {
            kill(server.id());
        }
        bury(server);
        if !reached && target != ANY_TIME {
            *self.tally.not_reached.entry(target).or_default() += 1;
        }
        if reached { target } else { ANY_TIME }
    }

    fn report(&self, seed: u64) -> String {
        let tally = &self.tally;
        let kills: u64 = tally.kills.values().sum();
        let mut text = format!(
            "crash test: seed {seed}, {kills} kills, {} starts, {} recoveries compared with the model\n\
             {} operations were answered, {} were not, of which {} took place all the same\n\
             {} kills came while the server started or was compared\n",
            tally.starts, tally.recoveries, tally.answered, tally.in_doubt, tally.took_place, tally.in_start,
        );
        let stages = WriteStage::ALL.iter().map(|stage| stage.as_str()).chain([ANY_TIME]);
        for stage in stages {
            let kills = tally.kills.get(stage).copied().unwrap_or_default();
            writeln!(text, "{stage:>22} {kills:>5}").expect("a text grows");
        }
        text
    }
}

/// Kills a process that is not waited for yet.
pub(crate) fn kill(pid: u32) {
    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status();
    assert!(sent.expect("a shell").success(), "the signal was not sent");
}

/// Waits for the end of a server that was killed. It must have died of that and of nothing else.
pub(crate) fn bury(mut server: Server<'_>) {
    use std::os::unix::process::ExitStatusExt;
    let status = server.ended();
    let log = server.log().join("\n");
    assert!(!log.contains("panicked"), "a panic: {log}");
    // Without a program `kill` it aborts.
    assert!(matches!(status.signal(), Some(6 | 9)), "it ended with {status}: {log}");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_deleted_comes_back_however_often_it_is_killed() {
    let (seed, wanted) = (setting("INNKEEPER_CRASH_SEED", 1), setting("INNKEEPER_CRASH_KILLS", 200));
    // Small pictures are quick.
    let house = House::new("default")
        .with("rate_limits.enabled", false)
        // Every start would warm models that nothing here asks.
        .with("ocr.enabled", false)
        .with("face.quality.min_size_enrol", 40)
        // Who is enrolled again would get the sightings from in between, which the model does not know.
        .with("face.unknown.retention_hours", 0);
    let mut test = Test::new(&house, seed);
    let stages: Vec<&'static str> = WriteStage::ALL.iter().map(|stage| stage.as_str()).collect();
    // Every stage in turn, and now and then none.
    let targets: Vec<&'static str> = stages.iter().copied().chain([ANY_TIME]).collect();
    for n in 0..wanted {
        let died_at = test.live(targets[n as usize % targets.len()]);
        *test.tally.kills.entry(died_at).or_default() += 1;
    }
    let server = test.recover(None, true).expect("nobody kills it now");
    let report = test.report(seed);
    println!("{report}");
    let kept = Path::new(env!("CARGO_BIN_EXE_innkeeper")).ancestors().nth(2).expect("the build folder");
    std::fs::write(kept.join("crash-report.txt"), &report).expect("the report is kept");
    server.stop();
    for stage in stages {
        assert!(test.tally.kills.contains_key(stage) || wanted < 50, "never killed at {stage}:\n{report}");
    }
}
