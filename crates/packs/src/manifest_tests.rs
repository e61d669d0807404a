//! The manifest is strict, and the shipped ones hold together.

use std::path::Path;

use crate::manifest::{Manifest, ManifestError};
use crate::source::Source;

const GOOD: &str = r#"
schema = 1
[tasks.see]
about = "Sees."
prefer = ["eye"]
[packs.default]
about = "All."
[packs.default.tasks]
see = ["eye"]
[[item]]
name = "eye"
version = "1"
task = "see"
licence = "MIT"
card = "cards/eye.md"
[[item.file]]
name = "eye.onnx"
source = "https://example.org/eye.onnx"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
size = 3
"#;

#[test]
fn an_unknown_key_anywhere_is_an_error() {
    Manifest::parse(GOOD).expect("the example itself");
    let places = ["schema = 1", "about = \"Sees.\"", "about = \"All.\"", "licence = \"MIT\"", "size = 3"];
    for place in places {
        let text = GOOD.replacen(place, &format!("{place}\nsurprise = 1"), 1);
        let error = Manifest::parse(&text).expect_err(place).to_string();
        assert!(error.contains("surprise"), "{place}: {error}");
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let second = GOOD[GOOD.find("[[item]]").expect("an item")..].to_owned();
    let cases = [
        ("schema of another version", GOOD.replace("schema = 1", "schema = 2")),
        ("pack with an unknown item", GOOD.replace("see = [\"eye\"]", "see = [\"ear\"]")),
        ("pack with an unknown task", GOOD.replace("see = [\"eye\"]", "hear = [\"eye\"]")),
        ("order with an unknown item", GOOD.replace("prefer = [\"eye\"]", "prefer = [\"ear\"]")),
        ("item of an unknown task", GOOD.replace("task = \"see\"", "task = \"hear\"")),
        ("the same name twice", format!("{GOOD}{second}")),
        ("an item named like a pack", GOOD.replace("\"eye\"", "\"default\"")),
        ("an unknown need", GOOD.replace("card =", "needs = [\"ear\"]\ncard =")),
        ("a name that climbs", GOOD.replace("version = \"1\"", "version = \"..\"")),
        ("a file name that climbs", GOOD.replace("\"eye.onnx\"", "\"../eye.onnx\"")),
        ("a file name that climbs later", GOOD.replace("\"eye.onnx\"", "\"a/../../eye.onnx\"")),
        ("a file name from the root", GOOD.replace("\"eye.onnx\"", "\"/eye.onnx\"")),
        ("a file named like the record", GOOD.replace("\"eye.onnx\"", "\"installed.json\"")),
        ("a digest cut short", GOOD.replace("b855\"", "b8\"")),
        ("half a conversion", GOOD.replace("size = 3", "size = 3\nconvert = \"eye\"")),
        ("an empty file", GOOD.replace("size = 3", "size = 0")),
        ("terms left out", GOOD.replace("card =", "non_commercial = true\ncard =")),
        (
            "non-commercial in the automatic order",
            GOOD.replace("card =", "non_commercial = true\nterms = \"No.\"\ncard ="),
        ),
    ];
    for (name, text) in cases {
        assert_ne!(text, GOOD, "{name}: the case changes nothing");
        Manifest::parse(&text).expect_err(name);
    }
}

#[test]
fn two_files_may_share_a_name_only_on_different_machines() {
    let file = &GOOD[GOOD.find("[[item.file]]").expect("a file")..];
    let both = |a: &str, b: &str| Manifest::parse(&format!("{GOOD}{a}\n{file}{b}\n"));
    both("arch = \"x86_64\"", "arch = \"aarch64\"").expect("never on one machine");
    let error = both("arch = \"x86_64\"", "").expect_err("both on x86_64");
    assert!(matches!(error, ManifestError::Invalid { .. }), "{error}");
}

#[test]
fn the_shipped_manifests_are_valid_and_every_item_has_its_card() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shipped = [("models", Manifest::models()), ("datasets", Manifest::datasets())];
    for (folder, manifest) in shipped {
        for item in manifest.expect(folder).items() {
            let file = item.card.split('#').next().unwrap_or_default();
            let card = std::fs::read_to_string(root.join(folder).join(file)).expect(file);
            assert!(card.contains("## Limits") || folder == "datasets", "{file} states no limits");
        }
    }
}

#[test]
fn the_default_pack_needs_nothing_but_the_package_index() {
    let manifest = Manifest::models().expect("shipped");
    for name in manifest.packs()["default"].tasks.values().flatten() {
        for file in &manifest.item(name).expect("checked by parse").files {
            assert!(!matches!(file.source, Source::Https { .. }), "{name}: {}", file.source);
        }
    }
}

#[test]
fn only_the_research_pack_holds_what_a_hotel_may_not_use() {
    let manifest = Manifest::models().expect("shipped");
    let holders: Vec<&str> = manifest
        .packs()
        .iter()
        .filter(|(_, p)| {
            p.tasks.values().flatten().any(|n| manifest.item(n).is_some_and(|i| i.non_commercial))
        })
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(holders, ["research"]);
}
