//! Whether a page is Vietnamese, and how the marks of a second reading come into the first one.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::{Line, PageText, Word};

/// Terms of bills and identity documents without marks and spaces, which a first reading often lacks. Each is long or odd
/// enough not to stand in another language's text by chance; a page needs more than one.
const TERMS: [&str; 36] = [
    "hoadon",
    "tongcong",
    "tongtien",
    "thanhtien",
    "dongia",
    "soluong",
    "khachhang",
    "diachi",
    "masothue",
    "thanhtoan",
    "congty",
    "dienthoai",
    "tienmat",
    "tienhang",
    "tienthue",
    "thuegtgt",
    "giatrigiatang",
    "camon",
    "quykhach",
    "giamgia",
    "tralai",
    "nhanvien",
    "phucvu",
    "tenhang",
    "banhang",
    "cuahang",
    "nhahang",
    "khachsan",
    "ngaysinh",
    "hovaten",
    "quequan",
    "quoctich",
    "gioitinh",
    "cancuoccongdan",
    "chunghiavietnam",
    "chungminhnhandan",
];
/// Short words that count where they stand alone with a mark or beside other signs of Vietnamese.
const WORDS: [&str; 9] = ["ngay", "tien", "tong", "cong", "hang", "thue", "vnd", "phuong", "quan"];

/// Least confidence of a second reading's word.
const SURE: f32 = 0.6;
/// One letter in so many may differ between the readings of a word.
const AGREEMENT: usize = 3;

/// A word of the second reading.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guess {
    pub(super) text: String,
    /// 0 to 1, as Tesseract says.
    pub(super) confidence: f32,
}

/// A character without its marks: `ế` is `e`, `Đ` is `D`.
fn plain(c: char) -> char {
    match c {
        'đ' | 'ð' => 'd',
        'Đ' | 'Ð' => 'D',
        _ => std::iter::once(c).nfd().next().unwrap_or(c),
    }
}

/// A text without marks.
fn without_marks(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).map(plain).collect()
}

/// Letters that no other language of bills has: ơ, ư, the sign of the dong and those with a tone on top of
/// another mark or below.
fn only_vietnamese(c: char) -> bool {
    matches!(c, 'ơ' | 'Ơ' | 'ư' | 'Ư' | '₫' | '\u{1EA0}'..='\u{1EF9}')
}

/// Whether the page is Vietnamese: by at least two of its usual terms, or one of them or two short words beside
/// three letters that only Vietnamese has. French, German, English and Chinese pages have neither.
pub(super) fn is_vietnamese(page: &PageText) -> bool {
    let mut terms = [false; TERMS.len()];
    let mut words = [false; WORDS.len()];
    let mut letters = 0;
    for line in &page.lines {
        letters += line.text.nfc().filter(|c| only_vietnamese(*c)).count();
        let said = without_marks(&line.text).to_lowercase();
        let joined: String = said.chars().filter(|c| c.is_alphabetic()).collect();
        for (found, term) in terms.iter_mut().zip(TERMS) {
            *found |= joined.contains(term);
        }
        for word in said.split(|c: char| !c.is_alphabetic()) {
            for (found, known) in words.iter_mut().zip(WORDS) {
                *found |= word == known;
            }
        }
    }
    let count = |found: &[bool]| found.iter().filter(|f| **f).count();
    let (terms, words) = (count(&terms), count(&words));
    terms >= 2 || letters >= 3 && (terms == 1 || words >= 2 || letters >= 12)
}

/// Whether a line has letters to correct.
pub(super) fn has_letters(text: &str) -> bool {
    text.chars().filter(|c| plain(*c).is_ascii_alphabetic()).count() >= 2
}

/// Takes the letters of the second reading over into the words where both agree; says whether the line changed.
///
/// The readings are aligned character by character without their marks, so that each word of the first has its
/// part of the second. The part replaces the word when Tesseract is sure of it, when it or the word has letters
/// beyond ASCII (plain letters the main recogniser reads better), and when no more than one letter in three
/// differs. Letters with marks that the first reading lacks do not count as different: it drops what it does not
/// know. A word with a digit changes nothing but marks.
pub(super) fn correct(line: &mut Line, guesses: &[Guess]) -> bool {
    let mut second: Vec<(char, f32)> = Vec::new();
    for guess in guesses {
        if !second.is_empty() {
            second.push((' ', 1.0));
        }
        second.extend(guess.text.nfc().map(|c| (c, guess.confidence)));
    }
    // Two quadratic tables a line: what is longer than any printed line is left alone.
    let joined: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
    let first: Vec<char> = joined.join(" ").nfc().collect();
    if second.is_empty() || first.len().max(second.len()) > 1000 {
        return false;
    }
    let plain_second: Vec<char> = second.iter().map(|(c, _)| folded(*c)).collect();
    let places = places(&first.iter().map(|c| folded(*c)).collect::<Vec<_>>(), &plain_second);
    let mut words = Vec::with_capacity(line.words.len());
    let mut changed = false;
    let mut at = 0;
    for word in &line.words {
        let length = word.text.nfc().count();
        let part = places.get(at).zip(places.get(at + length)).and_then(|(from, to)| second.get(*from..*to));
        at += length + 1;
        match part.and_then(|part| replacement(&word.text, part)) {
            Some(text) if text != word.text => {
                changed = true;
                words.extend(split(word, &text));
            }
            _ => words.push(word.clone()),
        }
    }
    if changed {
        line.text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        line.words = words;
    }
    changed
}

