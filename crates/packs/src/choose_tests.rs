//! What is used for a task follows from what is installed, and never from what may not be used.

use std::path::Path;

use crate::choose::{Choice, PackChoice};
use crate::digest::Digest;
use crate::error::PackError;
use crate::library::Library;
use crate::list::{Outcome, State};
use crate::manifest::Manifest;
use crate::pull::{PullOptions, Selection};
use crate::testing::Log;

/// Three detectors (one for research), an embedder that needs a landmark file, a liveness pair.
fn manifest() -> Manifest {
    let item = |name: &str, task: &str, more: &str| {
        let (sha256, size) = (Digest::of(name.as_bytes()), name.len());
        format!(
            "[[item]]\nname = \"{name}\"\nversion = \"1\"\ntask = \"{task}\"\nlicence = \"MIT\"\ncard = \"c\"\n\
             {more}\n[[item.file]]\nname = \"{name}.bin\"\nsource = \"http://127.0.0.1:9/{name}\"\n\
             sha256 = \"{sha256}\"\nsize = {size}\n"
        )
    };
    let text = [
        r#"
schema = 1
[tasks]
detect = { about = "d", prefer = ["good", "plain"] }
embed = { about = "e", prefer = ["vector"] }
points = { about = "p", prefer = ["marks"] }
live = { about = "l", prefer = ["alive", "awake"], together = true }
never = { about = "n", prefer = [] }
[packs.default]
about = "a"
tasks = { detect = ["plain"], embed = ["vector"] }
[packs.extended]
about = "b"
tasks = { detect = ["good"], live = ["alive", "awake"] }
[packs.research]
about = "c"
tasks = { detect = ["lab"] }
"#
        .to_owned(),
        item("plain", "detect", ""),
        item("good", "detect", ""),
        item("lab", "detect", "non_commercial = true\nterms = \"Only for research.\""),
        item("vector", "embed", "needs = [\"marks\"]"),
        item("marks", "points", ""),
        item("alive", "live", ""),
        item("awake", "live", ""),
    ];
    Manifest::parse(&text.concat()).expect("a valid manifest")
}

struct House {
    library: Library,
    _dir: tempfile::TempDir,
    mirror: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let (dir, mirror) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("mirror"));
        for item in manifest().items() {
            let name = item.reference.name();
            std::fs::write(mirror.path().join(name), name).expect("mirror");
        }
        Self { library: Library::new(manifest(), dir.path().to_owned()), _dir: dir, mirror }
    }

    fn options(&self) -> PullOptions<'static> {
        PullOptions { mirror: Some(self.mirror.path().to_owned()), ..PullOptions::default() }
    }

    fn install(&self, name: &str) {
        let options = PullOptions { accept_non_commercial: true, ..self.options() };
        let what = self.library.selection(name).expect("known");
        self.library.pull(&what, &options, &Log::default()).expect("pulled");
    }

    /// Name of the chosen item, or the sentence that says why there is none.
    fn chosen(&self, pack: &str, task: &str) -> String {
        match self.library.choose(&PackChoice::from_setting(pack), task).expect("a choice") {
            Choice::Installed { item, .. } => item.item.name().to_owned(),
            Choice::Absent { command, why, .. } => format!("{why} | {}", command.unwrap_or_default()),
        }
    }
}

#[test]
fn auto_takes_the_best_that_is_installed_and_never_research() {
    let house = House::new();
    house.install("lab");
    let none = "no model for detect is installed; pack extended has the best one, default too | \
                innkeeper models pull --pack extended";
    assert_eq!(house.chosen("auto", "detect"), none);
    assert_eq!(house.chosen("research", "detect"), "lab", "asked for by name");
    house.install("plain");
    assert_eq!(house.chosen("auto", "detect"), "plain");
    house.install("good");
    assert_eq!(house.chosen("auto", "detect"), "good");
    assert_eq!(house.chosen("default", "detect"), "plain");
}

