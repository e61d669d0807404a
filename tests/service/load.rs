//! Many callers at once, too many callers, and callers that leave.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::Duration;

use serde_json::{Value, json};

use crate::pictures::{BIDEN, NOBODY, OBAMA, STRANGER, photo};
use crate::server::{Answer, ENROL, House, RECOGNISE, enrolment, eventually, files};

/// How many call at once where that matters.
const CALLERS: usize = 64;

#[test]
fn many_callers_at_once_get_the_answers_a_single_one_gets() {
    // The camera's allowance is left as it is: it must be enough for this.
    let house =
        House::new("default").with("inference.max_waiting", CALLERS).with("inference.deadline_ms", 60_000);
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.manager().enrol("EMP002", &[&photo(BIDEN)]).json(201);
    let camera = server.camera();
    let frames: Vec<Vec<u8>> = [OBAMA[1], BIDEN, STRANGER, NOBODY].iter().map(|name| photo(name)).collect();
    let alone: Vec<Value> = frames.iter().map(|frame| camera.recognise(frame).json(200)).collect();
    assert_eq!(alone[0]["employee_id"], "EMP001");

    let close = |a: &Value, b: &Value, tolerance: f64| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance,
        _ => a == b,
    };
    let start = Barrier::new(CALLERS);
    std::thread::scope(|scope| {
        for i in 0..CALLERS {
            let (frames, alone, start, camera) = (&frames, &alone, &start, &camera);
            scope.spawn(move || {
                start.wait();
                for round in 0..2 {
                    let which = (i + round) % frames.len();
                    let (one, many) = (&alone[which], camera.recognise(&frames[which]).json(200));
                    assert_eq!(many["employee_id"], one["employee_id"], "{many}");
                    assert_eq!(many["reason"], one["reason"], "{many}");
                    assert_eq!(many["faces"].as_array().map(Vec::len), one["faces"].as_array().map(Vec::len));
                    assert_eq!(many["is_alive"], one["is_alive"], "{many}");
                    // All of them are one sighting, which began when each frame was looked at alone.
                    assert_eq!(many["attendance"]["id"], one["attendance"]["id"], "{many}");
                    // Sums in another order differ in their last digits.
                    for (key, tolerance) in [("score", 1e-4), ("second_best_score", 1e-4)] {
                        assert!(close(&many[key], &one[key], tolerance), "{key}: {many} and {one}");
                    }
                    for side in ["x", "y", "w", "h"] {
                        let at = |answer: &Value| answer["faces"][0]["box"][side].clone();
                        assert!(close(&at(&many), &at(one), 0.5), "{side}: {many} and {one}");
                    }
                }
            });
        }
    });
}

