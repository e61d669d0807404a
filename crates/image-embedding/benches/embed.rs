//! Photographs a second, from the decoded picture and from its JPEG, on one thread:
//! `cargo bench -p innkeeper-image-embedding`.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use innkeeper_core::{DecodeLimits, Picture};
use innkeeper_image_embedding::EmbedderSettings;
use innkeeper_runtime::Ticket;

#[path = "../tests/installed/mod.rs"]
mod installed;

/// A picture with edges and colours everywhere, as large as a phone sends it after its own shrinking.
fn photograph() -> Picture {
    let (width, height) = (1600_u32, 1200_u32);
    let rgb = (0..height).flat_map(|y| {
        (0..width).flat_map(move |x| [(x ^ y) as u8, (x * 3 + y) as u8, ((x / 40 + y / 30) * 37) as u8])
    });
    Picture::from_rgb(width, height, rgb.collect()).unwrap()
}

fn embed(criterion: &mut Criterion) {
    let picture = photograph();
    let jpeg = picture.to_jpeg(85).unwrap();
    let mut group = criterion.benchmark_group("embed");
    group.throughput(Throughput::Elements(1));
    for side in [224, 320, 384] {
        let Some(embedder) = installed::embedder(EmbedderSettings { side }, 1) else { return };
        group.bench_function(format!("picture/{side}"), |bench| {
            bench.iter(|| embedder.features(&picture, &Ticket::unlimited()).unwrap());
        });
        group.bench_function(format!("jpeg/{side}"), |bench| {
            bench.iter(|| {
                let picture = Picture::decode(&jpeg, &DecodeLimits::default()).unwrap();
                embedder.features(&picture, &Ticket::unlimited()).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, embed);
criterion_main!(benches);
