//! Clients that are slow, silent, rude or gone: nobody else notices, and what they held comes free.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hostile::check_unharmed;
use crate::pictures::{BIDEN, OBAMA, photo};
use crate::server::{Answer, ENROL, House, PATIENCE, RECOGNISE, Server, enrolment, eventually};

/// A connection whose reads end, so that a hanging server is a failure.
fn wire(server: &Server<'_>) -> TcpStream {
    let wire = TcpStream::connect(server.address).expect("a connection");
    wire.set_read_timeout(Some(PATIENCE)).expect("a limit");
    wire
}

/// What comes until the server ends the connection; it must end it.
fn rest(mut wire: &TcpStream) -> String {
    let mut all = Vec::new();
    match wire.read_to_end(&mut all) {
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            panic!("the connection stays open: {}", String::from_utf8_lossy(&all))
        }
        // Reset while the client was still sending is an end too.
        Ok(_) | Err(_) => String::from_utf8_lossy(&all).into_owned(),
    }
}

/// The head of a request with a body of this length.
fn head(path: &str, token: &str, kind: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: hotel\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// Sends a byte now and then until the other side has had enough; what it said.
fn drip(wire: &TcpStream, text: &[u8]) -> String {
    let mut sender = wire.try_clone().expect("a second hand");
    let began = Instant::now();
    for byte in text {
        assert!(began.elapsed() < PATIENCE, "it never has enough");
        if sender.write_all(&[*byte]).is_err() {
            break;
        }
        wire.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit");
        match wire.peek(&mut [0]) {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // Something was said, or the connection ended.
            _ => break,
        }
    }
    wire.set_read_timeout(Some(PATIENCE)).expect("a limit");
    rest(wire)
}

#[test]
fn a_header_that_never_ends_is_not_waited_for() {
    let house = House::new("default").with("http.header_seconds", 1);
    let server = house.serve();
    let long = format!("GET /health/live HTTP/1.1\r\nHost: hotel\r\nX-Slow: {}", "a".repeat(10_000));
    let silent: Vec<TcpStream> = (0..200).map(|_| wire(&server)).collect();
    let answer = drip(&wire(&server), long.as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    // Whoever says nothing goes too, also after a first request.
    for wire in &silent {
        rest(wire);
    }
    let mut idle = wire(&server);
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: hotel\r\n\r\n").expect("sent");
    assert!(rest(&idle).starts_with("HTTP/1.1 200"));
    check_unharmed(&server);
}

#[test]
fn a_body_that_never_ends_is_not_waited_for() {
    let house = House::new("default").with("http.body_seconds", 1);
    let server = house.serve();
    let token = house.token("camera", "h1");
    let mut slow = wire(&server);
    slow.write_all(head(RECOGNISE, &token, "image/jpeg", 10_000).as_bytes()).expect("the head goes out");
    let answer = drip(&slow, &[b'a'; 5000]);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("bad_request") && answer.contains("within 1 s"), "{answer}");
    // The same in chunks, of which no length is known.
    let mut slow = wire(&server);
    let head = format!(
        "POST {RECOGNISE} HTTP/1.1\r\nHost: hotel\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).expect("the head goes out");
    let answer = drip(&slow, "1\r\na\r\n".repeat(1000).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    check_unharmed(&server);
}

#[test]
fn a_stop_ends_idle_connections_at_once() {
    let house = House::new("default").with("http.shutdown_seconds", 3600);
    let server = house.serve();
    let open: Vec<TcpStream> = (0..20)
        .map(|i| {
            let mut wire = wire(&server);
            // Some have asked before, some have begun to, some have said nothing.
            let said: &[u8] = match i % 3 {
                0 => b"GET /health/live HTTP/1.1\r\nHost: hotel\r\n\r\n",
                1 => b"",
                _ => b"GET /health/live HTTP/1.1\r\n\r\n",
            };
            wire.write_all(said).expect("sent");
            if !said.is_empty() {
                wire.peek(&mut [0]).expect("an answer");
            }
            wire
        })
        .collect();
    server.stop();
    for wire in &open {
        rest(wire);
    }
}

#[test]
fn requests_behind_each_other_on_one_connection_are_answered_in_order() {
    let house = House::new("default");
    let server = house.serve();
    let (token, frame) = (house.token("camera", "h1"), photo(OBAMA[0]));
    let mut all = Vec::new();
    for i in 0..100 {
        all.extend(format!("GET /p{i} HTTP/1.1\r\nHost: hotel\r\nX-Request-Id: r{i}\r\n\r\n").bytes());
        if i == 50 {
            all.extend(head(RECOGNISE, &token, "image/jpeg", frame.len()).bytes());
            all.extend(&frame);
        }
    }
    all.extend(b"GET /last HTTP/1.1\r\nHost: hotel\r\nConnection: close\r\n\r\n");
    let wire = wire(&server);
    let mut sender = wire.try_clone().expect("a second hand");
    let answers = std::thread::scope(|scope| {
        scope.spawn(move || sender.write_all(&all).expect("sent"));
        rest(&wire)
    });
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 101, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
    let mut at = 0;
    for i in 0..100 {
        let id = format!("\"request_id\":\"r{i}\"");
        at += answers[at..].find(&id).unwrap_or_else(|| panic!("r{i} is missing or out of order"));
    }
    check_unharmed(&server);
}

#[test]
fn what_is_not_http_is_refused() {
    let house = House::new("default");
    let server = house.serve();
    let long = "a".repeat(1 << 20);
    let get = "GET /health/live HTTP/1.1\r\nHost: hotel\r\n";
    let post = format!("POST {RECOGNISE} HTTP/1.1\r\nHost: hotel\r\nContent-Type: image/jpeg\r\n");
    let refused = [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "GET /health/live\r\n\r\n".to_owned(),
        "GET  HTTP/1.1\r\n\r\n".to_owned(),
        "GET /health/live HTTP/3.7\r\n\r\n".to_owned(),
        "GET /health/li\0ve HTTP/1.1\r\nHost: hotel\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: hotel\r\n\r\n"),
        format!("{get}X-Long: {long}\r\n\r\n"),
        format!("{get}{}\r\n", "X-Many: 1\r\n".repeat(10_000)),
        format!("{get}No colon\r\n\r\n"),
        format!("{get}X-Zero: a\0b\r\n\r\n"),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}Content-Length: 99999999999999999999999999\r\n\r\n"),
        format!("{post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        format!("{post}Content-Length: 3, 4\r\n\r\nabcd"),
        format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n"),
    ];
    for request in refused {
        let start: String = request.chars().take(80).collect();
        let wire = wire(&server);
        let mut sender = wire.try_clone().expect("a second hand");
        // The server may have had enough before all of it is sent.
        let _ = sender.write_all(request.as_bytes());
        let _ = sender.shutdown(Shutdown::Write);
        let answer = rest(&wire);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{start:?}: {answer}");
    }
    // Two lengths that contradict each other must not let a second request hide in the first.
    let hidden = "GET /smuggled HTTP/1.1\r\nHost: hotel\r\n\r\n";
    let both =
        format!("{post}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 5 + hidden.len());
    let mut wire = wire(&server);
    wire.write_all(format!("{both}{hidden}").as_bytes()).expect("sent");
    wire.shutdown(Shutdown::Write).expect("the end");
    let answer = rest(&wire);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    check_unharmed(&server);
}

/// Whether five callers at once are all served: one runs and four wait, so every place is free.
fn all_places_are_free(server: &Server<'_>) -> bool {
    let (start, frame, camera) = (Barrier::new(5), photo(OBAMA[0]), server.camera());
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let ask = || {
            start.wait();
            camera.recognise(&frame)
        };
        let threads: Vec<_> = (0..5).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    answers.iter().all(|answer| answer.status == 200)
}

#[test]
fn two_hundred_callers_that_leave_give_every_place_back() {
    let house = House::new("default")
        .with("rate_limits.enabled", false)
        .with("inference.workers", 1)
        .with("inference.max_waiting", 4)
        .with("http.max_body_bytes", 8 << 20)
        .with("http.max_inflight_bytes", 8 << 20);
    let server = house.serve();
    let (frame, camera) = (photo(OBAMA[0]), house.token("camera", "h1"));
    let (body, manager) = (enrolment("EMP001", &[&photo(BIDEN)]).to_string(), house.token("manager", "h1"));
    let mut held = Vec::new();
    for i in 0..200 {
        let mut caller = wire(&server);
        let (head, bytes) = match i % 4 {
            0..=2 => (head(RECOGNISE, &camera, "image/jpeg", frame.len()), &frame[..]),
            _ => (head(ENROL, &manager, "application/json", body.len()), body.as_bytes()),
        };
        // Gone within the head, within the body, or before the answer.
        let (of_head, of_body) = match i % 5 {
            0 => (head.len() / 2, 0),
            1 => (head.len(), 0),
            2 => (head.len(), bytes.len() / 2),
            _ => (head.len(), bytes.len()),
        };
        caller.write_all(&head.as_bytes()[..of_head]).expect("the head goes out");
        // Those who came too late may have been refused and cut off.
        let _ = caller.write_all(&bytes[..of_body]);
        held.push(caller);
        // Some leave one by one, some all together.
        if i % 7 == 0 {
            held.clear();
        }
    }
    drop(held);
    eventually("every place is free again", || all_places_are_free(&server).then_some(()));
    assert!(all_places_are_free(&server), "places are lost again");
    // So is the room for bodies: the largest one fits, which takes all of it.
    let large = vec![0; 8 << 20];
    eventually("the room is free", || (server.camera().recognise(&large).status != 503).then_some(()));
    server.camera().recognise(&large).problem(415, "unsupported_image");
    // Of the enrolments either all is there or nothing.
    let known = server.manager().embedding("EMP001").status;
    let seen = server.camera().recognise(&photo(BIDEN)).json(200);
    let expected = if known == 200 { json!("EMP001") } else { json!(null) };
    assert_eq!(seen["employee_id"], expected, "{known}: {seen}");
    check_unharmed(&server);
}

#[test]
fn bodies_that_fill_the_room_are_refused_at_once_and_the_room_comes_free() {
    let house =
        House::new("default").with("http.max_body_bytes", 1 << 20).with("http.max_inflight_bytes", 1 << 20);
    let server = house.serve();
    let (token, frame) = (house.token("camera", "h1"), photo(OBAMA[0]));
    // All of the room, held by somebody who never sends the rest.
    let mut greedy = wire(&server);
    greedy.write_all(head(RECOGNISE, &token, "image/jpeg", 1 << 20).as_bytes()).expect("the head goes out");
    greedy.write_all(b"\xFF\xD8").expect("the body begins");
    let camera = server.camera();
    let refused = eventually("there is no room", || {
        let answer = camera.recognise(&frame);
        (answer.status == 503).then_some(answer)
    });
    refused.problem(503, "overloaded");
    let wait: u64 = refused.header("retry-after").parse().expect("Retry-After in seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // What needs no body is answered all the same.
    server.anyone().get("/health/ready").json(200);
    server.manager().embedding("EMP001").problem(404, "employee_not_enrolled");
    drop(greedy);
    eventually("the room is free", || (camera.recognise(&frame).status == 200).then_some(()));
    check_unharmed(&server);
}
