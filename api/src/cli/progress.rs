//! Bars on a terminal, while something long is done.

use indicatif::{ProgressBar, ProgressStyle};

fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// How many things were done, where nobody knows how many there are.
pub(super) fn of_unknown(noun: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(&format!("{{spinner}} {{pos}} {noun} {{elapsed}}")) {
        bar.set_style(style);
    }
    bar
}

/// How many of `count` things are done.
pub(super) fn of_things(count: u64, noun: &str) -> ProgressBar {
    bar(count, &format!("{{bar:40}} {{pos}}/{{len}} {noun} {{eta}}"))
}
