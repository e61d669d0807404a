//! Whether rules leave a price on every night, before anything else is known.

use std::collections::HashSet;

use chrono::{Days, NaiveDate};

use super::order::{Edge, circle, narrow};
use super::rule::Asked;
use super::set::{RuleError, RuleSet};
use super::words::listed;

/// Refuses a set in which some night has no prices for all room types.
pub(super) fn refuse(set: &RuleSet) -> Result<(), RuleError> {
    let mut seen: HashSet<Vec<usize>> = HashSet::new();
    for night in nights(set) {
        let holding: Vec<usize> = (0..set.read.len())
            .filter(|rule| {
                let (reach, asked) = &set.read[*rule];
                let alone = matches!(
                    asked,
                    Asked::Floor(_)
                        | Asked::Ceiling(_)
                        | Asked::Fixed(_)
                        | Asked::Ending { .. }
                        | Asked::Order { .. }
                );
                alone && reach.may_hold_on(night)
            })
            .collect();
        if !seen.insert(holding.clone()) {
            continue;
        }
        if let Some(rules) = circle(&edges(set, &holding)) {
            let names: Vec<String> = rules.iter().map(|rule| called(set, *rule)).collect();
            let why = format!("{} go round in a circle{}", listed(&names), when(set, night, &rules));
            return Err(RuleError::Circle { rules: rules.iter().map(|rule| set.id(*rule)).collect(), why });
        }
        if fails(set, &holding).is_some() {
            return Err(named(set, night, &smallest(set, holding)));
        }
    }
    Ok(())
}

/// A night for each combination of rules that there is: between two days on which a rule begins or ends, every week is like
/// the first.
fn nights(set: &RuleSet) -> Vec<NaiveDate> {
    let mut turns: Vec<NaiveDate> = Vec::new();
    for (reach, _) in &set.read {
        turns.extend(reach.from);
        turns.extend(reach.until.and_then(|until| until.succ_opt()));
    }
    if turns.is_empty() {
        turns.push(NaiveDate::default());
    }
    turns.sort_unstable();
    turns.dedup();
    let before = turns.first().and_then(|first| first.checked_sub_days(Days::new(7)));
    let starts = before.into_iter().chain(turns.iter().copied());
    starts.flat_map(|start| start.iter_days().take(7)).collect()
}

fn edges(set: &RuleSet, rules: &[usize]) -> Vec<Edge> {
    let orders = rules.iter().filter_map(|&rule| match set.read[rule].1 {
        Asked::Order { lower, higher, percent } => Some(Edge { lower, higher, percent, rule }),
        _ => None,
    });
    orders.collect()
}

/// The room type that these rules, all in force, leave without a price. The orders among them have no circle.
fn fails(set: &RuleSet, rules: &[usize]) -> Option<usize> {
    let mut domains = Vec::with_capacity(set.room_types.len());
    for room_type in 0..set.room_types.len() {
        let domain = set.fixed_domain(room_type, rules);
        if domain.is_empty() {
            return Some(room_type);
        }
        domains.push(Some(domain));
    }
    let narrowed = narrow(&domains, &vec![None; domains.len()], &edges(set, rules));
    narrowed.withdrawn.first().map(|(_, conflict)| conflict.held_down)
}

/// Two of the rules that fail together, or else a set that fails and of which no rule can be left out.
fn smallest(set: &RuleSet, rules: Vec<usize>) -> Vec<usize> {
    for (position, &first) in rules.iter().enumerate() {
        for &second in &rules[position + 1..] {
            if fails(set, &[first, second]).is_some() {
                return vec![first, second];
            }
        }
    }
    let mut left = rules;
    let mut position = 0;
    while position < left.len() {
        let mut without = left.clone();
        without.remove(position);
        if fails(set, &without).is_some() {
            left = without;
        } else {
            position += 1;
        }
    }
    left
}

fn called(set: &RuleSet, rule: usize) -> String {
    format!("{} ({})", set.rules[rule].kind.name(), set.rules[rule].id)
}

/// On which nights these rules meet, of which `night` is one: as much of it as they depend on.
fn when(set: &RuleSet, night: NaiveDate, rules: &[usize]) -> String {
    let scopes = || rules.iter().map(|rule| &set.rules[*rule].scope);
    let mut words = String::new();
    if scopes().any(|scope| scope.from.is_some() || scope.until.is_some()) {
        words = format!(" on {night}");
    } else if scopes().any(|scope| scope.weekdays.is_some()) {
        words = format!(" on each {}", night.format("%A"));
    }
    let mut kinds: Vec<String> = scopes().filter_map(|scope| scope.event_kinds.clone()).flatten().collect();
    kinds.sort_unstable();
    kinds.dedup();
    if !kinds.is_empty() {
        words.push_str(if kinds.len() == 1 { " with the event " } else { " with the events " });
        words.push_str(&listed(&kinds));
    }
    words
}

fn named(set: &RuleSet, night: NaiveDate, rules: &[usize]) -> RuleError {
    // The pair is made of those that hold a price itself, the one that holds it up first.
    let mut ranked = rules.to_vec();
    ranked.sort_by_key(|rule| match set.read[*rule].1 {
        Asked::Floor(_) => 0,
        Asked::Fixed(_) => 1,
        Asked::Ceiling(_) => 2,
        Asked::Ending { .. } => 3,
        _ => 4,
    });
    let room_type = fails(set, rules).map_or("any room type", |failed| set.room_types[failed].as_str());
    let names: Vec<String> = ranked.iter().map(|rule| called(set, *rule)).collect();
    let why = format!("{} leave no price for {room_type}{}", listed(&names), when(set, night, rules));
    let mut ids = ranked.iter().map(|rule| set.id(*rule));
    match (ids.next(), ids.next()) {
        (Some(first), Some(second)) => RuleError::Clash { first, second, with: ids.collect(), why },
        // A rule that is right on its own leaves a price.
        (first, _) => RuleError::Circle { rules: first.into_iter().collect(), why },
    }
}
