//! `innkeeper index FOLDER`: into a data directory, through a server, begun again, and what it says of what fails.

use serde_json::{Value, json};

use crate::images::{SEARCH, house};
use crate::scenes::drawn;
use crate::server::{House, Server};

/// Pictures in rooms, and a file that is none.
fn folder(house: &House) -> String {
    let folder = house.desk().join("photos");
    for (place, seed) in [("201/clean", 1), ("201", 2), ("202/dirty/morning", 3)] {
        let dir = folder.join(place);
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(dir.join(format!("{seed}.jpg")), drawn(seed)).expect("written");
    }
    std::fs::write(folder.join("notes.txt"), "no picture").expect("written");
    folder.to_str().expect("a text path").to_owned()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn rooms(server: &Server<'_>) -> Vec<(String, String)> {
    let found = server.role("staff", "h1").post_json(SEARCH, &json!({"category": "room"})).json(200);
    let mut rooms: Vec<(String, String)> = found["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|r| {
            (
                r["metadata"]["room_number"].as_str().unwrap_or("none").to_owned(),
                r["metadata"]["tags"].to_string(),
            )
        })
        .collect();
    rooms.sort();
    rooms
}

fn expected() -> Vec<(String, String)> {
    [("201", "[\"clean\"]"), ("201", "[]"), ("202", "[\"dirty\",\"morning\"]")]
        .map(|(room, tags)| (room.to_owned(), tags.to_owned()))
        .to_vec()
}

#[test]
fn a_folder_goes_into_a_data_directory_once_however_often_it_is_sent() {
    let house = house();
    let (folder, data) = (folder(&house), house.data());
    let args = [
        "index",
        &folder,
        "--category",
        "room",
        "--hotel",
        "h1",
        "--json",
        "--data-dir",
        data.to_str().unwrap(),
    ];
    let first = lines(&house.run(&args).good());
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(first.iter().all(|line| line["already_there"] == false), "{first:?}");
    let second = lines(&house.run(&args).good());
    let id = |line: &Value| (line["file"].clone(), line["image_id"].clone());
    assert!(second.iter().all(|line| line["already_there"] == true), "{second:?}");
    assert_eq!(first.iter().map(id).collect::<Vec<_>>(), second.iter().map(id).collect::<Vec<_>>());
    std::fs::write(house.desk().join("photos/201/broken.jpg"), &drawn(9)[..400]).expect("written");
    let third = house.run(&args);
    assert_eq!(third.code, Some(1), "{}", third.stdout);
    let failed: Vec<Value> = lines(&third.stdout).into_iter().filter(|l| !l["error"].is_null()).collect();
    assert_eq!(failed.len(), 1, "{}", third.stdout);
    assert_eq!(failed[0]["error"]["code"], "broken_image");
    let server = house.serve();
    assert_eq!(rooms(&server), expected());
    let busy = house.run(&args);
    assert_eq!(busy.code, Some(1));
    assert!(busy.stderr.contains("in use"), "{}", busy.stderr);
}

#[test]
fn a_folder_goes_through_a_running_server() {
    let house = house();
    let server = house.serve();
    let folder = folder(&house);
    let url = format!("http://{}", server.address);
    let token = house.token("staff", "h1");
    let args = ["index", &folder, "--category", "room", "--server", &url, "--token", &token];
    let first = house.run(&args).good();
    assert_eq!(first.matches(": kept as ").count(), 3, "{first}");
    let second = house.run(&args).good();
    assert_eq!(second.matches(": here already as ").count(), 3, "{second}");
    assert_eq!(rooms(&server), expected());
    let guest = house.token("guest", "h1");
    let refused = house.run(&["index", &folder, "--category", "room", "--server", &url, "--token", &guest]);
    assert_eq!(
        (refused.code, refused.stdout.matches("forbidden").count()),
        (Some(1), 3),
        "{}",
        refused.stdout
    );
    let nobody =
        ["index", &folder, "--category", "room", "--server", "http://127.0.0.1:1", "--token", &token];
    let lost = house.run(&nobody);
    assert_eq!(lost.code, Some(1));
    assert_eq!(lost.stdout.matches("no_answer").count(), 3, "{}", lost.stdout);
    assert!(!lost.stdout.contains(&token) && !lost.stderr.contains(&token));
}
