//! Lines of a machine-readable zone, as a recogniser might misread them.
#![no_main]

use innkeeper_ocr::identity::mrz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().collect();
    let _ = mrz::parse(&lines);
});
