//! The members of the combination, each asked at every origin.

use augurs::ets::{AutoETS, trend::AutoETSTrendModel};
use augurs::mstl::MSTLModel;
use augurs::{Fit, Predict};

use super::history::History;
use super::{smoothing, yearly};

const WEEK: usize = 7;
/// The same weekday a year before.
const YEAR: usize = 364;
/// Days whose mean says how far this year is from the last.
const PACE: usize = 21;
/// What stays of that difference after a day.
const PACE_FADES: f64 = 0.97;
/// Fewest days for smoothing: six weeks.
const LEAST_SMOOTHING: usize = 42;
/// Days that the decomposition looks at: half a year shows the week well enough.
const DECOMPOSED: usize = 182;
/// It is asked at every eighth origin: it takes longer than all other members together.
const DECOMPOSED_EVERY: usize = 8;
/// Days from which the decomposition looks at all, and takes out the year, too.
const TWO_YEARS: usize = 2 * 365;

const EVEN: [f64; 3] = [1.0; 3];
const YEARLY: [f64; 3] = [2.5, 8.0, 8.0];

/// The forecasts of one member.
pub(super) struct Member {
    pub name: &'static str,
    /// What it counts before its errors speak, by group of horizons: the further ahead, the more the season of the year says. The
    /// members that know it could be tried but for a short while, as a year must pass first.
    pub prior: [f64; 3],
    /// One path of `horizon` values an origin; `None` where it knows too little.
    pub paths: Vec<Option<Vec<f64>>>,
}

/// Asks every member at `origins` (ascending, the number of days known, the last being all of them).
pub(super) fn ask(history: &History, origins: &[usize], horizon: usize) -> Vec<Member> {
    let n = history.len();
    let each =
        |paths: &dyn Fn(usize) -> Option<Vec<f64>>| origins.iter().map(|&origin| paths(origin)).collect();
    let mut members = vec![
        Member {
            name: "seasonal_naive",
            prior: EVEN,
            paths: each(&|origin| Some(last_week(history, origin, horizon))),
        },
        Member {
            name: "weekday_mean",
            prior: EVEN,
            paths: each(&|origin| Some(weekday_mean(history, origin, horizon))),
        },
    ];
    if n >= LEAST_SMOOTHING {
        for (name, trend) in [("smoothing", false), ("damped_trend", true)] {
            let able: Vec<usize> =
                origins.iter().copied().filter(|origin| *origin >= LEAST_SMOOTHING).collect();
            let mut paths: Vec<Option<Vec<f64>>> = vec![None; origins.len() - able.len()];
            paths.extend(smoothing::forecasts(history, &able, horizon, trend).into_iter().map(Some));
            members.push(Member { name, prior: EVEN, paths });
        }
        let rare = |(back, origin): (usize, &usize)| {
            if back % DECOMPOSED_EVERY == 0 { decomposed(history, *origin, horizon) } else { None }
        };
        // Counted from the forecast's own origin, which is the last.
        let mut paths: Vec<Option<Vec<f64>>> = origins.iter().rev().enumerate().map(rare).collect();
        paths.reverse();
        members.push(Member { name: "mstl_ets", prior: EVEN, paths });
    }
    if n >= yearly::LEAST_YEAR {
        members.push(Member {
            name: "yearly_regression",
            prior: YEARLY,
            paths: yearly::forecasts(history, origins, horizon),
        });
        members.push(Member {
            name: "last_year",
            prior: EVEN,
            paths: each(&|origin| last_year(history, origin, horizon)),
        });
    }
    for path in members.iter_mut().flat_map(|member| &mut member.paths) {
        // A member that lost its way is left out, not averaged in.
        if path.as_ref().is_some_and(|path| path.len() != horizon || !path.iter().all(|v| v.abs() < 1e3)) {
            *path = None;
        }
    }
    members.retain(|member| member.paths.iter().any(Option::is_some));
    members
}

