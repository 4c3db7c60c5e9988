//! What the controller's metrics say about an object: read off its spec and status, so that nothing has
//! to be remembered about it (OPS-15, OB-301 to OB-308).

use std::collections::BTreeSet;

use tidegate_api::{
    analysis::{AnalysisRun, phase},
    rollout::{Rollout, RolloutDurationStatus, RolloutStatus},
};

use crate::{
    analysis_run::rules::dry_run,
    rollout::{
        conditions::{self, Kind},
        duration,
    },
};

/// Where a Rollout is, in the words of `rollout_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutPhase {
    /// Nothing is left to do.
    Completed,
    /// Something is.
    Progressing,
    /// It waits.
    Paused,
    /// It takes too long.
    Timeout,
    /// Its ReplicaSet could not be created.
    Error,
    /// It was aborted.
    Abort,
    /// Its manifest is wrong.
    InvalidSpec,
}

impl RolloutPhase {
    /// Those that `rollout_phase` shows, in its order.
    pub const SHOWN: [Self; 6] = [
        Self::Completed,
        Self::Progressing,
        Self::Paused,
        Self::Timeout,
        Self::Error,
        Self::Abort,
    ];

    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
            Self::Timeout => "Timeout",
            Self::Error => "Error",
            Self::Abort => "Abort",
            Self::InvalidSpec => "InvalidSpec",
        }
    }
}

/// What is told about a Rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutGauges {
    /// `canary`, `blueGreen` or `none`.
    pub strategy: &'static str,
    /// Where it is.
    pub phase: RolloutPhase,
    /// Pods that are available.
    pub available: i32,
    /// Pods that are not.
    pub unavailable: i32,
    /// Pods that are wanted.
    pub desired: i32,
    /// Pods of the new version.
    pub updated: i32,
}

/// What is told about a Rollout. Keeps OB-301 to OB-303.
pub fn of_rollout(rollout: &Rollout) -> RolloutGauges {
    let (strategy, status) = (&rollout.spec.strategy, &rollout.status);
    RolloutGauges {
        strategy: if strategy.blue_green.is_some() {
            "blueGreen"
        } else if strategy.canary.is_some() {
            "canary"
        } else {
            "none"
        },
        phase: rollout_phase(status),
        available: status.available_replicas,
        unavailable: status.replicas.saturating_sub(status.available_replicas),
        desired: rollout.spec.replicas.unwrap_or(1),
        updated: status.updated_replicas,
    }
}

fn rollout_phase(status: &RolloutStatus) -> RolloutPhase {
    if conditions::get(status, Kind::InvalidSpec).is_some() {
        return RolloutPhase::InvalidSpec;
    }
    let progressing = conditions::get(status, Kind::Progressing);
    match progressing.map(|condition| condition.reason.as_str()) {
        Some(conditions::NEW_REPLICA_SET_AVAILABLE) => RolloutPhase::Completed,
        Some(conditions::PAUSED) => RolloutPhase::Paused,
        Some(conditions::REPLICA_SET_CREATE_ERROR) => RolloutPhase::Error,
        Some(conditions::TIMED_OUT) => RolloutPhase::Timeout,
        Some(conditions::ABORTED) => RolloutPhase::Abort,
        Some(_) | None => RolloutPhase::Progressing,
    }
}

/// The phases of an AnalysisRun, of its metrics and of an Experiment, in the order in which they are told.
pub const ANALYSIS_PHASES: [&str; 6] = [
    phase::PENDING,
    phase::ERROR,
    phase::FAILED,
    phase::SUCCESSFUL,
    phase::RUNNING,
    phase::INCONCLUSIVE,
];

/// A metric of an AnalysisRun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricGauge<'a> {
    /// Its place in `spec.metrics`.
    pub index: usize,
    /// Its phase; pending while it has none.
    pub phase: &'a str,
    /// Whether it is only tried.
    pub dry_run: &'static str,
}

/// The phases of a run's metrics. Keeps OB-308.
pub fn of_metrics(run: &AnalysisRun) -> Vec<MetricGauge<'_>> {
    let tried = dry_run(&run.spec.dry_run, &run.spec.metrics).unwrap_or_else(|_| BTreeSet::new());
    run.spec
        .metrics
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let results = &run.status.metric_results;
            let result = results.iter().find(|result| result.name == metric.name);
            MetricGauge {
                index,
                phase: shown_phase(result.map_or("", |result| &result.phase)),
                dry_run: if tried.contains(&metric.name) {
                    "true"
                } else {
                    "false"
                },
            }
        })
        .collect()
}

/// The phase as it is compared with [`ANALYSIS_PHASES`]: none yet is pending.
pub fn shown_phase(phase: &str) -> &str {
    if phase.is_empty() {
        phase::PENDING
    } else {
        phase
    }
}

/// How long an update took, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: String,
    /// From its beginning to its end.
    pub total: i64,
    /// Of these, waiting for people.
    pub manual_pause: i64,
}

impl Finished {
    /// Seconds that it went on by itself.
    pub fn progression(&self) -> i64 {
        self.total.saturating_sub(self.manual_pause)
    }
}

