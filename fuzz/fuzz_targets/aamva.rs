//! The text of a driving licence's PDF417 code.
#![no_main]

use innkeeper_ocr::identity::aamva;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = aamva::parse(text);
});
