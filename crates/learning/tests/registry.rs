//! The registry as its callers see it: what is registered stays, what is chosen is chosen in one step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use innkeeper_learning::{ChangeKind, File, Name, Registry, RegistryError, Version};
use serde_json::json;

fn name() -> Name {
    "room-tags".parse().unwrap()
}

fn add(registry: &Registry, content: &str) -> Version {
    let files = [File { name: "head.json", bytes: content.as_bytes() }];
    registry.register(&name(), &files, &json!({ "auc": 0.9 }), "# card\n").unwrap().version
}

fn in_new_folder(test: impl FnOnce(&Path, Registry)) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path()).unwrap();
    test(folder.path(), registry);
}

#[test]
fn a_version_is_read_as_it_was_registered_with_card_and_metrics() {
    in_new_folder(|_, registry| {
        let (first, second) = (add(&registry, "one"), add(&registry, "two"));
        assert_eq!((first.number(), second.number()), (1, 2));
        assert_eq!(registry.read(&name(), first, "head.json").unwrap(), b"one");
        assert_eq!(registry.read(&name(), second, "head.json").unwrap(), b"two");
        assert_eq!(registry.read(&name(), second, "card.md").unwrap(), b"# card\n");
        let versions: Vec<u64> =
            registry.versions(&name()).unwrap().iter().map(|r| r.version.number()).collect();
        assert_eq!(versions, [1, 2]);
        assert_eq!(registry.names().unwrap(), [name()]);
        assert_eq!(registry.champion(&name()).unwrap(), None, "nothing answers before it is promoted");
    });
}

#[test]
fn rolling_back_is_one_step_and_ends_at_the_first_champion() {
    in_new_folder(|_, registry| {
        let (first, second) = (add(&registry, "one"), add(&registry, "two"));
        assert!(matches!(registry.rollback(&name(), "test"), Err(RegistryError::NothingBefore(_))));
        registry.promote(&name(), first, "test").unwrap();
        assert!(matches!(registry.rollback(&name(), "test"), Err(RegistryError::NothingBefore(_))));
        registry.promote(&name(), second, "test").unwrap();
        let again = registry.promote(&name(), second, "test").unwrap();
        assert_eq!(again.previous, Some(first), "promoting the champion again loses no way back");
        let back = registry.rollback(&name(), "anna\n").unwrap();
        assert_eq!((back.champion, back.previous), (Some(first), None));
        let kinds: Vec<ChangeKind> = back.history.iter().map(|c| c.kind).collect();
        assert_eq!(kinds, [ChangeKind::Promoted, ChangeKind::Promoted, ChangeKind::RolledBack]);
        assert_eq!(back.history[2].by, "anna");
        assert_eq!(registry.promote(&name(), second, "test").unwrap().champion, Some(second));
    });
}

#[test]
fn a_version_that_is_not_there_or_not_whole_is_never_promoted() {
    in_new_folder(|folder, registry| {
        let version = add(&registry, "one");
        let missing: Version = "7".parse().unwrap();
        assert!(matches!(
            registry.promote(&name(), missing, "test"),
            Err(RegistryError::UnknownVersion { .. })
        ));
        let nobody: Name = "nobody".parse().unwrap();
        assert!(matches!(
            registry.promote(&nobody, version, "test"),
            Err(RegistryError::UnknownVersion { .. })
        ));
        assert!(matches!(registry.rollback(&nobody, "test"), Err(RegistryError::NothingBefore(_))));
        assert!(!folder.join("nobody").exists(), "asking makes no folder");
        fs::write(folder.join("room-tags/1/head.json"), "forged").unwrap();
        assert!(matches!(registry.promote(&name(), version, "test"), Err(RegistryError::Damaged { .. })));
        assert!(matches!(registry.read(&name(), version, "head.json"), Err(RegistryError::Damaged { .. })));
        assert_eq!(registry.champion(&name()).unwrap(), None);
    });
}

#[test]
fn a_folder_that_only_looks_like_a_version_is_none_and_its_number_is_not_used() {
    in_new_folder(|folder, registry| {
        add(&registry, "one");
        fs::create_dir(folder.join("room-tags/2")).unwrap();
        fs::create_dir(folder.join("room-tags/3")).unwrap();
        // The record of another version, copied.
        fs::copy(folder.join("room-tags/1/version.json"), folder.join("room-tags/3/version.json")).unwrap();
        assert_eq!(registry.versions(&name()).unwrap().len(), 1);
        assert!(registry.promote(&name(), "3".parse().unwrap(), "test").is_err());
        assert_eq!(add(&registry, "two").number(), 4);
    });
}

#[test]
fn the_number_of_a_champion_that_was_deleted_by_hand_is_not_used_again() {
    in_new_folder(|folder, registry| {
        add(&registry, "one");
        let second = add(&registry, "two");
        registry.promote(&name(), second, "test").unwrap();
        fs::remove_dir_all(folder.join("room-tags/2")).unwrap();
        assert_eq!(add(&registry, "three").number(), 3);
        assert!(registry.read(&name(), second, "head.json").is_err(), "another file never stands in for it");
    });
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_registry_is_not_followed() {
    in_new_folder(|folder, registry| {
        let version = add(&registry, "one");
        fs::write(folder.join("secret"), "one").unwrap();
        let place = folder.join("room-tags/1/head.json");
        fs::remove_file(&place).unwrap();
        std::os::unix::fs::symlink(folder.join("secret"), &place).unwrap();
        assert!(matches!(registry.read(&name(), version, "head.json"), Err(RegistryError::Damaged { .. })));
    });
}

#[test]
fn files_that_would_hide_the_registrys_own_are_refused() {
    in_new_folder(|_, registry| {
        for bad in ["version.json", "card.md", "metrics.json", "../head.json", ".lock", "a/b", ""] {
            let files = [File { name: bad, bytes: b"x" }];
            assert!(registry.register(&name(), &files, &json!({}), "").is_err(), "{bad:?}");
        }
        let twice = [File { name: "a", bytes: b"x" }, File { name: "a", bytes: b"y" }];
        assert!(registry.register(&name(), &twice, &json!({}), "").is_err());
        assert!(registry.register(&name(), &[], &json!({}), "").is_err());
        assert_eq!(registry.versions(&name()).unwrap(), []);
    });
}

#[test]
fn many_writers_get_a_version_each() {
    in_new_folder(|folder, registry| {
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || {
                    let registry = Registry::open(folder).unwrap();
                    for turn in 0..5 {
                        let version = add(&registry, &format!("{writer} {turn}"));
                        registry.promote(&name(), version, "test").unwrap();
                    }
                });
            }
        });
        let versions = registry.versions(&name()).unwrap();
        assert_eq!(versions.len(), 20);
        assert_eq!(versions.last().unwrap().version.number(), 20);
        let choice = registry.choice(&name()).unwrap();
        assert!(choice.history.len() <= 20);
        assert!(choice.history.windows(2).all(|pair| pair[1].from == Some(pair[0].to)), "no change was lost");
    });
}
