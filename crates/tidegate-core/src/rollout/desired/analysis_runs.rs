//! AnalysisRuns of a Rollout: which are begun, which are ended, which are forgotten, and what the
//! verdict of one means for the update (ANA-10 to ANA-17).

pub mod arguments;
mod colours;
mod create;
pub mod history;
pub mod templates;

use jiff::Timestamp;
use tidegate_api::{
    analysis::{AnalysisRun, phase},
    labels,
    rollout::{RolloutAnalysis, RolloutAnalysisRunStatus, RolloutStatus},
};

pub(crate) use create::measures;
pub use templates::Templates;

use crate::{
    plan::{Effect, Event, Severity},
    reason::Reason,
    rollout::{
        desired::trials::{Begun, Trial},
        draft::{CurrentRun, Draft, Rollback},
        replica_math::current_step,
        snapshot::RolloutSnapshot,
        steps::Step,
    },
};

/// The pause that waits for somebody to look at an analysis that came to no verdict.
pub(crate) const INCONCLUSIVE: &str = "InconclusiveAnalysisRun";

/// One AnalysisRun, as far as a Rollout looks at it.
pub type RunView = Trial<AnalysisRun>;

/// What a pass does to AnalysisRuns.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) effects: Vec<Effect>,
    pub(crate) retry: Option<Reason>,
}

/// Where an analysis stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a step, by its index.
    Step(i32),
    /// Beside the steps.
    Background,
    /// Before the active Service is switched.
    BeforePromotion,
    /// After it was.
    AfterPromotion,
}

impl Place {
    fn type_label(self) -> &'static str {
        match self {
            Self::Step(_) => labels::ROLLOUT_TYPE_STEP,
            Self::Background => labels::ROLLOUT_TYPE_BACKGROUND,
            Self::BeforePromotion => labels::ROLLOUT_TYPE_PRE_PROMOTION,
            Self::AfterPromotion => labels::ROLLOUT_TYPE_POST_PROMOTION,
        }
    }

    /// The field of the Rollout that asks for it.
    fn field(self) -> String {
        match self {
            Self::Step(index) => format!("spec.strategy.canary.steps[{index}].analysis"),
            Self::Background => "spec.strategy.canary.analysis".to_owned(),
            Self::BeforePromotion => "spec.strategy.blueGreen.prePromotionAnalysis".to_owned(),
            Self::AfterPromotion => "spec.strategy.blueGreen.postPromotionAnalysis".to_owned(),
        }
    }

    /// How an abort begins its sentence.
    fn words(self) -> &'static str {
        match self {
            Self::Step(_) => "Step-based",
            Self::Background => "Background",
            Self::BeforePromotion => "Blue/green pre-promotion",
            Self::AfterPromotion => "Blue/green post-promotion",
        }
    }
}

/// Decides about all AnalysisRuns, and what their verdicts do to the update. A run that cannot be
/// made is a reason to try again; everything else goes on.
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, draft: &mut Draft, _now: Timestamp) -> Runs {
    let mut runs = Runs::default();
    let held = Held::of(snapshot);
    if is_over(snapshot, draft) {
        for run in held.all() {
            runs.effects.extend(cancel(run));
        }
        colours::keep(snapshot, draft, &held);
    } else if snapshot.blue_green.is_some() {
        colours::reconcile(snapshot, draft, &held, &mut runs);
    } else {
        draft.analysis.step = reconcile_step(snapshot, draft, held.step, &mut runs);
        draft.analysis.background =
            reconcile_background(snapshot, draft, held.background, &mut runs);
    }
    let followed = &draft.analysis;
    let current: Vec<&String> = [
        &followed.step,
        &followed.background,
        &followed.before_promotion,
        &followed.after_promotion,
    ]
    .into_iter()
    .flatten()
    .map(|run| &run.name)
    .chain(held.all().map(|run| &run.name))
    .collect();
    let others: Vec<&RunView> = snapshot
        .analysis_runs
        .iter()
        .filter(|run| !current.contains(&&run.name))
        .collect();
    runs.effects
        .extend(others.iter().filter_map(|run| cancel(run)));
    runs.effects.extend(history::forget(snapshot, &others));
    announce(snapshot, draft);
    runs
}

/// The runs that the status names and that are there.
struct Held<'a> {
    step: Option<&'a RunView>,
    background: Option<&'a RunView>,
    before_promotion: Option<&'a RunView>,
    after_promotion: Option<&'a RunView>,
}

impl<'a> Held<'a> {
    fn of(snapshot: &'a RolloutSnapshot) -> Self {
        let named = |status: &Option<RolloutAnalysisRunStatus>| {
            let name = &status.as_ref()?.name;
            snapshot.analysis_runs.iter().find(|run| run.name == *name)
        };
        let RolloutStatus {
            canary, blue_green, ..
        } = &snapshot.rollout.status;
        Self {
            step: named(&canary.current_step_analysis_run_status),
            background: named(&canary.current_background_analysis_run_status),
            before_promotion: named(&blue_green.pre_promotion_analysis_run_status),
            after_promotion: named(&blue_green.post_promotion_analysis_run_status),
        }
    }

    fn all(&self) -> impl Iterator<Item = &'a RunView> {
        [
            self.step,
            self.background,
            self.before_promotion,
            self.after_promotion,
        ]
        .into_iter()
        .flatten()
    }
}

