//! Keys: those that open the door, and those that seal what lies behind it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::pictures::{BIDEN, OBAMA, photo};
use crate::server::{Answer, House, RECOGNISE, Server, eventually, send, tamper};

const KEYS: &str = "/api/v1/keys";

fn with_key(server: &Server<'_>, key: &str, path: &str) -> Answer {
    send(server.anyone().request(Method::GET, path).header("X-API-Key", key))
}

#[test]
fn an_api_key_opens_what_it_was_made_for_until_it_is_revoked() {
    let house = House::new("default");
    let server = house.serve();
    let admin = server.role("admin", "h1");
    server.manager().post_json(KEYS, &json!({"subject": "x", "role": "staff"})).problem(403, "forbidden");
    let made = admin
        .post_json(KEYS, &json!({"subject": "channel", "role": "manager", "permissions": ["cv:enroll"]}))
        .json(201);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    with_key(&server, key, "/api/v1/cv/face/embedding/EMP001").problem(404, "employee_not_enrolled");
    with_key(&server, key, "/api/v1/audit").problem(403, "forbidden");
    let picture =
        send(server.anyone().request(Method::POST, RECOGNISE).header("X-API-Key", key).body(photo(BIDEN)));
    picture.problem(403, "forbidden");

    // A key does no more than who makes it.
    let narrow = server.with(house.token_with(&[
        "--subject",
        "narrow",
        "--role",
        "admin",
        "--hotel",
        "h1",
        "--permissions",
        "admin:keys",
    ]));
    narrow.post_json(KEYS, &json!({"subject": "me", "role": "admin"})).problem(403, "forbidden");
    let own = json!({"subject": "me", "role": "admin", "permissions": ["admin:keys"]});
    narrow.post_json(KEYS, &own).json(201);

    // A changed letter, another key's secret, both credentials at once.
    let other = admin.post_json(KEYS, &json!({"subject": "other", "role": "staff"})).json(201);
    let other_key = other["key"].as_str().unwrap();
    let mixed = format!("{}{}", &key[..19], &other_key[19..]);
    let changed = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    for bad in [mixed.as_str(), changed.as_str(), "", "ik_", id, "é"] {
        let answer = with_key(&server, bad, "/api/v1/audit");
        assert_eq!(answer.status, 401, "{bad:?}: {}", answer.text());
    }
    let both = server.with(house.token("admin", "h1")).request(Method::GET, KEYS).header("X-API-Key", key);
    send(both).problem(400, "bad_request");

    // The list tells everything but the key, and to its own hotel only.
    let listed = admin.get(KEYS).text();
    assert!(listed.contains(id) && !listed.contains(key) && !listed.contains(&key[20..60]), "{listed}");
    assert_eq!(server.role("admin", "h2").get(KEYS).json(200), json!([]));
    server.role("admin", "h2").delete(&format!("{KEYS}/{id}")).problem(404, "api_key_not_found");

    assert_eq!(admin.delete(&format!("{KEYS}/{id}")).status, 204);
    with_key(&server, key, "/api/v1/cv/face/embedding/EMP001").problem(401, "invalid_token");
    admin.delete(&format!("{KEYS}/{id}")).problem(404, "api_key_not_found");
    admin.post_json(KEYS, &json!({"subject": "x", "role": "king"})).problem(400, "bad_request");
    admin
        .post_json(KEYS, &json!({"subject": "x", "role": "staff", "expires_at": "2020-01-01T00:00:00Z"}))
        .problem(400, "invalid_timestamp");

    // The command makes them too, while the server runs.
    let data = house.data();
    let place = ["--hotel", "h1", "--data-dir", data.to_str().unwrap()];
    let key = house
        .run(&[&["api-key", "create", "--subject", "cli", "--role", "manager"], &place[..]].concat())
        .good();
    assert_eq!(
        with_key(&server, key.trim(), "/api/v1/audit").json(200).as_array().map(|a| !a.is_empty()),
        Some(true)
    );
    assert!(house.run(&[&["api-key", "list"], &place[..]].concat()).good().contains("cli"));
    let audit = admin.get("/api/v1/audit").text();
    assert!(
        audit.contains("api_key.created")
            && audit.contains("api_key.revoked")
            && !audit.contains(&key[20..60])
    );
}

