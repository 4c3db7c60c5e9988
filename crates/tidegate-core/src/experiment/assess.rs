//! Verdicts: over an Experiment's versions, over its analyses, and over the whole (EXP-08 to EXP-10,
//! EXP-14, EXP-15).

use jiff::{SignedDuration, Timestamp};
use tidegate_api::{
    analysis::phase,
    experiment::{
        Experiment, ExperimentAnalysisRunStatus, ExperimentSpec, ExperimentStatus, TemplateStatus,
    },
    meta::Time,
};
use tidegate_gocompat::duration;

use super::{templates, validate};
use crate::{
    analysis_run::{assess::badness, is_completed},
    reason::Reason,
};

/// A version whose pods are on their way.
pub(super) const PROGRESSING: &str = "Progressing";

/// Whether a version's status is final.
pub fn is_final(status: &str) -> bool {
    [phase::SUCCESSFUL, phase::FAILED, phase::ERROR].contains(&status)
}

/// How bad a version's status is; what nobody knows counts as good.
pub fn template_badness(status: &str) -> usize {
    [
        phase::SUCCESSFUL,
        phase::RUNNING,
        PROGRESSING,
        phase::ERROR,
        phase::FAILED,
    ]
    .iter()
    .position(|known| *known == status)
    .unwrap_or(0)
}

/// What is said of a version.
pub(super) fn template<'a>(status: &'a ExperimentStatus, name: &str) -> Option<&'a TemplateStatus> {
    let mut known = status.template_statuses.iter();
    known.find(|template| template.name == name)
}

/// What is said of an analysis.
pub(super) fn analysis<'a>(
    status: &'a ExperimentStatus,
    name: &str,
) -> Option<&'a ExperimentAnalysisRunStatus> {
    let mut known = status.analysis_runs.iter();
    known.find(|run| run.name == name)
}

/// Whether an Experiment has a verdict.
pub fn is_finished(status: &ExperimentStatus) -> bool {
    is_completed(&status.phase)
}

/// Whether an Experiment is ending, or over. Keeps EXP-10.
pub fn is_terminating(spec: &ExperimentSpec, status: &ExperimentStatus) -> bool {
    let templates = status.template_statuses.iter();
    let runs = status.analysis_runs.iter();
    spec.terminate
        || is_finished(status)
        || templates
            .map(|template| template.status.as_str())
            .any(|status| [phase::FAILED, phase::ERROR].contains(&status))
        || runs
            .map(|run| run.phase.as_str())
            .any(|name| [phase::FAILED, phase::ERROR, phase::INCONCLUSIVE].contains(&name))
        || required_are_successful(spec, status)
}

/// Whether it waits for any analysis.
pub fn has_required(spec: &ExperimentSpec) -> bool {
    let mut analyses = spec.analyses.iter();
    analyses.any(|analysis| analysis.required_for_completion)
}

/// Whether every analysis that it waits for is successful, and there is one.
pub fn required_are_successful(spec: &ExperimentSpec, status: &ExperimentStatus) -> bool {
    let analyses = spec.analyses.iter();
    let mut required = analyses.filter(|analysis| analysis.required_for_completion);
    has_required(spec)
        && required.all(|required| {
            analysis(status, &required.name).is_some_and(|run| run.phase == phase::SUCCESSFUL)
        })
}

/// When its duration is over, if it has one that anybody can read, and has begun. Keeps EXP-09.
pub fn end(experiment: &Experiment) -> Option<Timestamp> {
    let text = &experiment.spec.duration;
    let begun = experiment.status.available_at?;
    let length = duration::parse(text).ok()?.nanoseconds();
    let end = begun
        .timestamp()
        .checked_add(SignedDuration::from_nanos(length));
    Some(end.unwrap_or(Timestamp::MAX))
}

/// Whether its duration is over.
pub fn is_over(experiment: &Experiment, now: Timestamp) -> bool {
    end(experiment).is_some_and(|end| now >= end)
}

/// The phase, and since when all pods are there. Keeps EXP-09 and EXP-14.
pub(super) fn settle(spec: &ExperimentSpec, next: &mut ExperimentStatus, now: Timestamp) {
    match next.phase.as_str() {
        "" => phase::PENDING.clone_into(&mut next.phase),
        phase::PENDING | phase::RUNNING => {
            let templates = over_templates(spec, next);
            let analyses = over_analyses(spec, next);
            if templates.phase == phase::RUNNING && next.available_at.is_none() {
                next.available_at = Some(Time::new(now));
            }
            let verdict = both(spec, next, templates, analyses);
            verdict.phase.clone_into(&mut next.phase);
            next.message = verdict.message;
        }
        _ => {}
    }
}

