use super::*;

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// As if the key file had not changed for a while.
fn settle(home: &Path) {
    let file = std::fs::File::options().write(true).open(home.join("secrets/data.key")).unwrap();
    file.set_modified(std::time::SystemTime::now() - KeyRing::SETTLING).unwrap();
}

#[test]
fn what_is_sealed_opens_in_its_own_place_only() {
    let ring = KeyRing::ephemeral().unwrap();
    let sealed = ring.seal(b"Nguyen Van A", b"employees/1/name").unwrap();
    assert_eq!(ring.open_sealed(&sealed, b"employees/1/name").unwrap(), b"Nguyen Van A");
    assert_eq!(ring.open_sealed(&sealed, b"employees/2/name"), Err(SealError::Tampered));
    assert!(!sealed.windows(6).any(|w| w == b"Nguyen"));
    assert_ne!(sealed, ring.seal(b"Nguyen Van A", b"employees/1/name").unwrap(), "a nonce came twice");
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let ring = KeyRing::ephemeral().unwrap();
    let sealed = ring.seal(&[7; 40], b"c").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(ring.open_sealed(&changed, b"c").is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(ring.open_sealed(&sealed[..length], b"c").is_err(), "cut to {length}");
    }
    assert_eq!(
        ring.open_sealed(b"plain text that nobody sealed, long enough", b"c"),
        Err(SealError::NotSealed)
    );
}

#[test]
fn a_rotated_ring_opens_the_old_and_seals_with_the_new() {
    let home = home();
    let ring = KeyRing::open(None, home.path()).unwrap();
    let other_process = KeyRing::open(None, home.path()).unwrap();
    let (first, old) = (ring.active(), ring.seal(b"x", b"c").unwrap());

    let second = ring.rotate().unwrap();
    assert_ne!(first, second);
    assert_eq!(ring.ids(), [second, first]);
    assert_eq!(ring.open_sealed(&old, b"c").unwrap(), b"x");
    let new = ring.seal(b"y", b"c").unwrap();
    assert_eq!(KeyRing::key_of(&new), Some(second));

    assert_eq!(other_process.open_sealed(&new, b"c"), Err(SealError::UnknownKey(second)));
    assert!(other_process.reload().unwrap());
    assert!(!other_process.reload().unwrap());
    assert_eq!(other_process.open_sealed(&new, b"c").unwrap(), b"y");

    assert!(matches!(ring.retire(second), Err(KeyError::Active(_))));
    assert!(matches!(ring.retire(first), Err(KeyError::TooSoon { .. })), "others may still seal with it");
    settle(home.path());
    ring.retire(first).unwrap();
    assert!(matches!(ring.retire(first), Err(KeyError::Unknown(_))));
    assert_eq!(ring.open_sealed(&old, b"c"), Err(SealError::UnknownKey(first)));
    assert_eq!(KeyRing::open(None, home.path()).unwrap().ids(), [second]);
}

#[test]
fn a_broken_key_file_keeps_the_keys_that_were_read() {
    let home = home();
    let ring = KeyRing::open(None, home.path()).unwrap();
    let sealed = ring.seal(b"x", b"c").unwrap();
    std::fs::write(home.path().join("secrets/data.key"), "nonsense\n").unwrap();
    assert!(matches!(ring.reload(), Err(KeyError::NotAKey { line: 1 })));
    assert_eq!(ring.open_sealed(&sealed, b"c").unwrap(), b"x");
    assert!(KeyRing::open(None, home.path()).is_err());
}

#[test]
fn keys_from_the_environment_are_used_or_refused_but_never_replaced() {
    let home = home();
    let (a, b) = (fresh_line().unwrap(), fresh_line().unwrap());
    let ring = KeyRing::open(Some(&format!("{},{}", *a, *b)), home.path()).unwrap();
    assert_eq!(ring.ids(), [id_of_line(&a).unwrap(), id_of_line(&b).unwrap()]);
    assert!(matches!(ring.rotate(), Err(KeyError::FromEnvironment)));
    for bad in ["", "short", "#", &STANDARD.encode([0; 31])] {
        assert!(KeyRing::open(Some(bad), home.path()).is_err(), "{bad:?}");
    }
    let twice = KeyRing::open(Some(&format!("{} {}", *a, *a)), home.path());
    assert!(matches!(twice, Err(KeyError::Twice(_))));
    assert!(!home.path().join("secrets").exists());
}

#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_reads_the_keys() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let ring = KeyRing::open(None, home.path()).unwrap();
    let mode = || {
        let file = std::fs::metadata(home.path().join("secrets/data.key")).unwrap();
        file.permissions().mode() & 0o777
    };
    assert_eq!(mode(), 0o600);
    ring.rotate().unwrap();
    assert_eq!(mode(), 0o600);
}
