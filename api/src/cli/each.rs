//! Many files at once, over the cores, with a bar on a terminal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::{Failure, progress};

/// Hands what `work` makes of each of `count` things to `done`, in their order, each as soon as those before it are
/// done too: who stops after half of the files has the answers of that half.
pub(super) fn each_in_order<T: Send>(
    count: usize,
    noun: &str,
    work: impl Fn(usize) -> T + Sync,
    mut done: impl FnMut(usize, T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let bar = progress::of_things(count as u64, noun);
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(count);
    let next = AtomicUsize::new(0);
    // A slow file holds up the others rather than letting their answers pile up.
    let (made, taken) = mpsc::sync_channel(4 * threads.max(1));
    let turn = |made: mpsc::SyncSender<(usize, T)>| {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count || made.send((i, work(i))).is_err() {
                return;
            }
        }
    };
    let result = std::thread::scope(|scope| {
        for _ in 0..threads {
            let (turn, made) = (&turn, made.clone());
            scope.spawn(move || turn(made));
        }
        drop(made);
        let (mut early, mut expected) = (BTreeMap::new(), 0);
        for (i, answer) in taken {
            early.insert(i, answer);
            while let Some(answer) = early.remove(&expected) {
                bar.suspend(|| done(expected, answer))?;
                expected += 1;
                bar.inc(1);
            }
        }
        if expected == count { Ok(()) } else { Err("a thread panicked".into()) }
    });
    bar.finish_and_clear();
    result
}

/// As [`each_in_order`], all answers together.
pub(super) fn each<T: Send>(
    count: usize,
    noun: &str,
    work: impl Fn(usize) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::with_capacity(count);
    each_in_order(count, noun, work, |_, made| {
        all.push(made);
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_files_however_long_each_takes() {
        let mut seen = Vec::new();
        let work = |i: usize| {
            std::thread::sleep(std::time::Duration::from_millis(if i.is_multiple_of(5) { 20 } else { 0 }));
            i * i
        };
        each_in_order(40, "things", work, |i, square| {
            seen.push((i, square));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, (0..40).map(|i| (i, i * i)).collect::<Vec<_>>());
    }

    #[test]
    fn an_answer_that_cannot_be_printed_ends_the_work() {
        let ended = each_in_order(1000, "things", |i| i, |_, _| Err("the pipe is closed".into()));
        assert_eq!(ended.unwrap_err().to_string(), "the pipe is closed");
    }
}