/// The update that ended between two statuses, to be told once the second is written. Keeps DUR-04.
pub fn finished(
    before: Option<&RolloutDurationStatus>,
    after: Option<&RolloutDurationStatus>,
) -> Option<Finished> {
    let before = before.filter(|known| known.finished_at.is_none());
    let (started, after) = (before?.rollout_started_at?, after?);
    let seconds = |from: jiff::Timestamp, to: jiff::Timestamp| to.duration_since(from).as_secs();
    if after.rollout_started_at == Some(started) {
        let status = after.completion_status.clone()?;
        return Some(Finished {
            total: seconds(started.timestamp(), after.finished_at?.timestamp()),
            manual_pause: after.total_manual_pause_duration_seconds.unwrap_or(0),
            status,
        });
    }
    // Another update has begun in the same pass in which this one ended.
    let ended = after.rollout_started_at?.timestamp();
    let paused = before?.manual_pause_started_at;
    let open = paused.map_or(0, |since| seconds(since.timestamp(), ended));
    let counted = before?.total_manual_pause_duration_seconds.unwrap_or(0);
    Some(Finished {
        status: duration::SUPERSEDED.to_owned(),
        total: seconds(started.timestamp(), ended),
        manual_pause: counted.saturating_add(open),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rollout(value: Value) -> Rollout {
        serde_json::from_value(value).unwrap()
    }

    fn phase_of(conditions: &Value) -> &'static str {
        let rollout = rollout(json!({"status": {"conditions": conditions}}));
        of_rollout(&rollout).phase.as_str()
    }

    #[test]
    fn a_rollouts_phase_follows_from_its_conditions() {
        for (reason, expected) in [
            ("NewReplicaSetAvailable", "Completed"),
            ("ReplicaSetUpdated", "Progressing"),
            ("RolloutPaused", "Paused"),
            ("ProgressDeadlineExceeded", "Timeout"),
            ("ReplicaSetCreateError", "Error"),
            ("RolloutAborted", "Abort"),
        ] {
            let conditions = json!([{"type": "Progressing", "reason": reason}]);
            assert_eq!(phase_of(&conditions), expected);
        }
        assert_eq!(phase_of(&json!([])), "Progressing");
        let invalid = json!([
            {"type": "Progressing", "reason": "RolloutPaused"}, {"type": "InvalidSpec"},
        ]);
        assert_eq!(phase_of(&invalid), "InvalidSpec");
    }

    #[test]
    fn a_rollouts_pods_are_counted() {
        let rollout = rollout(json!({
            "spec": {"strategy": {"canary": {}}},
            "status": {"replicas": 5, "availableReplicas": 3, "updatedReplicas": 2},
        }));
        let gauges = of_rollout(&rollout);
        assert_eq!(gauges.strategy, "canary");
        let counts = (gauges.available, gauges.unavailable, gauges.desired);
        assert_eq!((counts, gauges.updated), ((3, 2, 1), 2));
    }

    #[test]
    fn a_metric_without_a_result_is_pending() {
        let run: AnalysisRun = serde_json::from_value(json!({
            "spec": {
                "metrics": [{"name": "errors"}, {"name": "latency"}],
                "dryRun": [{"metricName": "latency"}],
            },
            "status": {"metricResults": [{"name": "errors", "phase": "Running"}]},
        }))
        .unwrap();
        let told: Vec<(&str, &str)> = of_metrics(&run)
            .iter()
            .map(|gauge| (gauge.phase, gauge.dry_run))
            .collect();
        assert_eq!(told, [("Running", "false"), ("Pending", "true")]);
    }

    fn duration(value: Value) -> Option<RolloutDurationStatus> {
        serde_json::from_value(value).unwrap()
    }

    fn told(before: Value, after: Value) -> Option<(String, i64, i64)> {
        let finished = finished(duration(before).as_ref(), duration(after).as_ref())?;
        let progression = finished.progression();
        Some((finished.status, finished.total, progression))
    }

    #[test]
    fn an_update_is_told_once_when_it_ends() {
        let running = json!({"rolloutStartedAt": "2026-01-01T00:00:00Z"});
        let over = json!({
            "rolloutStartedAt": "2026-01-01T00:00:00Z",
            "finishedAt": "2026-01-01T00:02:00Z",
            "totalManualPauseDurationSeconds": 30,
            "completionStatus": "Promoted",
        });
        let expected = Some(("Promoted".to_owned(), 120, 90));
        assert_eq!(told(running.clone(), over.clone()), expected);
        assert_eq!(told(over.clone(), over.clone()), None);
        assert_eq!(told(Value::Null, running.clone()), None);
        assert_eq!(told(running.clone(), running.clone()), None);
        let next = json!({"rolloutStartedAt": "2026-01-01T00:05:00Z"});
        assert_eq!(told(over, next), None);
    }

    #[test]
    fn an_update_that_another_one_replaces_is_superseded() {
        let paused = json!({
            "rolloutStartedAt": "2026-01-01T00:00:00Z",
            "manualPauseStartedAt": "2026-01-01T00:00:50Z",
            "totalManualPauseDurationSeconds": 10,
        });
        let next = json!({"rolloutStartedAt": "2026-01-01T00:01:00Z"});
        let expected = Some(("Superseded".to_owned(), 60, 40));
        assert_eq!(told(paused, next), expected);
    }
}
