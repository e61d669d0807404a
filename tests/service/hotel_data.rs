//! The hotel's tables by the command line: imported, simulated, looked at as frames, forecast from, and measured.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};

use crate::server::{House, Ran};

const HEADER: &str = "hotel,is_canceled,lead_time,arrival_date_year,arrival_date_month,arrival_date_week_number,\
arrival_date_day_of_month,stays_in_weekend_nights,stays_in_week_nights,adults,children,babies,meal,country,\
market_segment,distribution_channel,is_repeated_guest,previous_cancellations,previous_bookings_not_canceled,\
reserved_room_type,assigned_room_type,booking_changes,deposit_type,agent,company,days_in_waiting_list,customer_type,adr,\
required_car_parking_spaces,total_of_special_requests,reservation_status,reservation_status_date";

/// One line of the public columns.
fn line(hotel: &str, arrival: NaiveDate, lead: u64, nights: u64, adr: &str, cancelled: bool) -> String {
    let departure = arrival + Days::new(nights);
    let (status, on) =
        if cancelled { ("Canceled", arrival - Days::new(lead / 2)) } else { ("Check-Out", departure) };
    format!(
        "{hotel},{},{lead},{},{},{},{},0,{nights},2,0,0,BB,PRT,Direct,Direct,0,0,0,A,A,0,No Deposit,NULL,NULL,0,Transient,\
         {adr},0,0,{status},{on}",
        u8::from(cancelled),
        arrival.year(),
        arrival.format("%B"),
        arrival.iso_week().week(),
        arrival.day(),
    )
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// Two years of a small hotel whose weekends are full, as the public columns have it; the same every time.
fn history(hotel: &str) -> String {
    let mut text = format!("{HEADER}\n");
    for i in 0..730 {
        let arrival = day("2023-01-01") + Days::new(i);
        let weekend = matches!(arrival.weekday(), chrono::Weekday::Fri | chrono::Weekday::Sat);
        for k in 0..(if weekend { 6 } else { 3 }) + (i * 7 % 3) {
            let (lead, nights) = ((i * 13 + k * 29) % 60, 1 + (i + k) % 3);
            let adr = format!("{}.50", 80 + k * 3);
            writeln!(text, "{}", line(hotel, arrival, lead, nights, &adr, (i + k) % 7 == 0)).expect("text");
        }
    }
    text
}

fn written(house: &House, name: &str, text: &str) -> String {
    let path: PathBuf = house.desk().join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("a text path").to_owned()
}

fn json_of(ran: Ran) -> Value {
    serde_json::from_str(&ran.good()).expect("JSON")
}

/// Runs a command on the house's data.
fn on(house: &House, args: &[&str]) -> Ran {
    let data = house.data();
    let mut all = args.to_vec();
    all.extend(["--data-dir", data.to_str().expect("a text path")]);
    house.run(&all)
}

fn count(told: &Value, key: &str) -> u64 {
    told["hotels"].as_array().expect("hotels").iter().map(|h| h[key].as_u64().expect("a count")).sum()
}

#[test]
fn a_file_that_is_imported_twice_changes_nothing_and_equal_lines_stay_bookings_of_their_own() {
    let house = House::new("default");
    let twice = line("Sea View", day("2024-05-01"), 10, 2, "99.00", false);
    let file = written(&house, "b.csv", &format!("{}{twice}\n{twice}\n", history("Sea View")));
    let lines = history("Sea View").lines().count() as u64 - 1 + 2;
    let import = ["import", "bookings", &file, "--json"];
    let first = json_of(on(&house, &import));
    assert_eq!((first["accepted"].as_u64(), count(&first, "inserted")), (Some(lines), lines), "{first}");
    assert_eq!(first["hotels"][0]["hotel"], "sea-view", "the hotel of a line is the one it names");
    let second = json_of(on(&house, &import));
    let changed = (count(&second, "inserted"), count(&second, "changed"), count(&second, "unchanged"));
    assert_eq!(changed, (0, 0, lines), "{second}");
    let proof = on(&house, &["audit", "verify"]).good();
    assert!(!proof.contains("broken"), "{proof}");
}

#[test]
fn each_line_that_is_refused_is_counted_under_its_reason_and_written_where_asked() {
    let house = House::new("default");
    let good = line("Sea View", day("2024-05-01"), 10, 2, "99.00", false);
    let below_zero = line("Sea View", day("2024-05-02"), 10, 2, "-6.38", false);
    let no_day = good.replace(",May,", ",Smarch,");
    let file = written(&house, "b.csv", &format!("{HEADER}\n{good}\n{below_zero}\n{no_day}\n"));
    let rejects = house.desk().join("rejects.csv");
    let rejects = rejects.to_str().expect("a text path");
    let told = json_of(on(&house, &["import", "bookings", &file, "--json", "--rejects", rejects]));
    assert_eq!((&told["read"], &told["accepted"], &told["rejected"]), (&json!(3), &json!(1), &json!(2)));
    let reasons = told["rejections"].as_array().expect("rejections");
    assert_eq!(reasons.iter().filter_map(|r| r["count"].as_u64()).sum::<u64>(), 2, "{told}");
    for reason in reasons {
        let example = &reason["example"];
        assert!(reason["code"].as_str().is_some_and(|c| !c.is_empty()), "{reason}");
        assert!(example["line"].as_u64().is_some_and(|l| l == 3 || l == 4), "{reason}");
        assert!(example["reason"].as_str().is_some_and(|r| !r.is_empty()), "{reason}");
    }
    let kept = std::fs::read_to_string(rejects).expect("the rejects");
    assert_eq!(kept.lines().count(), 3, "{kept}");
    let words = on(&house, &["import", "bookings", &file]).good();
    assert!(words.contains("rejected") && words.contains("line 3"), "{words}");
}

#[test]
fn nothing_is_written_of_a_file_that_breaks_off_or_holds_nothing_to_accept() {
    let house = House::new("default");
    let text = history("Sea View");
    let nothing = written(&house, "no.csv", &format!("{HEADER}\n{}\n", "x,".repeat(31)));
    assert_eq!(on(&house, &["import", "bookings", &nothing]).code, Some(1));
    // A compressed file whose end was lost on the way.
    let whole = {
        use std::io::Write as _;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).expect("packed");
        packed.finish().expect("packed")
    };
    let path = house.desk().join("b.csv.gz");
    std::fs::write(&path, &whole[..whole.len() - whole.len() / 4]).expect("a file");
    let path = path.to_str().expect("a text path");
    let broken = on(&house, &["import", "bookings", path]);
    assert!(broken.code == Some(1) && broken.stderr.contains("b.csv.gz"), "{}", broken.stderr);
    std::fs::write(path, &whole).expect("a file");
    let told = json_of(on(&house, &["import", "bookings", path, "--json", "--dry-run"]));
    assert!(told["dry_run"] == true && told["accepted"].as_u64().is_some_and(|n| n > 1000), "{told}");
    let told = json_of(on(&house, &["import", "bookings", path, "--json"]));
    assert_eq!(
        told["accepted"].as_u64(),
        Some(count(&told, "inserted")),
        "something was here before: {told}"
    );
}

