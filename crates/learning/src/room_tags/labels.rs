//! From the labels of a data set to tags.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Labels that a head trained on the known sets has. A hotel may teach any other.
pub const LABELS: [&str; 4] = ["bed_unmade", "messy", "room", "spill"];

/// A picture of a `FILES.tsv` that says something about a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledPicture {
    /// Path relative to the list.
    pub path: PathBuf,
    /// Its set.
    pub set: String,
    /// What is known of it.
    pub labels: BTreeMap<String, bool>,
    /// Those of `labels` that it lacks because of what it is, and nobody wondered: see
    /// [`FitSettings::background`](innkeeper_heads::FitSettings::background).
    pub background: BTreeSet<String>,
    /// What must not be split: unique within the source.
    pub group: String,
    /// Where it comes from; the set's name where the list does not say.
    pub source: String,
    /// SHA-256 as the list has it; the path where the list has none.
    pub picture: String,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// No table with a head.
    #[error("the list cannot be read: {0}")]
    Csv(#[from] csv::Error),
    /// A column is missing.
    #[error("the list has no column {0:?}")]
    Column(&'static str),
    /// A path leaves the folder.
    #[error("the path {0:?} leaves the folder of the list")]
    Path(String),
    /// A word of the column `tags` that is not `name=0` or `name=1`.
    #[error("{0:?} is no tag: name=1 or name=0, separated by spaces")]
    Tag(String),
}

/// What a picture of `set` with `label` is known to show; nothing for a set that says nothing about tags.
///
/// | set | label | tags |
/// |---|---|---|
/// | `messy` | `clean`, `messy` | `messy`, and it is a `room` without a spill |
/// | `beds` | `made`, `unmade` | `bed_unmade`, and it is a `room` without a spill |
/// | `pairs` | `tidy`, `cluttered` | `messy`, and it is a `room` without a spill |
/// | `rooms6` | a kind of room | it is a `room` without a spill; but in a `bedroom` there is no unmade bed |
/// | `spill`, `floors_dry` | | `spill`; a bare piece of floor is not a `room`, and there is no unmade bed on it |
/// | `items_grocery` | | not a `room`, no spill, no unmade bed |
///
/// That a photograph of a whole room shows no spill is taken from what its set was collected for, not looked at one by one.
/// Pictures of fire, of people and of everyday objects may or may not show a room: nothing is known of them.
pub fn labels_of(set: &str, label: &str) -> BTreeMap<String, bool> {
    let known: &[(&str, bool)] = match (set, label) {
        ("messy", "clean") | ("pairs", "tidy") => &[("messy", false), ("room", true), ("spill", false)],
        ("messy", "messy") | ("pairs", "cluttered") => &[("messy", true), ("room", true), ("spill", false)],
        ("beds", "made") => &[("bed_unmade", false), ("room", true), ("spill", false)],
        ("beds", "unmade") => &[("bed_unmade", true), ("room", true), ("spill", false)],
        ("rooms6", "bedroom") => &[("room", true), ("spill", false)],
        ("rooms6", _) => &[("room", true), ("spill", false), ("bed_unmade", false)],
        ("floors_dry", _) => &[("spill", false), ("room", false), ("bed_unmade", false)],
        ("spill", _) => &[("spill", true)],
        ("items_grocery", _) => &[("room", false), ("spill", false), ("bed_unmade", false)],
        _ => &[],
    };
    known.iter().map(|(tag, is)| ((*tag).to_owned(), *is)).collect()
}

/// The labels that `set` was collected for. What [`labels_of`] knows of any other follows from what the picture is; only `room`
/// is judged everywhere.
fn judged_in(set: &str) -> &'static [&'static str] {
    match set {
        "messy" | "pairs" => &["messy", "room"],
        "beds" => &["bed_unmade", "room"],
        "spill" | "floors_dry" => &["spill", "room"],
        _ => &["room"],
    }
}