/// Without marks and in small letters.
fn folded(c: char) -> char {
    let c = plain(c);
    c.to_lowercase().next().unwrap_or(c)
}

/// Cost of leaving a character out, and of taking one for another.
fn missing(c: char) -> usize {
    if c == ' ' { 1 } else { 2 }
}

fn mistaken(a: char, b: char) -> usize {
    match (a == b, (a == ' ') == (b == ' ')) {
        (true, _) => 0,
        (false, true) => 2,
        (false, false) => 4,
    }
}

/// For each boundary between characters of `first`, its ends included, where it lies in `second` by the cheapest
/// alignment (R. A. Wagner, M. J. Fischer, "The string-to-string correction problem", 1974). Spaces are cheap to
/// lose.
fn places(first: &[char], second: &[char]) -> Vec<usize> {
    let columns = second.len() + 1;
    let mut costs = vec![0_usize; (first.len() + 1) * columns];
    let cost = |costs: &[usize], i: usize, j: usize| costs.get(i * columns + j).copied().unwrap_or(0);
    let ways = |costs: &[usize], i: usize, j: usize| {
        let (a, b) =
            (i.checked_sub(1).and_then(|i| first.get(i)), j.checked_sub(1).and_then(|j| second.get(j)));
        let both = a.zip(b).map(|(a, b)| cost(costs, i - 1, j - 1) + mistaken(*a, *b));
        let right = b.map(|b| cost(costs, i, j - 1) + missing(*b));
        let down = a.map(|a| cost(costs, i - 1, j) + missing(*a));
        (both, right, down)
    };
    for i in 0..=first.len() {
        for j in 0..columns {
            let (both, right, down) = ways(&costs, i, j);
            let least = [both, right, down].into_iter().flatten().min().unwrap_or(0);
            if let Some(slot) = costs.get_mut(i * columns + j) {
                *slot = least;
            }
        }
    }
    let mut places = vec![0; first.len() + 1];
    let (mut i, mut j) = (first.len(), second.len());
    if let Some(last) = places.last_mut() {
        *last = j;
    }
    while i > 0 || j > 0 {
        let (both, right, _) = ways(&costs, i, j);
        let here = Some(cost(&costs, i, j));
        if both == here {
            (i, j) = (i - 1, j - 1);
        } else if right == here {
            // What only the second reading has stands after the boundary before it.
            j -= 1;
            continue;
        } else {
            i -= 1;
        }
        if let Some(place) = places.get_mut(i) {
            *place = j;
        }
    }
    if let Some(start) = places.first_mut() {
        *start = 0;
    }
    places
}

