use super::*;

fn described(set: &str, label: &str, known: &[(&str, bool)]) -> Described {
    let [set, label] = [set, label].map(str::to_owned);
    let known = known.iter().map(|(name, holds)| ((*name).to_owned(), *holds)).collect();
    Described { set, label, known, group: String::new(), stem: String::new(), picture: String::new() }
}

#[test]
fn photos_of_which_nothing_is_known_are_left_out() {
    assert!(!described("items_grocery", "milk", &[]).is_used());
    assert!(described("pairs", "tidy", &[]).is_used());
    assert!(described("beds", "made", &[("bed_unmade", false)]).is_used());
}

#[test]
fn the_views_of_an_unchanged_photo_keep_its_size_and_are_not_the_photo() {
    let rgb: Vec<u8> = (0..120 * 90 * 3).map(|i| (i * 31 % 251) as u8).collect();
    let photo = Picture::from_rgb(120, 90, rgb).expect("a picture");
    for view in views(&photo).expect("views") {
        assert_eq!((view.width(), view.height()), (120, 90));
        assert_ne!(view.rgb(), photo.rgb());
    }
}

fn sets(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn made_beds_are_judged_among_beds_and_not_among_groceries() {
    assert!(
        counts_for("bed_unmade", &sets(&["beds"])) && counts_for("bed_unmade", &sets(&["beds", "rooms6"]))
    );
    for set in ["rooms6", "items_grocery", "floors_dry", "messy"] {
        assert!(!counts_for("bed_unmade", &sets(&[set])), "{set}");
    }
    assert!(counts_for("spill", &sets(&["floors_dry"])) && !counts_for("spill", &sets(&["messy"])));
    assert!(counts_for("room", &sets(&["items_grocery"])));
    assert!(counts_for("bed_unmade", &sets(&["a hotel's own"])));
}

#[test]
fn false_alarms_of_a_spill_are_counted_on_rooms_alone() {
    let held = |example, decision, truth| HeldOut {
        example,
        group: String::new(),
        truth,
        probability: 0.5,
        decision,
    };
    let of = [sets(&["messy"]), sets(&["floors_dry"]), sets(&["beds", "rooms6"]), sets(&["spill"])];
    let spill = [
        held(0, Decision::Present, false),
        held(1, Decision::Present, false),
        held(2, Decision::Unsure, false),
        held(3, Decision::Present, true),
    ];
    assert_eq!(false_alarms_in_rooms(&spill, &of), Some(0.5));
    assert_eq!(false_alarms_in_rooms(&spill[3..], &of), None);
}
