use std::time::Duration;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn record(key: &ApiKey) -> ApiKeyRecord {
    ApiKeyRecord {
        id: key.id(),
        hash: key.hash(),
        subject: "front-desk".to_owned(),
        role: Role::Staff,
        permissions: None,
        hotel: "default".parse().expect("an id"),
        expires_at: None,
        revoked_at: None,
    }
}

fn fresh() -> ApiKey {
    ApiKey::generate().expect("random bytes")
}

#[test]
fn a_key_read_back_speaks_for_whom_it_was_made() {
    let key = fresh();
    let text = key.reveal();
    assert_eq!(text.len(), API_KEY_BYTES);
    let read: ApiKey = text.parse().expect("its own text");
    let stored = record(&key);
    let principal = ApiKeyRecord::verify(Some(&stored), &read, now()).expect("accepted");
    assert_eq!((principal.subject.as_str(), principal.role), ("front-desk", Role::Staff));
    assert_eq!(principal.hotel.as_str(), "default");
    assert_eq!(principal.permissions, Role::Staff.permissions());
    assert_eq!(principal.credential, Credential::ApiKey(key.id()));
    assert_eq!(principal.credential.to_string(), format!("key:{}", key.id()));
}

#[test]
fn the_stored_hash_is_sha_256_of_the_secret_half() {
    let text = format!("ik_{}_{}", "01".repeat(8), "ab".repeat(32));
    let text = format!("{text}{}", hex::encode(checksum(&text)));
    let key: ApiKey = text.parse().expect("well formed");
    assert_eq!(key.id(), "0101010101010101");
    // printf 'ab%.0s' {1..32} | xxd -r -p | sha256sum
    assert_eq!(key.hash(), "9a2db2e23f1504cd056606553ac049c5e718e8f9ce9233876df1a7a1821af885");
}

#[test]
fn every_mistyped_character_is_noticed_before_any_look_up() {
    let text = fresh().reveal();
    for at in 0..text.len() {
        let old = text.as_bytes()[at];
        let new = if old == b'0' { "1" } else { "0" };
        let mut changed = text.to_string();
        changed.replace_range(at..=at, new);
        assert_eq!(changed.parse::<ApiKey>().err(), Some(ApiKeyError::Malformed), "character {at}");
        assert!(text[..at].parse::<ApiKey>().is_err(), "cut to {at}");
    }
    for bad in [
        String::new(),
        text.to_uppercase(),
        format!(" {}", *text),
        format!("{}\n", *text),
        "é".repeat(46),
        "ik_".repeat(31),
        text.replacen("ik_", "ik-", 1),
        "x".repeat(1 << 20),
    ] {
        assert!(bad.parse::<ApiKey>().is_err(), "{bad:.100}");
    }
}

#[test]
fn another_secret_under_a_known_id_is_refused() {
    let (key, other) = (fresh(), fresh());
    let forged = ApiKey { id: key.id, secret: other.secret.clone() };
    assert_eq!(ApiKeyRecord::verify(Some(&record(&key)), &forged, now()), Err(ApiKeyError::Wrong));
    // Nor does the hash itself, read from a stolen table, open anything.
    let mut hash = [0; 32];
    hex::decode_to_slice(key.hash(), &mut hash).expect("hex");
    let replayed = ApiKey { id: key.id, secret: Zeroizing::new(hash) };
    assert_eq!(ApiKeyRecord::verify(Some(&record(&key)), &replayed, now()), Err(ApiKeyError::Wrong));
}

#[test]
fn a_record_that_is_missing_or_belongs_to_another_key_is_unknown() {
    let key = fresh();
    assert_eq!(ApiKeyRecord::verify(None, &key, now()), Err(ApiKeyError::Unknown));
    let elsewhere = ApiKeyRecord { id: fresh().id(), ..record(&key) };
    assert_eq!(ApiKeyRecord::verify(Some(&elsewhere), &key, now()), Err(ApiKeyError::Unknown));
}

#[test]
fn a_revoked_or_expired_key_stops_at_once() {
    let key = fresh();
    let verify = |r: ApiKeyRecord| ApiKeyRecord::verify(Some(&r), &key, now());
    let soon = now() + Duration::from_micros(1);
    assert!(verify(ApiKeyRecord { expires_at: Some(soon), ..record(&key) }).is_ok());
    let over = ApiKeyRecord { expires_at: Some(now()), ..record(&key) };
    assert_eq!(verify(over), Err(ApiKeyError::Expired));
    for at in [now() - Duration::from_secs(9), now(), now() + Duration::from_secs(9)] {
        let revoked = ApiKeyRecord { revoked_at: Some(at), ..record(&key) };
        assert_eq!(verify(revoked), Err(ApiKeyError::Revoked), "{at}");
    }
}

#[test]
fn a_damaged_record_lets_nobody_in() {
    let key = fresh();
    for hash in ["", "zz", &"0".repeat(64), &key.hash()[..62], &format!("{}00", key.hash())] {
        let damaged = ApiKeyRecord { hash: hash.to_owned(), ..record(&key) };
        assert!(ApiKeyRecord::verify(Some(&damaged), &key, now()).is_err(), "{hash:?}");
    }
    for subject in ["", "a\nb"] {
        let damaged = ApiKeyRecord { subject: subject.to_owned(), ..record(&key) };
        assert!(damaged.check().is_err(), "{subject:?} can be stored");
        let refused = ApiKeyRecord::verify(Some(&damaged), &key, now());
        assert_eq!(refused, Err(ApiKeyError::Unusable), "{subject:?}");
    }
}

#[test]
fn listed_permissions_take_the_place_of_the_roles() {
    let key = fresh();
    let permissions = |list: &[Permission]| {
        let record = ApiKeyRecord { role: Role::Admin, permissions: Some(list.to_vec()), ..record(&key) };
        ApiKeyRecord::verify(Some(&record), &key, now()).expect("accepted").permissions
    };
    assert_eq!(permissions(&[Permission::CvRead]), [Permission::CvRead].into());
    assert!(permissions(&[]).is_empty(), "an empty list became full access");
}

#[test]
fn nobody_outside_learns_why_a_key_was_refused() {
    use ApiKeyError as E;
    for error in [E::Malformed, E::Unknown, E::Wrong, E::Revoked, E::Expired, E::Unusable] {
        assert_eq!(error.to_string(), E::Unknown.to_string(), "{}", error.reason());
    }
}

#[test]
fn the_secret_does_not_show_in_debug_output() {
    let key = fresh();
    let shown = format!("{key:?} {:?}", record(&key));
    assert!(shown.contains(&key.id()));
    assert!(!shown.contains(&hex::encode(*key.secret)), "{shown}");
}