/// No update is going on that an analysis could judge. Keeps ANA-10.
fn is_over(snapshot: &RolloutSnapshot, draft: &Draft) -> bool {
    snapshot.is_fully_promoted()
        || draft.is_aborted(snapshot)
        || snapshot.recorded.promote_full.is_set()
        || draft.rollback == Rollback::Fast
        || snapshot.recorded.stable.is_empty()
}

/// Keeps ANA-11.
fn reconcile_step(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    held: Option<&RunView>,
    runs: &mut Runs,
) -> Option<CurrentRun> {
    if !snapshot.recorded.pauses.is_empty() || snapshot.recorded.abort.is_set() {
        return held.map(RunView::current);
    }
    let (step, index) = current_step(snapshot);
    let (Some(step), Some(index)) = (step.and_then(Step::analysis), index) else {
        runs.effects.extend(held.and_then(cancel));
        return None;
    };
    let is_of_another_step = held.is_some_and(|run| {
        run.object.metadata.labels.get(labels::STEP_INDEX) != Some(&index.to_string())
    });
    if step.analysis.templates.is_empty() || is_of_another_step {
        runs.effects.extend(held.and_then(cancel));
        return None;
    }
    follow(
        snapshot,
        draft,
        (&step.analysis, Place::Step(index), held),
        runs,
    )
}

/// Keeps ANA-13 and TRF-54.
fn reconcile_background(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    held: Option<&RunView>,
    runs: &mut Runs,
) -> Option<CurrentRun> {
    let canary = snapshot.rollout.spec.strategy.canary.as_ref();
    let background = canary
        .and_then(|canary| canary.analysis.as_ref())
        .filter(|background| !background.analysis.templates.is_empty());
    let Some(background) = background else {
        runs.effects.extend(held.and_then(cancel));
        return None;
    };
    let (_, index) = current_step(snapshot);
    let is_early = match (background.starting_step, index) {
        (Some(first), Some(index)) => index < first,
        (Some(_), None) | (None, _) => false,
    };
    if is_early || snapshot.recorded.current.is_empty() {
        return None;
    }
    if snapshot.is_paused_for(INCONCLUSIVE) {
        return held.map(RunView::current);
    }
    let place = Place::Background;
    follow(snapshot, draft, (&background.analysis, place, held), runs)
}

/// Begins a run where one is needed, else takes the verdict of the one that is there. Keeps ANA-14.
fn follow(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    (analysis, place, held): (&RolloutAnalysis, Place, Option<&RunView>),
    runs: &mut Runs,
) -> Option<CurrentRun> {
    let Some(run) = held.filter(|run| !needs_new(snapshot, run)) else {
        return match create::run(snapshot, draft, analysis, place) {
            Ok(Begun::New(write, current)) => {
                runs.effects.push(Effect::Write(*write));
                Some(current)
            }
            Ok(Begun::Known(run)) => Some(run.current()),
            Err(message) => {
                runs.retry = Some(Reason::Invalid { message });
                held.map(RunView::current)
            }
        };
    };
    let begin = format!("{} analysis phase error/failed", place.words());
    run.judge(INCONCLUSIVE, &begin, draft);
    Some(run.current())
}

/// Whether the run that is there is of no use any more: somebody resumed after it came to no verdict,
/// or retried after an abort. Keeps ANA-12.
fn needs_new(snapshot: &RolloutSnapshot, run: &RunView) -> bool {
    let by_step = ["CanaryPauseStep", "BlueGreenPause"]
        .into_iter()
        .any(|reason| snapshot.is_paused_for(reason));
    if snapshot.recorded.controller_pause.is_set() && !by_step {
        return run.phase == phase::INCONCLUSIVE;
    }
    snapshot.recorded.aborted_at.is_some()
}

/// Ends a run that has no verdict yet.
pub(crate) fn cancel(run: &RunView) -> Option<Effect> {
    run.end("nothing depends on its verdict any more")
}

/// Tells of the phases that changed. Keeps ANA-14.
fn announce(snapshot: &RolloutSnapshot, draft: &mut Draft) {
    let RolloutStatus {
        canary, blue_green, ..
    } = &snapshot.rollout.status;
    let runs = draft.analysis.clone();
    let pairs = [
        (
            blue_green.post_promotion_analysis_run_status.as_ref(),
            runs.after_promotion,
            labels::ROLLOUT_TYPE_POST_PROMOTION,
        ),
        (
            blue_green.pre_promotion_analysis_run_status.as_ref(),
            runs.before_promotion,
            labels::ROLLOUT_TYPE_PRE_PROMOTION,
        ),
        (
            canary.current_step_analysis_run_status.as_ref(),
            runs.step,
            labels::ROLLOUT_TYPE_STEP,
        ),
        (
            canary.current_background_analysis_run_status.as_ref(),
            runs.background,
            labels::ROLLOUT_TYPE_BACKGROUND,
        ),
    ];
    for (before, run, kind) in pairs {
        let Some(run) = run.filter(|run| !run.phase.is_empty()) else {
            continue;
        };
        let told =
            before.is_some_and(|before| before.name != run.name || before.status == run.phase);
        if told {
            continue;
        }
        let CurrentRun { name, phase, .. } = &run;
        let previous = before.map_or("NoPreviousStatus", |before| before.status.as_str());
        let is_bad = phase == phase::FAILED || phase == phase::ERROR;
        draft.events.push(Event {
            severity: if is_bad {
                Severity::Warning
            } else {
                Severity::Normal
            },
            reason: format!("AnalysisRun{phase}").into(),
            message: format!(
                "{kind} Analysis Run '{name}' Status New: '{phase}' Previous: '{previous}'"
            ),
        });
    }
}
