//! Design of a trial of prices: which nights and room types get which prices, and how many it takes.

mod design;
mod quantiles;

pub use design::{Arm, Assignment, Cluster, DesignError, TrialDesign, TrialInput, design_trial};
pub use quantiles::{normal_quantile, student_quantile};

#[cfg(test)]
mod tests;
