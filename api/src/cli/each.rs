//! Many files at once, over the cores, with a bar on a terminal.

use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;

/// What `work` makes of each of `count` things, in their order.
pub(super) fn each<T: Send>(
    count: usize,
    noun: &str,
    work: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    // Drawn on a terminal only.
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {noun} {{eta}}")) {
        bar.set_style(style);
    }
    let next = AtomicUsize::new(0);
    let turn = || {
        let mut mine = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return mine;
            }
            mine.push((i, work(i)));
            bar.inc(1);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let parts = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.min(count)).map(|_| scope.spawn(turn)).collect();
        handles.into_iter().map(|handle| handle.join().map_err(|_| "a thread panicked")).collect::<Vec<_>>()
    });
    bar.finish_and_clear();
    let mut all = Vec::with_capacity(count);
    for part in parts {
        all.extend(part?);
    }
    all.sort_by_key(|(i, _)| *i);
    Ok(all.into_iter().map(|(_, made)| made).collect())
}
