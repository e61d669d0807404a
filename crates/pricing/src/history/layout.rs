//! Lead times in buckets, and the columns of the regression.

use chrono::{Datelike, NaiveDate};
use serde::Serialize;

/// Longest lead time that is modelled, in days.
pub const MAX_LEAD: u16 = 365;

/// Lead times that share a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Bucket {
    /// Shortest lead time, in days before arrival.
    pub from: u16,
    /// Longest lead time, itself included.
    pub until: u16,
}

const fn bucket(from: u16, until: u16) -> Bucket {
    Bucket { from, until }
}

/// The buckets, from arrival outwards.
pub const BUCKETS: [Bucket; 15] = [
    bucket(0, 0),
    bucket(1, 1),
    bucket(2, 2),
    bucket(3, 4),
    bucket(5, 6),
    bucket(7, 9),
    bucket(10, 13),
    bucket(14, 20),
    bucket(21, 29),
    bucket(30, 44),
    bucket(45, 59),
    bucket(60, 89),
    bucket(90, 119),
    bucket(120, 179),
    bucket(180, MAX_LEAD),
];

/// Coarser lead times, over which weekdays, room types and demand signals may differ.
pub(super) const GROUPS: usize = 4;
/// Quarters of the year, over which the elasticity may differ.
pub(super) const SEASONS: usize = 4;
/// Signals of demand.
pub(super) const SIGNALS: usize = 4;

/// Most room types that have weekdays and months of their own: beyond it the equations grow too large.
const MOST_CALENDARS: usize = 12;

/// The bucket of a lead time; `None` beyond [`MAX_LEAD`].
pub(super) fn bucket_of(lead: u16) -> Option<usize> {
    let bucket = BUCKETS.partition_point(|bucket| bucket.until < lead);
    (bucket < BUCKETS.len()).then_some(bucket)
}

/// The coarser lead time of a bucket.
pub(super) fn group_of(bucket: usize) -> usize {
    match bucket {
        0..=2 => 0,
        3..=6 => 1,
        7..=9 => 2,
        _ => 3,
    }
}

/// What of a day of arrival matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Night {
    pub weekday: usize,
    pub month: usize,
    pub season: usize,
    /// Days of the common era.
    pub day: i32,
}

impl Night {
    pub fn of(date: NaiveDate) -> Self {
        let month = date.month0() as usize;
        Self {
            weekday: date.weekday().num_days_from_monday() as usize,
            month,
            season: month / 3,
            day: date.num_days_from_ce(),
        }
    }

    /// Of a day of the common era; the last day of the calendar beyond it.
    pub fn of_day(day: i32) -> Self {
        Self::of(NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(NaiveDate::MAX))
    }
}

/// Days of events of one kind, in days of the common era.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EventKind {
    pub name: String,
    /// First and last days.
    pub spans: Vec<(i32, i32)>,
}

/// Which column is what. Columns that a fit does not use stay at the mean of their prior.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub kinds: usize,
    pub events: Vec<EventKind>,
    /// The last known day: the trend is 0 there.
    pub as_of: i32,
}

/// What moves requests, beside the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Influence {
    /// Bookings that came faster or slower than usual.
    Pace,
    /// What competitors ask.
    Competitors,
    /// Events of the calendar.
    Events,
    /// The weekday.
    Weekday,
    /// The time of the year.
    Season,
}

/// A value in a column.
pub(super) type Entry = (usize, f64);

impl Layout {
    const BUCKET: usize = 1;
    const WEEKDAY: usize = Self::BUCKET + BUCKETS.len();
    const MONTH: usize = Self::WEEKDAY + 7 * (1 + GROUPS);
    const TREND: usize = Self::MONTH + 12 * (1 + GROUPS);
    const COMPETITOR: usize = Self::TREND + 1;
    const SIGNAL: usize = Self::COMPETITOR + 2;
    /// The elasticity shared by all.
    pub const PRICE: usize = Self::SIGNAL + SIGNALS * GROUPS;
    /// What the elasticity of price tests is more.
    pub const TESTED: usize = Self::PRICE + 1;
    const SEASON: usize = Self::TESTED + 1;
    const KIND: usize = Self::SEASON + SEASONS;

    pub fn columns(&self) -> usize {
        self.of_events() + self.events.len() * (1 + GROUPS)
    }

    /// Weekdays and months of each room type: guests of suites come at other times than those of single rooms.
    fn calendars(&self) -> usize {
        if self.kinds > MOST_CALENDARS { 0 } else { 7 + 12 }
    }

