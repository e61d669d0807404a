use super::*;

fn described(set: &str, label: &str) -> Described {
    let [set, label] = [set, label].map(str::to_owned);
    Described { set, label, group: String::new(), stem: String::new(), picture: String::new() }
}

#[test]
fn sets_that_say_nothing_of_a_room_are_left_out() {
    for (set, label) in [("items_grocery", "milk"), ("messy", "neither"), ("", "")] {
        assert!(!described(set, label).is_used(), "{set}/{label}");
    }
    assert!(described("pairs", "tidy").is_used());
    assert_eq!(described("beds", "made").truth(), BTreeMap::from([("bed_unmade".to_owned(), false)]));
    assert_eq!(described("messy", "messy").truth(), BTreeMap::from([("messy".to_owned(), true)]));
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