/// Reads a `FILES.tsv`: columns `path`, `set`, `label`, `group`, and where there are some `source`, `sha256` and `tags`. A
/// column `tags` (`messy=1 towel_missing=0`) says what a picture shows in any set; without it, [`labels_of`] does. Pictures
/// that say nothing are left out.
///
/// # Errors
/// [`LabelsError`].
pub fn labelled(list: &str) -> Result<Vec<LabelledPicture>, LabelsError> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_reader(list.as_bytes());
    let heads = reader.headers()?.clone();
    let column = |name: &str| heads.iter().position(|h| h == name);
    let needed = |name: &'static str| column(name).ok_or(LabelsError::Column(name));
    let (path, set, label, group) = (needed("path")?, needed("set")?, needed("label")?, needed("group")?);
    let (source, sha256, tags) = (column("source"), column("sha256"), column("tags"));
    let mut pictures = Vec::new();
    for row in reader.records() {
        let row = row?;
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let filled = |at: Option<usize>| at.map(cell).filter(|c| !c.is_empty());
        let mut background = BTreeSet::new();
        let labels = if let Some(words) = filled(tags) {
            tags_of(words)?
        } else {
            let labels = labels_of(cell(set), cell(label));
            let judged = judged_in(cell(set));
            background.extend(labels.keys().filter(|l| !judged.contains(&l.as_str())).cloned());
            labels
        };
        if labels.is_empty() {
            continue;
        }
        let place = PathBuf::from(cell(path));
        if place.as_os_str().is_empty() || !place.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(LabelsError::Path(cell(path).chars().take(200).collect()));
        }
        pictures.push(LabelledPicture {
            group: group_of(cell(group), &place),
            source: filled(source).unwrap_or(cell(set)).to_owned(),
            picture: filled(sha256).unwrap_or(cell(path)).to_owned(),
            set: cell(set).to_owned(),
            path: place,
            labels,
            background,
        });
    }
    Ok(merged(pictures))
}

/// One entry a picture: what several rows know of it is joined, and where they contradict each other nothing is known.
fn merged(pictures: Vec<LabelledPicture>) -> Vec<LabelledPicture> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut merged: Vec<LabelledPicture> = Vec::with_capacity(pictures.len());
    let mut disputed: Vec<(usize, String)> = Vec::new();
    for picture in pictures {
        let place = *places.entry(picture.picture.clone()).or_insert(merged.len());
        let Some(first) = merged.get_mut(place) else {
            merged.push(picture);
            continue;
        };
        // What one row judged is judged.
        let unasked = |tag: &String, of: &BTreeMap<String, bool>, easy: &BTreeSet<String>| {
            !of.contains_key(tag) || easy.contains(tag)
        };
        let names = first.background.union(&picture.background);
        let background = names.filter(|tag| {
            unasked(tag, &first.labels, &first.background)
                && unasked(tag, &picture.labels, &picture.background)
        });
        first.background = background.cloned().collect();
        for (tag, is) in picture.labels {
            if *first.labels.entry(tag.clone()).or_insert(is) != is {
                disputed.push((place, tag));
            }
        }
    }
    for (place, tag) in disputed {
        if let Some(picture) = merged.get_mut(place) {
            picture.labels.remove(&tag);
        }
    }
    merged
}

/// The background of `pictures` as [`FitSettings`](innkeeper_heads::FitSettings) has it, by label.
pub fn background_of(pictures: &[LabelledPicture]) -> BTreeMap<String, BTreeSet<String>> {
    let mut background: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for picture in pictures {
        for label in &picture.background {
            background.entry(label.clone()).or_default().insert(picture.picture.clone());
        }
    }
    background
}

/// A picture without a group is its own.
fn group_of(group: &str, place: &Path) -> String {
    if group.is_empty() { place.to_string_lossy().into_owned() } else { group.to_owned() }
}