#[test]
fn a_simulated_hotel_is_the_same_hotel_again_and_never_mixes_with_another() {
    let house = House::new("default");
    let simulate = |more: &[&str]| {
        let mut args = vec!["simulate", "--rooms", "20", "--days", "400", "--end", "2025-01-31", "--json"];
        args.extend(more);
        on(&house, &args)
    };
    let first = json_of(simulate(&["--seed", "7"]));
    assert_eq!(first["hotel"], "default");
    assert!(first["written"]["bookings"]["inserted"].as_u64().is_some_and(|n| n > 500), "{first}");
    assert!(first["written"]["rooms"]["inserted"].as_u64().is_some_and(|n| n == 20), "{first}");
    let again = json_of(simulate(&["--seed", "7"]));
    for (table, counts) in again["written"].as_object().expect("tables") {
        assert_eq!(counts["inserted"], 0, "{table}: {again}");
    }
    let other = simulate(&["--seed", "8"]);
    assert!(other.code == Some(1) && other.stderr.contains("--replace"), "{}", other.stderr);
    let replaced = json_of(simulate(&["--seed", "8", "--replace"]));
    assert!(replaced["written"]["bookings"]["inserted"].as_u64().is_some_and(|n| n > 500), "{replaced}");
    let forecast = json_of(on(&house, &["forecast", "occupancy", "--days", "14", "--json"]));
    let days = forecast["forecasts"].as_array().expect("forecasts");
    assert_eq!(days.len(), 14, "{forecast}");
    assert_eq!(days[0]["date"], "2025-02-01", "the last day of the simulation is the last that is known");
    for day in days {
        let at = |key: &str| day[key].as_f64().expect(key);
        let (low, middle, high) = (at("lower_bound"), at("predicted_occupancy"), at("upper_bound"));
        assert!(low <= middle && middle <= high && (0.0..=1.0).contains(&middle), "{day}");
    }
}

