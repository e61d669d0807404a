use innkeeper_core::HotelId;
use unicode_normalization::UnicodeNormalization as _;

/// The name of a hotel as an identifier: small Latin letters, digits and hyphens, accents taken off. `Resort Hotel` is
/// `resort-hotel`, `Khách sạn Đà Nẵng` is `khach-san-da-nang`. `None` where nothing of the name can be written so, or more than
/// 64 bytes: such a hotel has to be named by whoever imports the file.
pub fn hotel_slug(name: &str) -> Option<HotelId> {
    let mut slug = String::with_capacity(name.len());
    for letter in name.nfkd() {
        let plain = match letter {
            'đ' | 'Đ' => "d",
            'ø' | 'Ø' => "o",
            'ł' | 'Ł' => "l",
            'ß' => "ss",
            'æ' | 'Æ' => "ae",
            'œ' | 'Œ' => "oe",
            _ if letter.is_ascii_alphanumeric() => {
                slug.push(letter.to_ascii_lowercase());
                continue;
            }
            // An accent belongs to the letter before it, an apostrophe to its word.
            '\'' | '’' => continue,
            _ if unicode_normalization::char::is_combining_mark(letter) => continue,
            // Letters that cannot be written would make one name of two.
            _ if letter.is_alphanumeric() => return None,
            _ => {
                if !slug.is_empty() && !slug.ends_with('-') {
                    slug.push('-');
                }
                continue;
            }
        };
        slug.push_str(plain);
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::hotel_slug;

    fn slug(name: &str) -> Option<String> {
        hotel_slug(name).map(|hotel| hotel.as_str().to_owned())
    }

    #[test]
    fn a_hotel_keeps_its_tenant_however_its_name_is_written() {
        for name in ["Resort Hotel", "  resort   hotel ", "RESORT-HOTEL", "Resort: Hotel!"] {
            assert_eq!(slug(name).as_deref(), Some("resort-hotel"), "{name}");
        }
        assert_eq!(slug("Khách sạn Đà Nẵng").as_deref(), Some("khach-san-da-nang"));
        assert_eq!(slug("Hôtel de l'Étoile").as_deref(), Some("hotel-de-letoile"));
        assert_eq!(slug("default").as_deref(), Some("default"));
    }

    #[test]
    fn two_names_that_cannot_be_written_do_not_become_one_hotel() {
        for name in
            ["", "---", "東京ホテル", "東京 Hotel", "../../etc/passwd\u{202e}\u{5d0}", &"x".repeat(65)]
        {
            assert_eq!(slug(name), None, "{name}");
        }
    }
}