fn tags_of(words: &str) -> Result<BTreeMap<String, bool>, LabelsError> {
    words
        .split([' ', ',', ';'])
        .filter(|w| !w.is_empty())
        .map(|word| match word.rsplit_once('=') {
            Some((tag, "1")) if !tag.is_empty() => Ok((tag.to_owned(), true)),
            Some((tag, "0")) if !tag.is_empty() => Ok((tag.to_owned(), false)),
            _ => Err(LabelsError::Tag(word.chars().take(64).collect())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_becomes_what_is_known_of_each_picture() {
        let list = "path\tset\tlabel\tgroup\tsha256\tsource\ttags\n\
                    a/1.jpg\tmessy\tclean\tg1\tabc\tsomeone@1\t\n\
                    a/2.jpg\tbeds\tunmade\t\t\t\t\n\
                    a/3.jpg\town\t\troom 7\t\thotel\tmessy=1 towel_missing=0\n\
                    a/4.jpg\tpeople\tstreet\tg\t\t\t\n";
        let read = labelled(list).unwrap();
        assert_eq!(read.len(), 3, "a picture that says nothing is left out");
        assert_eq!(
            read[0].labels,
            BTreeMap::from([("messy".into(), false), ("room".into(), true), ("spill".into(), false)])
        );
        assert_eq!(read[0].background, BTreeSet::from(["spill".to_owned()]), "nobody looked for a spill");
        assert_eq!((read[0].source.as_str(), read[0].picture.as_str()), ("someone@1", "abc"));
        assert_eq!(
            (read[1].group.as_str(), read[1].source.as_str(), read[1].picture.as_str()),
            ("a/2.jpg", "beds", "a/2.jpg")
        );
        assert_eq!(read[2].labels, BTreeMap::from([("messy".into(), true), ("towel_missing".into(), false)]));
    }

    #[test]
    fn a_picture_in_two_sets_is_one_picture_and_a_contradiction_is_no_knowledge() {
        let list = "path\tset\tlabel\tgroup\tsha256\n\
                    a\tbeds\tunmade\tg1\tabc\n\
                    b\trooms6\tbedroom\tg2\tabc\n\
                    c\tbeds\tmade\tg3\tabc\n";
        let read = labelled(list).unwrap();
        assert_eq!((read.len(), read[0].group.as_str()), (1, "g1"));
        assert_eq!(read[0].labels, BTreeMap::from([("room".into(), true), ("spill".into(), false)]));
        let list = "path\tset\tlabel\tgroup\tsha256\na\trooms6\tkitchen\tg1\tabc\nb\tbeds\tmade\tg2\tabc\n";
        let read = labelled(list).unwrap();
        assert_eq!(read[0].background, BTreeSet::from(["spill".to_owned()]), "what one row judged is judged");
        assert_eq!(background_of(&read)["spill"], BTreeSet::from(["abc".to_owned()]));
    }

    #[test]
    fn a_list_that_reaches_out_of_its_folder_is_refused() {
        for path in ["../x.jpg", "/etc/passwd", "a/../../x", "", "./x"] {
            let list = format!("path\tset\tlabel\tgroup\n{path}\tmessy\tclean\tg\n");
            assert!(matches!(labelled(&list), Err(LabelsError::Path(_))), "{path:?}");
        }
        assert!(matches!(labelled("path\tset\tgroup\n"), Err(LabelsError::Column("label"))));
        let tags = "path\tset\tlabel\tgroup\ttags\na\tb\tc\td\tmessy=maybe\n";
        assert!(matches!(labelled(tags), Err(LabelsError::Tag(_))));
    }

    proptest! {
        #[test]
        fn no_list_makes_reading_panic(list in "\\PC{0,300}", rows in "[a-z\\t\\n./=01]{0,200}") {
            let _ = labelled(&list);
            let _ = labelled(&format!("path\tset\tlabel\tgroup\ttags\n{rows}"));
        }
    }
}