#[test]
fn a_hotel_without_bookings_is_told_what_brings_them() {
    let house = House::new("default");
    let simulate = ["simulate", "--rooms", "5", "--days", "30", "--hotel", "other"];
    on(&house, &simulate).good();
    let ran = on(&house, &["forecast", "occupancy"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stderr.contains("innkeeper import bookings"), "{}", ran.stderr);
    let doctor = on(&house, &["doctor"]).good();
    let line = doctor.lines().find(|line| line.contains("bookings")).expect("a line about bookings");
    assert!(line.starts_with("optional") && line.contains("innkeeper import bookings"), "{line}");
}

#[test]
fn the_evaluation_of_forecasts_has_a_figure_or_a_reason_for_each_target() {
    let house = House::new("default");
    let file = written(&house, "b.csv", &history("Sea View"));
    let plot = house.desk().join("plot.svg");
    let args = [
        "evaluate",
        "forecast",
        "--data",
        &file,
        "--origins",
        "2024-08-01,2024-09-05",
        "--horizon",
        "28",
        "--json",
        "--plot",
        plot.to_str().expect("a text path"),
    ];
    let figures: Value = serde_json::from_str(&house.run(&args).good()).expect("JSON");
    for target in ["occupancy", "revenue", "checkouts"] {
        let target = &figures["targets"][target];
        for key in
            ["mae_7", "mae_28", "mase_28", "coverage_80", "coverage_95", "interval_score_80", "seconds"]
        {
            assert!(target[key].is_number(), "{key}: {figures}");
        }
    }
    assert!(figures["reasons"].is_array() && figures["hotels"]["sea-view"].is_object(), "{figures}");
    // Of three rooms in the week and six at the weekend nobody misses more than all of them.
    assert!(figures["targets"]["occupancy"]["mae_28"].as_f64().is_some_and(|mae| mae < 6.0), "{figures}");
    let drawn = std::fs::read_to_string(plot).expect("the plot");
    assert!(drawn.contains("<svg"), "{drawn}");
    let early = ["evaluate", "forecast", "--data", &file, "--origins", "2023-01-03", "--json"];
    let early: Value = serde_json::from_str(&house.run(&early).good()).expect("JSON");
    assert!(early["targets"]["occupancy"]["mae_28"].is_null(), "{early}");
    assert!(early["reasons"].as_array().is_some_and(|r| !r.is_empty()), "a null needs a reason: {early}");
}

#[test]
fn a_frame_leaves_the_house_as_parquet_and_is_described() {
    let house = House::new("default");
    on(&house, &["simulate", "--rooms", "5", "--days", "60", "--end", "2025-01-31"]).good();
    let described = json_of(house.run(&["frames", "describe", "--json"]));
    let frame = described["frames"].as_array().and_then(|f| f.first()).expect("a frame");
    let name = frame["name"].as_str().expect("a name").to_owned();
    assert!(
        frame["columns"].as_array().is_some_and(|c| c.iter().all(|c| c["meaning"].is_string())),
        "{frame}"
    );
    let out = house.desk().join("frame.parquet");
    let out = out.to_str().expect("a text path");
    on(&house, &["frames", "export", &name, "--as-of", "2025-01-15", "--out", out]).good();
    let bytes = std::fs::read(out).expect("the file");
    assert_eq!(bytes.get(..4), Some(b"PAR1".as_slice()));
    let wrong = on(&house, &["frames", "export", "nothing", "--as-of", "2025-01-15", "--out", out]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains(&name), "{}", wrong.stderr);
}

/// Serves one JSON text to whoever asks, until the test is over; the address, and what was asked.
fn feed(text: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/v1/prices?hotel=7", listener.local_addr().expect("an address"));
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = std::io::BufReader::new(&stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    break;
                }
            }
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
            if tell.send(head).is_err() {
                return;
            }
        }
    });
    (address, told)
}

#[test]
fn competitors_prices_come_from_a_feed_by_a_mapping() {
    let house = House::new("default");
    let mapping = written(
        &house,
        "shop.toml",
        "[columns]\ncompetitor = \"hotel.name\"\nnight = \"stay\"\nprice = \"rate.amount\"\ncurrency = \"rate.currency\"\nseen_on = \"read\"\n",
    );
    let (address, told) = feed(
        r#"{"ok": true, "prices": [
            {"hotel": {"name": "Opera"}, "stay": "2026-02-01", "rate": {"amount": 2300000, "currency": "VND"}, "read": "2026-01-20"},
            {"hotel": {"name": "Lake"}, "stay": "2026-02-01", "rate": {"amount": 2100000.5, "currency": "VND"}, "read": "2026-01-20"}
        ]}"#,
    );
    let import = ["import", "competitors", address.as_str(), "--mapping", mapping.as_str(), "--json"];
    let report = json_of(on(&house, &import));
    assert_eq!((&report["accepted"], &report["rejected"]), (&json!(1), &json!(1)), "{report}");
    assert!(told.recv().expect("a request").starts_with("GET /v1/prices?hotel=7 "));
    let again = json_of(on(&house, &import));
    assert_eq!(again["hotels"][0]["inserted"], json!(0), "{again}");
    // What comes over an open line from elsewhere could be anybody's.
    let refused = on(&house, &["import", "competitors", "http://192.0.2.1/prices"]);
    assert_ne!(refused.code, Some(0));
    let refused = refused.stderr;
    assert!(refused.contains("https://"), "{refused}");
    let broken = feed("{\"error\": \"no such key\"}").0;
    let refused = on(&house, &["import", "competitors", &broken]);
    assert_ne!(refused.code, Some(0));
    let refused = refused.stderr;
    assert!(refused.contains("no list of objects"), "{refused}");
}