/// What the second reading makes of a word; `None` when it is not to be believed.
fn replacement(word: &str, part: &[(char, f32)]) -> Option<String> {
    let letters: Vec<(char, f32)> = part.iter().copied().filter(|(c, _)| *c != ' ').collect();
    let least = letters.iter().map(|(_, confidence)| *confidence).reduce(f32::min)?;
    let beyond = |c: char| c.is_alphabetic() && !c.is_ascii();
    let concerned = word.chars().any(beyond) || letters.iter().any(|(c, _)| beyond(*c));
    if least < SURE || !concerned {
        return None;
    }
    let first: Vec<char> = word.nfc().map(folded).collect();
    let second: Vec<char> = letters.iter().map(|(c, _)| folded(*c)).collect();
    let has_digit = |text: &[char]| text.iter().any(char::is_ascii_digit);
    if has_digit(&first) || has_digit(&second) {
        if first != second {
            return None;
        }
    } else {
        let free: Vec<bool> = letters.iter().map(|(c, _)| beyond(*c)).collect();
        if unexplained(&first, &second, &free) * AGREEMENT > second.len() {
            return None;
        }
    }
    let text: String = part.iter().map(|(c, _)| *c).collect();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Edits between two texts without marks, where letters of the second that are `free` may be added for nothing.
fn unexplained(first: &[char], second: &[char], free: &[bool]) -> usize {
    let price: Vec<usize> = free.iter().map(|free| usize::from(!free)).collect();
    let mut row: Vec<usize> = vec![0];
    row.extend(price.iter().scan(0, |sum, price| {
        *sum += price;
        Some(*sum)
    }));
    for a in first {
        let mut diagonal = row.first().copied().unwrap_or(0);
        let mut left = diagonal + 1;
        if let Some(start) = row.first_mut() {
            *start = left;
        }
        for ((slot, b), price) in row.iter_mut().skip(1).zip(second).zip(&price) {
            let best = (diagonal + usize::from(a != b)).min(left + price).min(*slot + 1);
            diagonal = std::mem::replace(slot, best);
            left = best;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A word with its new text; several where the text has spaces, each as wide as its share of the characters.
fn split(word: &Word, text: &str) -> Vec<Word> {
    let total = text.chars().count().max(1) as f32;
    let mut from = 0;
    text.split(' ')
        .map(|piece| {
            let to = from + piece.chars().count();
            let quad = super::part(&word.quad, from as f32 / total, to as f32 / total);
            from = to + 1;
            Word { quad, text: piece.to_owned(), confidence: word.confidence }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use innkeeper_core::{Point, Rect};

    use super::*;
    use crate::Quad;

    fn line(text: &str) -> Line {
        let count = text.chars().count() as f32;
        let mut at = 0.0;
        let mut word = |said: &str| {
            let w = said.chars().count() as f32;
            let quad = Quad::from_rect(&Rect { x: 10.0 * at, y: 5.0, w: 10.0 * w, h: 20.0 });
            at += w + 1.0;
            Word { quad, text: said.to_owned(), confidence: 0.9 }
        };
        let words = text.split(' ').map(&mut word).collect();
        let quad = Quad::from_rect(&Rect { x: 0.0, y: 5.0, w: 10.0 * count, h: 20.0 });
        Line { quad, text: text.to_owned(), confidence: 0.9, words }
    }

    fn guesses(text: &str, confidence: f32) -> Vec<Guess> {
        text.split(' ').map(|word| Guess { text: word.to_owned(), confidence }).collect()
    }

    fn corrected(first: &str, second: &str, confidence: f32) -> String {
        let mut line = line(first);
        correct(&mut line, &guesses(second, confidence));
        let words: Vec<&str> = line.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(words.join(" "), line.text, "words and text say the same");
        line.text
    }

    fn page(lines: &[&str]) -> PageText {
        PageText::upright(100, 100, lines.iter().map(|text| line(text)).collect())
    }

    #[test]
    fn marks_and_letters_that_were_dropped_come_back() {
        assert_eq!(corrected("TNG CÔNG", "TỔNG CỘNG", 0.9), "TỔNG CỘNG");
        assert_eq!(corrected("Du gi đu 30 ml", "Dầu gội đầu 30 mi", 0.9), "Dầu gội đầu 30 ml");
        assert_eq!(corrected("a hàng Th phm", "Cửa hàng Thực phẩm", 0.95), "Cửa hàng Thực phẩm");
    }

    #[test]
    fn digits_and_amounts_stay_as_the_main_recogniser_read_them() {
        assert_eq!(corrected("Tng 1.853.280 d", "Tổng 1.858.280 đ", 0.99), "Tổng 1.853.280 đ");
        assert_eq!(corrected("1.853.280d", "1,853,280đ", 0.99), "1.853.280d");
        assert_eq!(corrected("1.853.280d", "1.853.280đ", 0.99), "1.853.280đ");
        assert_eq!(corrected("S", "5ố", 0.99), "S");
    }

    #[test]
    fn a_second_reading_that_disagrees_or_doubts_is_not_believed() {
        assert_eq!(corrected("Khach hang", "Khách hàng", 0.3), "Khach hang");
        assert_eq!(corrected("Grand Hotel", "Đường Hữu", 0.9), "Grand Hotel");
        assert_eq!(corrected("Facture", "", 0.9), "Facture");
    }

    #[test]
    fn words_that_ran_together_part_inside_their_box() {
        let mut line = line("HOADON 12");
        assert!(correct(&mut line, &guesses("HÓA ĐƠN 12", 0.9)));
        assert_eq!(line.text, "HÓA ĐƠN 12");
        let boxes: Vec<(f32, f32)> =
            line.words.iter().map(|w| w.quad.bounds()).map(|b| (b.x, b.right())).collect();
        assert_eq!(boxes.len(), 3);
        assert!(
            boxes[0].0 == 0.0 && boxes[0].1 < boxes[1].0 && (boxes[1].1 - 60.0).abs() < 1e-3,
            "{boxes:?}"
        );
        assert_eq!(line.words[2].quad.0[0], Point { x: 70.0, y: 5.0 });
    }

    #[test]
    fn other_languages_are_not_taken_for_vietnamese() {
        for lines in [
            ["FACTURE", "Désignation Qté Prix", "Café à la crème hôtel forêt", "Tổng"],
            ["RECHNUNG", "Menge Preis", "Österreich Größe", "Tien Ngay"],
            ["INVOICE", "Total", "Don Giacomo, 12 Quan Lane", "Phuong Tran"],
            ["合计", "金额", "收据", "Công"],
        ] {
            assert!(!is_vietnamese(&page(&lines)), "{lines:?}");
        }
    }

    #[test]
    fn vietnamese_is_known_with_its_marks_without_them_and_without_spaces() {
        assert!(is_vietnamese(&page(&["HÓA ĐƠN BÁN LẺ", "Thành tiền"])));
        assert!(is_vietnamese(&page(&["HOADON", "Tong cong"])));
        assert!(is_vietnamese(&page(&["Người nộp tiền", "Đường Trần Hưng Đạo", "Ngày 12/3"])));
    }
}