struct Verdict<'a> {
    phase: &'a str,
    message: String,
}

fn both<'a>(
    spec: &ExperimentSpec,
    next: &ExperimentStatus,
    templates: Verdict<'a>,
    analyses: Verdict<'a>,
) -> Verdict<'a> {
    let judged = is_completed(analyses.phase);
    if is_completed(templates.phase) {
        let is_left_to_analyses =
            templates.phase == phase::SUCCESSFUL && (judged || has_required(spec));
        return if is_left_to_analyses {
            analyses
        } else {
            templates
        };
    }
    if (judged && analyses.phase != phase::SUCCESSFUL) || required_are_successful(spec, next) {
        return analyses;
    }
    templates
}

/// The worst of all versions; one whose pods are on their way makes the whole wait.
fn over_templates<'a>(spec: &ExperimentSpec, next: &ExperimentStatus) -> Verdict<'a> {
    let mut worst = phase::SUCCESSFUL;
    let mut message = String::new();
    for one in &spec.templates {
        let known = template(next, &one.name);
        let status = known.map_or(PROGRESSING, |known| known.status.as_str());
        if template_badness(status) > template_badness(worst) {
            worst = match status {
                phase::FAILED => phase::FAILED,
                phase::ERROR => phase::ERROR,
                phase::RUNNING => phase::RUNNING,
                _ => PROGRESSING,
            };
            message = known.map_or_else(String::new, |known| known.message.clone());
        }
    }
    Verdict {
        phase: if worst == PROGRESSING {
            phase::PENDING
        } else {
            worst
        },
        message,
    }
}

/// The worst of all analyses. Keeps EXP-15 but for its defect.
fn over_analyses<'a>(spec: &ExperimentSpec, next: &ExperimentStatus) -> Verdict<'a> {
    let mut worst = phase::SUCCESSFUL;
    let mut message = String::new();
    for one in &spec.analyses {
        let Some(run) = analysis(next, &one.name) else {
            continue;
        };
        if badness(&run.phase) > badness(worst) {
            worst = match run.phase.as_str() {
                phase::FAILED => phase::FAILED,
                phase::ERROR => phase::ERROR,
                phase::INCONCLUSIVE => phase::INCONCLUSIVE,
                phase::PENDING => phase::PENDING,
                _ => phase::RUNNING,
            };
            message.clone_from(&run.message);
        }
    }
    if required_are_successful(spec, next) && worst == phase::SUCCESSFUL {
        "Required AnalysisRuns completed".clone_into(&mut message);
    }
    Verdict {
        // As a phase of the whole, Pending would say that pods are on their way.
        phase: if worst == phase::PENDING {
            phase::RUNNING
        } else {
            worst
        },
        message,
    }
}

/// When to look again: at the end of its duration, and when pods that are missing are overdue. Where pods are
/// missing at the end, that lies behind, and there is nothing to look at again for it.
pub(super) fn wakes(experiment: &Experiment, now: Timestamp) -> Vec<(Timestamp, Reason)> {
    let status = &experiment.status;
    if is_terminating(&experiment.spec, status) {
        return Vec::new();
    }
    let over = Reason::Because("its duration is over".to_owned());
    let mut wakes: Vec<(Timestamp, Reason)> =
        end(experiment).map(|at| (at, over)).into_iter().collect();
    for spec in &experiment.spec.templates {
        let Some(known) = template(status, &spec.name) else {
            continue;
        };
        let waits = [PROGRESSING, phase::RUNNING].contains(&known.status.as_str())
            && known.available_replicas != templates::desired_replicas(experiment, spec);
        if let Some(since) = known.last_transition_time.filter(|_| waits) {
            wakes.push((deadline(experiment, since), Reason::ProgressDeadline));
        }
    }
    wakes.retain(|(at, _)| *at > now);
    wakes
}

/// When pods that were on their way since then are overdue.
pub(super) fn deadline(experiment: &Experiment, since: Time) -> Timestamp {
    let seconds = i64::from(validate::progress_deadline_seconds(experiment));
    since
        .timestamp()
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