/// The last observed value of the same weekday.
fn last_week(history: &History, origin: usize, horizon: usize) -> Vec<f64> {
    let week: Vec<f64> = (0..WEEK)
        .map(|day| {
            let back = (1..).map_while(|week| (origin + day).checked_sub(WEEK * week));
            let mut seen = back.filter(|t| history.seen[*t]);
            seen.next().or(origin.checked_sub(1)).map_or(0.0, |t| history.y[t])
        })
        .collect();
    (0..horizon).map(|h| week[h % WEEK]).collect()
}

/// The mean of the last eight weeks with the share of each weekday in it drawn towards the mean of all days by one week.
fn weekday_mean(history: &History, origin: usize, horizon: usize) -> Vec<f64> {
    let from = origin.saturating_sub(8 * WEEK);
    let mut days = [(0.0, 0.0); WEEK];
    for t in (from..origin).filter(|t| history.seen[*t]) {
        let (sum, n) = &mut days[t % WEEK];
        *sum += history.y[t];
        *n += 1.0;
    }
    let (sum, n) = days.iter().fold((0.0, 0.0), |(a, b), (sum, n)| (a + sum, b + n));
    let mean = if n > 0.0 { sum / n } else { origin.checked_sub(1).map_or(0.0, |t| history.y[t]) };
    let week = days.map(|(sum, n)| (sum + mean) / (n + 1.0));
    (0..horizon).map(|h| week[(origin + h) % WEEK]).collect()
}

/// The same weekday a year before and its two neighbours of that weekday, moved by how far the last weeks are from theirs.
fn last_year(history: &History, origin: usize, horizon: usize) -> Option<Vec<f64>> {
    if origin < YEAR + WEEK {
        return None;
    }
    let (mut pace, mut n) = (0.0, 0.0);
    for t in origin.saturating_sub(PACE)..origin {
        if let Some(before) = t.checked_sub(YEAR).filter(|before| history.seen[t] && history.seen[*before]) {
            pace += history.y[t] - history.y[before];
            n += 1.0;
        }
    }
    let mut pace = if n > 0.0 { pace / n } else { 0.0 };
    let known = history.y.get(..origin)?;
    let day = |h: usize| {
        pace *= PACE_FADES;
        // A horizon beyond the year before looks two years back, or at the end of what is known.
        let back = |years: usize| (origin + h).checked_sub(YEAR * years);
        let at = (1..=horizon / YEAR + 1).map(back).find(|at| at.is_none_or(|at| at < origin));
        let at = at.flatten().unwrap_or(origin - 1);
        let around = [(at.checked_sub(WEEK), 0.25), (Some(at), 0.5), (at.checked_add(WEEK), 0.25)];
        let mut sum = (0.0, 0.0);
        for (value, weight) in around.into_iter().filter_map(|(at, w)| Some((*known.get(at?)?, w))) {
            sum = (sum.0 + weight * value, sum.1 + weight);
        }
        sum.0 / sum.1 + pace
    };
    Some((0..horizon).map(day).collect())
}

/// Trend and remainder by exponential smoothing, the seasons repeated: MSTL (Bandara, Hyndman and Bergmeir, 2021) and
/// non-seasonal `AutoETS` of augurs.
fn decomposed(history: &History, origin: usize, horizon: usize) -> Option<Vec<f64>> {
    if origin < LEAST_SMOOTHING {
        return None;
    }
    let (periods, days) =
        if origin >= TWO_YEARS + WEEK { (vec![WEEK, 365], origin) } else { (vec![WEEK], DECOMPOSED) };
    let y = history.y.get(origin.saturating_sub(days)..origin)?;
    let ets = AutoETS::new(1, "AZN").ok()?;
    let model = MSTLModel::new(periods, AutoETSTrendModel::from(ets));
    Some(model.fit(y).ok()?.predict(horizon, None).ok()?.point)
}