#[test]
fn one_person_seen_by_many_frames_at_once_has_one_row() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let (start, frame) = (Barrier::new(8), photo(OBAMA[1]));
    let camera = server.camera();
    let path = format!("{RECOGNISE}?camera_id=cam_lobby_01&timestamp=2025-01-17T08:30:00Z");
    let seen: Vec<Value> = std::thread::scope(|scope| {
        let look = || {
            start.wait();
            camera.post(&path, "image/jpeg", frame.clone()).json(200)["attendance"].clone()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(look)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert!(seen.iter().all(|a| a["id"] == seen[0]["id"]), "several rows: {seen:?}");
    assert_eq!(seen.iter().filter(|a| a["is_new"] == true).count(), 1, "several beginnings: {seen:?}");
}

#[test]
fn one_face_enrolled_under_two_names_at_once_gets_one_of_them() {
    let house = House::new("default");
    let server = house.serve();
    let start = Barrier::new(2);
    let both: Vec<Answer> = std::thread::scope(|scope| {
        let (start, server) = (&start, &server);
        let threads: Vec<_> = [("EMP001", OBAMA[0]), ("EMP002", OBAMA[1])]
            .into_iter()
            .map(|(employee, name)| {
                scope.spawn(move || {
                    let (manager, bytes) = (server.manager(), photo(name));
                    start.wait();
                    manager.enrol(employee, &[&bytes])
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let mut statuses: Vec<u16> = both.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[test]
fn the_caller_beyond_the_waiting_room_is_told_to_come_back() {
    let house = House::new("default")
        .with("inference.workers", 1)
        .with("inference.max_waiting", 1)
        // Whoever is refused is so at the door: nobody waits for an hour here.
        .with("inference.deadline_ms", 3_600_000);
    let server = house.serve();
    let (start, frame) = (Barrier::new(12), photo(OBAMA[2]));
    let camera = server.camera();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            camera.recognise(&frame)
        };
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    let (served, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|a| a.status == 200);
    assert!(!served.is_empty(), "nobody was served");
    assert!(!refused.is_empty(), "everybody was served: the waiting room has no end");
    for answer in refused {
        // Refused at the door: waiting out the deadline would be `deadline_exceeded`.
        answer.problem(503, "overloaded");
        let wait: u64 = answer.header("retry-after").parse().expect("Retry-After in seconds");
        assert!((1..=60).contains(&wait), "{wait}");
    }
    camera.recognise(&frame).json(200);
    let metrics = server.anyone().get("/metrics").text();
    let shed = metrics.lines().find_map(|line| line.strip_prefix("innkeeper_requests_shed_total "));
    assert!(shed.is_some_and(|n| n != "0"), "nobody counts who is refused");
}

#[test]
fn an_answer_that_comes_too_late_is_a_503() {
    let house = House::new("default").with("inference.deadline_ms", 1);
    let server = house.serve();
    let late = server.camera().recognise(&photo(OBAMA[0]));
    late.problem(503, "deadline_exceeded");
    assert_ne!(late.header("retry-after"), "");
    server.anyone().get("/health/live").json(200);
}

#[test]
fn callers_that_leave_half_way_harm_nobody() {
    let house = House::new("default").with("inference.workers", 1).with("inference.max_waiting", 4);
    let server = house.serve();
    let (frame, token) = (photo(OBAMA[0]), house.token("camera", "h1"));
    let head = format!(
        "POST {RECOGNISE} HTTP/1.1\r\nHost: hotel\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        frame.len()
    );
    for i in 0..24 {
        let mut caller = TcpStream::connect(server.address).expect("a connection");
        caller.write_all(head.as_bytes()).expect("the head goes out");
        // Some leave within the body, some before the answer.
        let sent = if i % 2 == 0 { frame.len() / 2 } else { frame.len() };
        caller.write_all(&frame[..sent]).expect("the body goes out");
    }
    // Their places come free again.
    let camera = server.camera();
    eventually("a worker is free", || (camera.recognise(&frame).status == 200).then_some(()));
    server.anyone().get("/health/ready").json(200);
    let seen = camera.recognise(&frame).json(200);
    assert_eq!(seen["reason"], json!("nobody_enrolled"));
    assert!(!server.log().join("\n").contains("\"ERROR\""), "something failed inside");
}

#[test]
fn an_enrolment_whose_caller_leaves_is_whole_or_absent() {
    let house = House::new("default");
    let server = house.serve();
    let manager = server.manager();
    let token = house.token("manager", "h1");
    let people = 8;
    for i in 0..people {
        let body =
            enrolment(&format!("EMP{i}"), &[&photo(if i % 2 == 0 { OBAMA[0] } else { BIDEN })]).to_string();
        let head = format!(
            "POST {ENROL} HTTP/1.1\r\nHost: hotel\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut caller = TcpStream::connect(server.address).expect("a connection");
        caller.write_all(head.as_bytes()).expect("the head goes out");
        caller.write_all(body.as_bytes()).expect("the body goes out");
        // Later callers leave later: while photos are decoded, embedded, written.
        std::thread::sleep(Duration::from_millis(12 * i));
        drop(caller);
        // Whoever got in is found, and their picture is no other person's.
        let known = eventually("the server is done with it", || {
            let answer = manager.embedding(&format!("EMP{i}"));
            let idle = server.camera().recognise(&photo(NOBODY)).status == 200;
            idle.then_some(answer.status)
        });
        if known == 200 {
            assert_eq!(manager.forget(&format!("EMP{i}")).json(200)["complete"], json!(true));
        }
    }
    eventually("nobody and no picture is left", || {
        for i in 0..people {
            manager.forget(&format!("EMP{i}"));
        }
        let nobody = server.camera().recognise(&photo(OBAMA[0])).json(200)["reason"] == "nobody_enrolled";
        (nobody && files(&house.data().join("media")).is_empty()).then_some(())
    });
}
