//! Experiments of a Rollout's steps: which one is begun, which are ended, which are forgotten, what the
//! verdict of one means for the update, and who gets traffic meanwhile (EXP-40 to EXP-44).

mod create;

use serde_json::Value;
use tidegate_api::{
    analysis::phase,
    experiment::Experiment,
    rollout::{RolloutExperimentStep, WeightDestination},
};

use crate::{
    experiment::assess,
    plan::{Backend, Effect, Verb},
    reason::Reason,
    rollout::{
        desired::analysis_runs::{self, history},
        desired::trials::{Begun, Trial},
        draft::{CurrentRun, Draft},
        replica_math::current_step,
        snapshot::{Lifetime, RolloutSnapshot, UserPause},
        steps::Step,
    },
};

/// The pause that waits for somebody to look at an Experiment that came to no verdict.
pub(crate) const INCONCLUSIVE: &str = "InconclusiveExperiment";

/// One Experiment, as far as a Rollout looks at it.
pub type ExperimentView = Trial<Experiment>;

/// What a pass does to Experiments.
#[derive(Debug, Default)]
pub(crate) struct Experiments {
    pub(crate) effects: Vec<Effect>,
    pub(crate) retry: Option<Reason>,
}

/// Decides about all Experiments, and what the verdict of the current one does to the update. One that
/// cannot be made is a reason to try again. Keeps EXP-42 and EXP-44.
///
/// It comes after the routing of a pass: who is ended loses the traffic first (S0-14).
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, draft: &mut Draft) -> Experiments {
    let mut experiments = Experiments::default();
    draft.experiment = follow(snapshot, draft, &mut experiments);
    let followed = draft.experiment.as_ref().map(|current| &current.name);
    let others: Vec<&ExperimentView> = snapshot
        .experiments
        .iter()
        .filter(|other| Some(&other.name) != followed)
        .collect();
    let ended = others
        .iter()
        .filter_map(|other| other.end("no step waits for it any more"));
    experiments.effects.extend(ended);
    experiments.effects.extend(forget(snapshot, &others));
    experiments
}

/// The Experiment that the status names, if it is there and the step's.
///
/// Differs from upstream, where the one of the step before counts as the next step's if somebody promotes
/// past it (S1-4).
fn held(snapshot: &RolloutSnapshot, index: i32) -> Option<&ExperimentView> {
    let name = &snapshot.rollout.status.canary.current_experiment;
    let mut all = snapshot.experiments.iter();
    let known = all.find(|known| known.name == *name && known.lifetime == Lifetime::Alive)?;
    create::is_of_step(snapshot, &known.name, index).then_some(known)
}

/// The step that asks for an Experiment now, and its index.
fn asking(snapshot: &RolloutSnapshot) -> Option<(&RolloutExperimentStep, i32)> {
    if snapshot.blue_green.is_some() {
        return None;
    }
    let (step, index) = current_step(snapshot);
    Some((&*step.and_then(Step::experiment)?.experiment, index?))
}

/// The Experiment of the current step, begun where there is none.
///
/// Differs from upstream: while an Experiment or an analysis without a verdict waits for a person, none is
/// begun, and the one that runs stays the current one (EXP-42).
fn follow(
    snapshot: &RolloutSnapshot,
    draft: &mut Draft,
    experiments: &mut Experiments,
) -> Option<CurrentRun> {
    if draft.is_aborted(snapshot) || snapshot.recorded.promote_full.is_set() {
        return None;
    }
    let (step, index) = asking(snapshot)?;
    if let Some(current) = held(snapshot, index) {
        let begin = "Experiment analysis phase is error/failed";
        current.judge(INCONCLUSIVE, begin, draft);
        return Some(current.current());
    }
    let waits = [analysis_runs::INCONCLUSIVE, INCONCLUSIVE]
        .into_iter()
        .any(|reason| snapshot.is_paused_for(reason));
    if waits || snapshot.stable_replica_set().is_none() {
        return None;
    }
    match create::experiment(snapshot, draft, (step, index)) {
        Ok(Begun::New(write, current)) => {
            experiments.effects.push(Effect::Write(*write));
            Some(current)
        }
        Ok(Begun::Known(known)) => Some(known.current()),
        Err(message) => {
            experiments.retry = Some(Reason::Invalid { message });
            None
        }
    }
}

/// Whether none of its pods are left, so that it can go without anybody's requests being lost.
fn is_empty(experiment: &Experiment) -> bool {
    let templates = &experiment.status.template_statuses;
    templates.iter().all(|template| template.replicas == 0)
}

/// Deletes Experiments of versions that are gone, and the oldest of those that are too many (ANA-16).
///
/// Differs from upstream: only once their pods are gone, for a deletion waits for no traffic (S0-14).
fn forget(snapshot: &RolloutSnapshot, others: &[&ExperimentView]) -> Vec<Effect> {
    let versions = history::versions(snapshot);
    history::surplus(others, &versions, history::Limits::of(snapshot))
        .into_iter()
        .filter(|(other, _)| other.lifetime == Lifetime::Alive && is_empty(&other.object))
        .map(|(other, reason)| other.write((Verb::Delete, Value::Null), reason))
        .collect()
}

/// Who gets traffic beside the two versions: what the step gives to the Services of its Experiment while
/// that runs, as far as the canary's weight leaves anything. Keeps EXP-43.
///
/// Differs from upstream: a version that is over or has no pods gets nothing, nor does an Experiment that
/// is ending or whose step is left; and nothing is given while a person has paused the Rollout (S1-7).
pub(crate) fn receivers(snapshot: &RolloutSnapshot, canary: i32, max: i32) -> Vec<Backend> {
    let Some((step, index)) = asking(snapshot) else {
        return Vec::new();
    };
    let Some(current) = held(snapshot, index) else {
        return Vec::new();
    };
    let (spec, status) = (&current.object.spec, &current.object.status);
    if current.phase != phase::RUNNING || assess::is_terminating(spec, status) {
        return Vec::new();
    }
    let mut left = (max - canary).max(0);
    let templates = status.template_statuses.iter();
    templates
        .filter(|known| known.status == phase::RUNNING && known.available_replicas > 0)
        .filter(|known| !known.service_name.is_empty())
        .filter_map(|known| {
            let mut asked = step.templates.iter();
            let weight = asked.find(|asked| asked.name == known.name)?.weight?;
            let mut backend = Backend {
                weight: weight.clamp(0, left),
                hash: known.pod_template_hash.clone(),
                service: known.service_name.clone(),
            };
            if snapshot.user_pause == UserPause::Paused {
                backend.weight = backend.weight.min(recorded(snapshot, &backend)?.weight);
            }
            left -= backend.weight;
            Some(backend)
        })
        .collect()
}

fn recorded<'a>(snapshot: &'a RolloutSnapshot, of: &Backend) -> Option<&'a WeightDestination> {
    let weights = snapshot.rollout.status.canary.weights.as_ref()?;
    let mut additional = weights.additional.iter();
    additional.find(|one| one.service_name == of.service && one.pod_template_hash == of.hash)
}
