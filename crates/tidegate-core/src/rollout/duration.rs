//! How long an update takes, and how much of that was waiting for people.

use jiff::Timestamp;
use tidegate_api::{
    meta::Time,
    rollout::{CanaryStep, Rollout, RolloutDurationStatus, RolloutStatus},
};

use crate::rollout::{
    conditions::{self, Kind},
    draft::{Draft, Rollback},
    snapshot::RolloutSnapshot,
};

/// The update went its way.
pub const PROMOTED: &str = "Promoted";
/// Somebody asked for full promotion.
pub const FAST_PROMOTED: &str = "FastPromoted";
/// It was aborted.
pub const ABORTED: &str = "Aborted";
/// It went back to an older version, step by step.
pub const ROLLED_BACK: &str = "RolledBack";
/// It went back to an older version at once.
pub const FAST_ROLLED_BACK: &str = "FastRolledBack";
/// Another version came before it was through.
pub const SUPERSEDED: &str = "Superseded";

/// The duration after this pass, given the next status without it. Keeps DUR-01 to DUR-03.
pub fn next(
    snapshot: &RolloutSnapshot,
    draft: &Draft,
    next: &RolloutStatus,
    now: Timestamp,
) -> Option<RolloutDurationStatus> {
    if conditions::get(next, Kind::InvalidSpec).is_some() {
        return next.duration.clone();
    }
    let facts = Facts::new(snapshot, draft, next, now);
    let mut duration = next.duration.clone();
    if let Some(running) = duration.as_mut().filter(|_| facts.was_running())
        && facts.run_on(running) == Course::Over
    {
        return duration;
    }
    let mut clock = facts.clock();
    let idle = duration
        .as_ref()
        .is_none_or(|duration| is_over(duration) && !facts.is_complete());
    if idle {
        clock = Clock::Running;
        if facts.begins() {
            duration = Some(RolloutDurationStatus {
                rollout_started_at: Some(facts.now()),
                ..RolloutDurationStatus::default()
            });
        }
    }
    let mut duration = duration?;
    if !is_over(&duration) {
        facts.count_pauses(&mut duration, clock);
    }
    Some(duration)
}

/// Whether there is more to do for this pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    GoesOn,
    Over,
}

/// Whether the recorded status counts a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Running,
    Paused,
}

/// What the rules ask about, looked up once.
struct Facts<'a> {
    snapshot: &'a RolloutSnapshot,
    draft: &'a Draft,
    next: &'a RolloutStatus,
    now: Timestamp,
}

impl<'a> Facts<'a> {
    fn new(
        snapshot: &'a RolloutSnapshot,
        draft: &'a Draft,
        next: &'a RolloutStatus,
        now: Timestamp,
    ) -> Self {
        Self {
            snapshot,
            draft,
            next,
            now,
        }
    }

    fn now(&self) -> Time {
        Time::new(self.now)
    }

    fn rollout(&self) -> &Rollout {
        &self.snapshot.rollout
    }

    fn recorded(&self) -> Option<&RolloutDurationStatus> {
        self.rollout().status.duration.as_ref()
    }

    fn was_running(&self) -> bool {
        self.recorded()
            .is_some_and(|duration| duration.rollout_started_at.is_some() && !is_over(duration))
    }

    fn clock(&self) -> Clock {
        let paused = self
            .recorded()
            .is_some_and(|duration| duration.manual_pause_started_at.is_some());
        if paused {
            Clock::Paused
        } else {
            Clock::Running
        }
    }

    fn is_promoted(&self) -> bool {
        self.next.stable_rs == self.next.current_pod_hash
    }

    fn has_all_pods(&self) -> bool {
        self.snapshot
            .new_replica_set()
            .is_some_and(|new| new.available >= self.snapshot.replicas)
    }

    fn is_complete(&self) -> bool {
        self.is_promoted() && self.has_all_pods()
    }

    fn changed(&self) -> bool {
        self.snapshot.recorded.current.is_empty() || self.snapshot.template_or_steps_changed()
    }

    fn is_retry(&self) -> bool {
        let was_aborted = conditions::get(&self.rollout().status, Kind::Progressing)
            .is_some_and(|progressing| progressing.reason == conditions::ABORTED);
        was_aborted && !self.draft.is_aborted(self.snapshot)
    }

    fn begins(&self) -> bool {
        (self.changed() && !self.is_complete()) || self.is_retry()
    }

    /// What happens to an update that was under way.
    fn run_on(&self, running: &mut RolloutDurationStatus) -> Course {
        if self.changed() {
            match self.draft.rollback {
                Rollback::None => self.finish(running, SUPERSEDED),
                Rollback::Stepwise => running.completion_status = Some(ROLLED_BACK.to_owned()),
                Rollback::Fast => running.completion_status = Some(FAST_ROLLED_BACK.to_owned()),
            }
        }
        if is_over(running) {
            return Course::GoesOn;
        }
        if self.is_complete() {
            self.finish_as_known(running, PROMOTED);
            return Course::Over;
        }
        if self.draft.is_aborted(self.snapshot) {
            self.finish_as_known(running, ABORTED);
        }
        Course::GoesOn
    }

    fn finish_as_known(&self, running: &mut RolloutDurationStatus, otherwise: &str) {
        let kind = running
            .completion_status
            .clone()
            .filter(|kind| !kind.is_empty())
            .unwrap_or_else(|| otherwise.to_owned());
        self.finish(running, &kind);
    }

    fn finish(&self, running: &mut RolloutDurationStatus, kind: &str) {
        self.end_pause(running);
        running.finished_at = Some(self.now());
        running.completion_status = Some(kind.to_owned());
    }

    fn end_pause(&self, running: &mut RolloutDurationStatus) {
        if let Some(since) = running.manual_pause_started_at.take() {
            let total = running.total_manual_pause_duration_seconds.unwrap_or(0);
            let pause = self.now.duration_since(since.timestamp()).as_secs();
            running.total_manual_pause_duration_seconds = Some(total.saturating_add(pause));
        }
    }

    fn count_pauses(&self, running: &mut RolloutDurationStatus, clock: Clock) {
        let awaits_people = self.rollout().spec.paused
            || self
                .next
                .pause_conditions
                .iter()
                .any(|pause| self.needs_people(&pause.reason));
        if clock == Clock::Paused && !awaits_people {
            self.end_pause(running);
        } else if clock == Clock::Running
            && awaits_people
            && running.manual_pause_started_at.is_none()
        {
            running.manual_pause_started_at = Some(self.now());
        }
    }

    /// Whether only a person ends a pause of this reason (DUR-03).
    fn needs_people(&self, reason: &str) -> bool {
        let strategy = &self.rollout().spec.strategy;
        match reason {
            "InconclusiveAnalysisRun" | "InconclusiveExperiment" => true,
            "CanaryPauseStep" => self.step().is_some_and(|step| {
                let pause = step.pause.as_ref();
                pause.is_some_and(|pause| pause.duration.is_none())
            }),
            "BlueGreenPause" => strategy
                .blue_green
                .as_ref()
                .is_some_and(|colours| colours.auto_promotion_enabled == Some(false)),
            _ => false,
        }
    }

    /// The step that the update is at after this pass.
    fn step(&self) -> Option<&CanaryStep> {
        let canary = self.rollout().spec.strategy.canary.as_ref()?;
        let index = usize::try_from(self.next.current_step_index.unwrap_or(0)).ok()?;
        canary.steps.get(index)
    }
}

fn is_over(duration: &RolloutDurationStatus) -> bool {
    duration.rollout_started_at.is_some() && duration.finished_at.is_some()
}