#[test]
fn data_keys_are_rotated_while_the_service_answers() {
    let house = House::new("default");
    let server = house.serve();
    let (manager, camera) = (server.manager(), server.camera());
    manager.enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    let data = house.data();
    let at = ["--data-dir", data.to_str().unwrap()];
    let keys = |args: &[&str]| house.run(&[&["keys"], args, &at[..]].concat());
    let list = || serde_json::from_str::<Value>(&keys(&["list", "--json"]).good()).unwrap();
    let old = list()["keys"][0]["key"].as_str().unwrap().to_owned();

    let new = keys(&["rotate"]).good().trim().to_owned();
    let refused = keys(&["retire", &old]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(refused.stderr.contains("still holds"), "{}", refused.stderr);
    manager.enrol("EMP002", &[&photo(BIDEN)]).json(201);
    eventually("everything is sealed with the new key", || {
        assert_eq!(camera.recognise(&photo(OBAMA[1])).json(200)["employee_id"], "EMP001");
        let listed = list();
        let held = listed["keys"].as_array().unwrap().iter().find(|k| k["key"] == old.as_str()).unwrap();
        (held["rows"] == 0 && held["pictures"] == 0).then_some(())
    });
    let refused = keys(&["retire", &old]);
    assert!(refused.stderr.contains("wait"), "other servers may still seal with it: {}", refused.stderr);
    let file = std::fs::File::options().write(true).open(data.join("secrets/data.key")).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_mins(3)).unwrap();
    keys(&["retire", &old]).good();
    assert_eq!(list()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(list()["keys"][0]["key"], new.as_str());
    let log = manager.get("/api/v1/audit").text();
    assert!(log.contains("keys.rotated") && log.contains(&format!("key {new}")), "{log}");
    assert!(log.contains("keys.retired") && log.contains(&format!("key {old}")), "{log}");
    server.stop();

    let server = house.serve();
    let camera = server.camera();
    for (name, who) in [(OBAMA[1], "EMP001"), (BIDEN, "EMP002")] {
        assert_eq!(camera.recognise(&photo(name)).json(200)["employee_id"], who);
    }
    server.stop();

    // Without its keys the house stays closed, and says which key is missing.
    std::fs::remove_file(house.data().join("secrets/data.key")).unwrap();
    let closed = house.run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(closed.code, Some(1));
    assert!(closed.stderr.contains(&new) && closed.stderr.contains("data.key"), "{}", closed.stderr);
}

#[test]
fn an_altered_audit_log_is_found_by_the_command() {
    let house = House::new("default");
    let server = house.serve();
    server.manager().enrol("EMP001", &[&photo(OBAMA[0])]).json(201);
    server.role("admin", "h2").post_json(KEYS, &json!({"subject": "x", "role": "staff"})).json(201);
    server.stop();
    let data = house.data();
    let verify = || house.run(&["audit", "verify", "--json", "--data-dir", data.to_str().unwrap()]);
    let intact: Value = serde_json::from_str(&verify().good()).unwrap();
    assert_eq!((&intact["intact"], &intact["breaks"]), (&json!(true), &json!([])));
    assert_eq!(intact["heads"].as_array().unwrap().len(), 2);

    tamper(&house, "DROP TRIGGER audit_log_no_update");
    tamper(&house, "UPDATE audit_log SET actor = 'nobody' WHERE hotel_id = 'h1' AND seq = 1");
    let altered = verify();
    assert_eq!(altered.code, Some(1));
    let altered: Value = serde_json::from_str(&altered.stdout).unwrap();
    assert_eq!(altered["breaks"][0]["hotel"], "h1", "{altered}");
    assert_eq!(altered["heads"].as_array().unwrap().len(), 1, "the other hotel's log is whole");
}
