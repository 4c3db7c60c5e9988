//! A row of `list rollouts`.

use tidegate_api::rollout::Rollout;

use super::{set_weight, step};
use crate::rollout::phase;

/// One row of `list rollouts`. Keeps CLI-201.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// `metadata.name`.
    pub name: String,
    /// `Canary`, `BlueGreen` or `unknown`.
    pub strategy: &'static str,
    /// The phase as a client shows it.
    pub status: String,
    /// `1/4`, or `-`.
    pub step: String,
    /// The weight that is asked for, or `-`.
    pub set_weight: String,
    /// Ready pods of those there are.
    pub ready: String,
    /// Pods asked for.
    pub desired: i32,
    /// Pods of the new version.
    pub up_to_date: i32,
    /// Available pods.
    pub available: i32,
}

impl ListRow {
    /// The row of a Rollout.
    pub fn new(rollout: &Rollout) -> Self {
        let spec = &rollout.spec;
        let status = &rollout.status;
        let mut row = Self {
            name: rollout.metadata.name.clone(),
            strategy: "unknown",
            status: phase::shown(rollout).name,
            step: "-".to_owned(),
            set_weight: "-".to_owned(),
            ready: format!("{}/{}", status.ready_replicas, status.replicas),
            desired: spec.replicas.unwrap_or(1),
            up_to_date: status.updated_replicas,
            available: status.available_replicas,
        };
        if let Some(canary) = &spec.strategy.canary {
            row.strategy = "Canary";
            row.set_weight = set_weight(rollout, canary).to_string();
            row.step = step(rollout, canary).unwrap_or(row.step);
        } else if spec.strategy.blue_green.is_some() {
            row.strategy = "BlueGreen";
        }
        row
    }

    /// The cells in the order of the columns.
    pub fn cells(&self) -> [String; 9] {
        [
            self.name.clone(),
            self.strategy.to_owned(),
            self.status.clone(),
            self.step.clone(),
            self.set_weight.clone(),
            self.ready.clone(),
            self.desired.to_string(),
            self.up_to_date.to_string(),
            self.available.to_string(),
        ]
    }
}
