//! What one pass has decided so far, and what `status.rs` turns into the next status.

use tidegate_api::rollout::TrafficWeights;

use crate::{
    plan::Event,
    rollout::snapshot::{Colours, RolloutSnapshot},
};

/// Changes of pauses, abort, step and weights that a pass has decided. Status, conditions, phase and
/// most events follow from it and from the snapshot.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Pauses to add; their start is now unless they exist already (ACT-08).
    pub add_pauses: Vec<&'static str>,
    /// Pauses to remove.
    pub remove_pauses: Vec<&'static str>,
    /// Whether all pauses go.
    pub pauses: Clearing,
    /// What happens to the abort flag.
    pub abort: AbortChange,
    /// The weights to record.
    pub weights: Option<TrafficWeights>,
    /// What the Services of a blue-green Rollout select after this pass, and how far its preview is.
    pub colours: Colours,
    /// Whether a person's resume stays noted, because it cannot be acted upon yet (ACT-07).
    pub resume: Resume,
    /// Which AnalysisRuns are the current ones after this pass.
    pub analysis: CurrentRuns,
    /// The Experiment of the current step after this pass.
    pub experiment: Option<CurrentRun>,
    /// Whether the restart that was asked for is over.
    pub restart: Restart,
    /// What becomes of the update; `status.rs` turns it into step index, stable hash and events.
    pub outcome: Outcome,
    /// How the desired template relates to the stable one (RBK-01..03), for the duration's kind.
    pub rollback: Rollback,
    /// The Rollout's revision, if an effect of this pass changes it; messages name it.
    pub revision: Option<i64>,
    /// The ReplicaSet that this pass creates for the template; messages name it.
    pub created: Option<String>,
    /// Events that the pass itself decided, sent after the status in this order.
    pub events: Vec<Event>,
}

/// What a pass makes of the update. Exactly one, in upstream's order of precedence: a reset, else a
/// promotion, else (if aborted, whatever stands here) the abort's step index, else one of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The step stays the current one.
    #[default]
    Stay,
    /// The current step is complete; the step in words, such as `setWeight: 20` (CAN-27).
    StepDone(String),
    /// Full promotion was requested or the rollback window applies, and the pods are not there yet:
    /// what is left of the steps is skipped. The decision also clears pauses and abort (ACT-09).
    SkipToEnd,
    /// The template or the steps changed: begin anew (CAN-41, CAN-42).
    Restart(Skip),
    /// The new ReplicaSet becomes the stable one; the reason as events tell it (CAN-28, CAN-29).
    Promote(String),
}

/// Whether an update that begins anew jumps over its steps (CAN-42).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    /// It takes them from the first.
    #[default]
    No,
    /// The new template is the stable one.
    ToStable,
    /// The new template is within the rollback window and its ReplicaSet still has pods.
    WithinWindow,
}

/// Whether the restart that was asked for is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// It goes on, or there is none.
    #[default]
    Pending,
    /// No pod from before it is left (AVL-04).
    Done,
}

/// How the desired template relates to the stable one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rollback {
    /// It is newer.
    #[default]
    None,
    /// It is the stable one or older than it (RBK-01), and takes its steps.
    Stepwise,
    /// It is one that skips its steps (RBK-03).
    Fast,
}

/// What becomes of the sign that a person has resumed (ACT-07).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// This pass has used it, or there is none.
    #[default]
    Used,
    /// It waits for the pods that it needs.
    Waits,
}

/// Whether a list is cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clearing {
    /// It stays as the other fields say.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
}

/// What happens to `status.abort`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AbortChange {
    /// It stays as it was read.
    #[default]
    Keep,
    /// The controller aborts; the sentence says why.
    Add(String),
    /// The abort is taken back.
    Remove,
}

/// The AnalysisRuns that the next status names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentRuns {
    /// Of the current step.
    pub step: Option<CurrentRun>,
    /// In the background.
    pub background: Option<CurrentRun>,
    /// Before the switch.
    pub before_promotion: Option<CurrentRun>,
    /// After the switch.
    pub after_promotion: Option<CurrentRun>,
}

/// One AnalysisRun or Experiment as a Rollout's status names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentRun {
    /// Its name.
    pub name: String,
    /// Its phase; empty while it is new.
    pub phase: String,
    /// Its message.
    pub message: String,
}

impl Draft {
    /// A pass that has decided nothing yet: the recorded weights are carried over, and Services are
    /// as they stand.
    pub fn new(snapshot: &RolloutSnapshot) -> Self {
        let selected = |name: &str| {
            let service = snapshot.services.get(name);
            service.map_or_else(String::new, |service| service.hash.clone())
        };
        let strategy = snapshot.blue_green.as_ref();
        Self {
            weights: snapshot.rollout.status.canary.weights.clone(),
            colours: strategy.map_or_else(Colours::default, |strategy| Colours {
                active: selected(&strategy.active_service),
                preview: selected(&strategy.preview_service),
                check_point: snapshot.recorded.colours.check_point,
            }),
            ..Self::default()
        }
    }

    /// Whether the Rollout is aborted as this pass sees it.
    pub fn is_aborted(&self, snapshot: &RolloutSnapshot) -> bool {
        match &self.abort {
            AbortChange::Remove => false,
            AbortChange::Add(_) => true,
            AbortChange::Keep => snapshot.recorded.abort.is_set(),
        }
    }

    /// Whether this pass adds a pause.
    pub fn adds_pause(&self) -> bool {
        !self.add_pauses.is_empty()
    }
}
