//! The schedule: a price for each night and room type, what it is expected to bring, and why.

mod answer;
mod compose;
mod hotel;
mod kept;
mod problem;
mod question;
mod reasons;
mod tables;
mod windows;
mod words;

pub use answer::{
    Binding, Cell, CurvePoint, DemandReport, Elasticity, Reason, ReasonName, Revenue, Schedule, ScheduleNote,
};
pub use hotel::Hotel;
pub use question::{MOST_NIGHTS, Question, ScheduleError, Settings};