    fn of_calendars(&self) -> usize {
        Self::KIND + self.kinds * (2 + GROUPS)
    }

    fn of_events(&self) -> usize {
        self.of_calendars() + self.kinds * self.calendars()
    }

    pub fn season_price(season: usize) -> usize {
        Self::SEASON + season
    }

    pub fn kind_price(&self, kind: usize) -> usize {
        Self::KIND + self.kinds * (1 + GROUPS) + kind
    }

    pub fn signal(signal: usize, group: usize) -> usize {
        Self::SIGNAL + signal * GROUPS + group
    }

    /// Column of the logarithm of what competitors ask, over what they usually do.
    pub fn competitor() -> usize {
        Self::COMPETITOR
    }

    /// Columns of a cell that do not depend on price, signals or competitors.
    pub fn base(&self, night: Night, kind: usize, bucket: usize, out: &mut Vec<Entry>) {
        let group = group_of(bucket);
        let years = f64::from(night.day - self.as_of) / 365.25;
        out.push((0, 1.0));
        out.push((Self::BUCKET + bucket, 1.0));
        out.push((Self::WEEKDAY + night.weekday, 1.0));
        out.push((Self::WEEKDAY + 7 * (1 + group) + night.weekday, 1.0));
        out.push((Self::MONTH + night.month, 1.0));
        out.push((Self::MONTH + 12 * (1 + group) + night.month, 1.0));
        // A trend is not believed for more than a year ahead.
        out.push((Self::TREND, years.min(1.0)));
        out.push((Self::KIND + kind, 1.0));
        out.push((Self::KIND + self.kinds * (1 + group) + kind, 1.0));
        let calendars = self.calendars();
        if calendars > 0 {
            let own = self.of_calendars() + kind * calendars;
            out.extend([(own + night.weekday, 1.0), (own + 7 + night.month, 1.0)]);
        }
        let first = self.of_events();
        for (at, event) in self.events.iter().enumerate() {
            if event.spans.iter().any(|(from, until)| (*from..=*until).contains(&night.day)) {
                let own = first + at * (1 + GROUPS);
                out.extend([(own, 1.0), (own + 1 + group, 1.0)]);
            }
        }
    }

    /// The influence that a column of [`Self::base`] belongs to, where it is one of those that can be taken out.
    pub fn influence(&self, column: usize) -> Option<Influence> {
        if (Self::WEEKDAY..Self::MONTH).contains(&column) {
            return Some(Influence::Weekday);
        }
        if (Self::MONTH..Self::TREND).contains(&column) {
            return Some(Influence::Season);
        }
        if (self.of_calendars()..self.of_events()).contains(&column) {
            let own = (column - self.of_calendars()) % self.calendars();
            return Some(if own < 7 { Influence::Weekday } else { Influence::Season });
        }
        (column >= self.of_events()).then_some(Influence::Events)
    }

    /// Columns of competitors: the log ratio, or that none is known although there is a feed.
    pub fn competitors(feed: bool, ratio: Option<f64>, out: &mut Vec<Entry>) {
        match ratio {
            Some(ratio) => out.push((Self::COMPETITOR, ratio)),
            None if feed => out.push((Self::COMPETITOR + 1, 1.0)),
            None => {}
        }
    }

    /// Standard deviations of the normal priors of all columns; their means are 0.
    pub fn spreads(&self) -> Vec<f64> {
        let mut spreads = vec![0.5; self.columns()];
        let mut set = |from: usize, len: usize, sd: f64| {
            for spread in spreads.iter_mut().skip(from).take(len) {
                *spread = sd;
            }
        };
        set(0, 1, 100.0);
        set(Self::BUCKET, BUCKETS.len(), 2.0);
        set(Self::WEEKDAY + 7, 7 * GROUPS, 0.3);
        set(Self::TREND, 1, 0.3);
        set(Self::COMPETITOR, 2, 1.0);
        set(Self::SIGNAL, SIGNALS * GROUPS, 1.0);
        set(Self::PRICE, 2, 10.0);
        set(Self::MONTH + 12, 12 * GROUPS, 0.3);
        set(Self::KIND, self.kinds, 2.0);
        set(self.of_calendars(), self.kinds * self.calendars(), 0.3);
        set(self.of_events(), self.events.len() * (1 + GROUPS), 0.7);
        spreads
    }
}
