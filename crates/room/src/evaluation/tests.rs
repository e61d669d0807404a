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