#[test]
fn a_named_pack_without_the_task_says_so_and_names_the_pack_that_has_it() {
    let house = House::new();
    house.install("extended");
    let expected = "pack default has no model for live; pack extended has one, used when models.pack is \
                    \"extended\" or \"auto\" | innkeeper models pull --pack extended";
    assert_eq!(house.chosen("default", "live"), expected);
    assert_eq!(house.chosen("auto", "never"), "no pack has a model for never | ");
}

#[test]
fn an_item_without_what_it_needs_is_not_chosen() {
    let house = House::new();
    house.install("vector");
    assert_eq!(house.chosen("auto", "embed"), "vector", "pulling it pulled its need");
    std::fs::remove_dir_all(house.library.dir().join("marks")).expect("removed");
    assert!(house.chosen("auto", "embed").starts_with("no model for embed is installed"));
    let rows = house.library.list(&PackChoice::Auto).expect("rows");
    let row = rows.iter().find(|r| r.item.name() == "vector").expect("a row");
    assert_eq!((row.state, row.chosen, row.why.as_str()), (State::Installed, false, "needs marks"));
}

#[test]
fn several_opinions_come_in_the_order_of_preference() {
    let house = House::new();
    house.install("awake");
    house.install("alive");
    let all = house.library.choose_all(&PackChoice::Auto, "live").expect("all");
    let names: Vec<&str> = all.iter().map(|i| i.item.name()).collect();
    assert_eq!(names, ["alive", "awake"]);
    let rows = house.library.list(&PackChoice::Auto).expect("rows");
    let used: Vec<&str> = rows.iter().filter(|r| r.chosen).map(|r| r.item.name()).collect();
    assert_eq!(used, ["alive", "awake"], "a model that helps is shown as in use");
    assert!(all[0].file("alive.bin").is_some_and(Path::exists));
    assert!(all[0].file("other").is_none());
}

#[test]
fn research_models_are_refused_until_the_terms_are_accepted() {
    let house = House::new();
    let what = Selection::Pack("research".into());
    let error = house.library.pull(&what, &house.options(), &Log::default()).expect_err("not accepted");
    assert!(
        matches!(&error, PackError::NonCommercial { terms, .. } if terms == "Only for research."),
        "{error}"
    );
    let log = Log::default();
    let options = PullOptions { accept_non_commercial: true, ..house.options() };
    house.library.pull(&what, &options, &log).expect("accepted");
    assert_eq!(log.count("Only for research."), 1, "the terms are shown all the same");
}

#[test]
fn the_list_names_packs_sizes_and_reasons() {
    let house = House::new();
    house.install("good");
    house.install("lab");
    let rows = house.library.list(&PackChoice::Auto).expect("rows");
    let row = |name: &str| rows.iter().find(|r| r.item.name() == name).expect("a row");
    assert!(row("good").chosen && !row("plain").chosen && !row("lab").chosen);
    assert_eq!(row("good").packs, ["extended"]);
    assert_eq!(row("good").download, 4);
    assert_eq!(row("plain").why, "good@1 comes first");
    assert_eq!(row("lab").why, "non-commercial: never chosen by auto");
}

#[test]
fn verify_reports_a_selected_item_that_is_not_there() {
    let house = House::new();
    house.install("good");
    let all = house.library.verify(None).expect("rows");
    assert_eq!(all.len(), 1, "only what is installed");
    let pack = house.library.verify(Some(&Selection::Pack("default".into()))).expect("rows");
    let absent: Vec<&str> =
        pack.iter().filter(|r| r.outcome == Outcome::NotInstalled).map(|r| r.item.name()).collect();
    assert_eq!(absent, ["plain", "vector", "marks"]);
}

#[test]
fn a_name_that_does_not_exist_lists_those_that_do() {
    let house = House::new();
    let error = house.library.selection("defualt").expect_err("a typing error").to_string();
    assert!(error.contains("default, extended, research, plain"), "{error}");
    house.library.choose(&PackChoice::from_setting("defualt"), "detect").expect_err("no such pack");
    house.library.choose(&PackChoice::Auto, "dance").expect_err("no such task");
}
