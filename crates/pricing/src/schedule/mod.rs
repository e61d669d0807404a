//! The schedule: a price for each night and room type, what it is expected to bring, and why.

mod answer;

pub use answer::{
    Binding, Cell, CurvePoint, DemandReport, Elasticity, Reason, ReasonName, Revenue, Schedule, ScheduleNote,
};
