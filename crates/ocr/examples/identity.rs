//! Scratch.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_ocr::identity::barcode;
fn main() {
    for f in std::env::args().skip(1) {
        let p = Picture::decode(&std::fs::read(&f).unwrap(), &DecodeLimits::default()).unwrap();
        let t = std::time::Instant::now();
        let b = barcode::read(&p, &innkeeper_runtime::Ticket::unlimited()).unwrap();
        let ms = t.elapsed().as_millis();
        match b {
            Some(b) => {
                let stem = f.rsplit_once('.').unwrap().0;
                let truth = std::fs::read(format!("{stem}.txt"))
                    .ok()
                    .map(|b| String::from_utf8_lossy(&b).into_owned())
                    .or_else(|| {
                        std::fs::read(format!("{stem}.bin"))
                            .ok()
                            .map(|b| b.iter().map(|c| char::from(*c)).collect())
                    });
                println!(
                    "{f} {} {} {:?} equal={:?} {ms}ms",
                    b.format,
                    b.kind(),
                    b.quad.bounds(),
                    truth.map(|t| t == b.text)
                );
            }
            None => println!("{f} NONE {ms}ms"),
        }
    }
}
