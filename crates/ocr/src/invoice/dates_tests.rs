use proptest::prelude::*;

use super::*;

fn read(text: &str, order: DateOrder) -> Option<NaiveDate> {
    let found = find(text);
    assert!(found.len() <= 1, "{text}: {found:?}");
    found.first().and_then(|d| d.in_order(order)).map(|(date, _)| date)
}

fn day(y: i32, m: u32, d: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(y, m, d)
}

#[test]
fn a_date_in_another_languages_form_is_missed() {
    for text in [
        "17/01/2025",
        "17-01-2025",
        "17.01.25",
        "17 . 01 . 2025",
        "2025-01-17",
        "2025/1/17",
        "2025年1月17日",
        "2025 年 01 月 17 日",
        "17 Jan 2025",
        "17-JAN-25",
        "17. Januar 2025",
        "17 janvier 2025",
        "January 17, 2025",
        "Jan 17th, 2025",
        "17th January 2025",
        "ngày 17 tháng 01 năm 2025",
        "17012025",
        "20250117",
        "17/O1/2025",
        "l7/01/2025",
        "17 de enero de 2025",
        "Date:17/01/2025TIME:11:12",
        "17/01/202511:12:56",
        "2025-Jan-17",
    ] {
        assert_eq!(read(text, DateOrder::DayFirst), day(2025, 1, 17), "{text}");
    }
    assert_eq!(read("17. März 2025", DateOrder::DayFirst), day(2025, 3, 17));
    assert_eq!(read("14/JUN/2017 08:34:22", DateOrder::DayFirst), day(2017, 6, 14));
    assert_eq!(read("1er août 2024", DateOrder::DayFirst), day(2024, 8, 1));
}

#[test]
fn the_order_decides_only_what_can_be_read_both_ways() {
    assert_eq!(read("01/02/2025", DateOrder::DayFirst), day(2025, 2, 1));
    assert_eq!(read("01/02/2025", DateOrder::MonthFirst), day(2025, 1, 2));
    assert_eq!(read("12-31-2025", DateOrder::DayFirst), day(2025, 12, 31));
    let both = &find("01/02/2025")[0];
    assert!(both.in_order(DateOrder::DayFirst).unwrap().1, "the order was assumed, and says so");
    assert!(!find("31/12/2025")[0].in_order(DateOrder::MonthFirst).unwrap().1);
}

#[test]
fn numbers_that_are_no_dates_become_dates() {
    for text in [
        "03-7731 8169",
        "12:06:00",
        "HC03-7 - 15",
        "1.2.3",
        "99/99/9999",
        "2025",
        "K3-113,JL",
        "192.168.10.12",
        "0/0/2020",
        "30/02/2024",
        "May the 4th",
        "5556405112205",
    ] {
        assert_eq!(find(text), Vec::new(), "{text}");
    }
}

#[test]
fn a_time_behind_a_date_is_seen() {
    for text in ["12-01-19 21:13", "09/01/2019 8:01:11 PM", "30/03/2018 # 8:13", "25032018 13:11:54"] {
        assert!(find(text)[0].timed, "{text}");
    }
    assert!(!find("12-01-19 SH01")[0].timed);
}

proptest! {
    #[test]
    fn every_form_reads_back_what_it_prints(days in 0_i32..40_000, form in 0_usize..10) {
        let date = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap() + chrono::Duration::days(i64::from(days));
        let (text, order) = match form {
            0 => (date.format("%d/%m/%Y").to_string(), DateOrder::DayFirst),
            1 => (date.format("%m/%d/%Y").to_string(), DateOrder::MonthFirst),
            2 => (date.format("%Y-%m-%d").to_string(), DateOrder::DayFirst),
            3 => (date.format("%d.%m.%Y").to_string(), DateOrder::DayFirst),
            4 => (date.format("%d %b %Y").to_string(), DateOrder::MonthFirst),
            5 => (date.format("%B %-d, %Y").to_string(), DateOrder::DayFirst),
            6 => (date.format("%Y年%-m月%-d日").to_string(), DateOrder::DayFirst),
            7 => (date.format("ngày %d tháng %m năm %Y").to_string(), DateOrder::DayFirst),
            8 => (date.format("%-d-%-m-%Y").to_string(), DateOrder::DayFirst),
            _ => (format!("{}10:30", date.format("%d/%m/%Y")), DateOrder::DayFirst),
        };
        prop_assert_eq!(read(&text, order), Some(date), "{}", text);
    }

    #[test]
    fn two_digit_years_read_back(days in 0_i32..36_000) {
        let date = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap() + chrono::Duration::days(i64::from(days));
        let text = date.format("%d/%m/%y").to_string();
        prop_assert_eq!(read(&text, DateOrder::DayFirst), Some(date), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let count = text.chars().count();
        for d in find(&text) {
            prop_assert!(d.chars.end <= count && !d.readings.is_empty());
        }
    }

    #[test]
    fn no_jumble_of_digits_and_separators_makes_the_parser_panic(text in "[0-9/.: OlI年月日JanMAY-]{0,40}") {
        let _ = find(&text);
    }
}
