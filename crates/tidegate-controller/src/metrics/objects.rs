//! Gauges of objects, read off the caches.

use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplateSpec},
    experiment::Experiment,
};
use tidegate_core::gauges::{self, RolloutPhase};
use tidegate_integrations::labels;

use super::text::{Page, Type};
use crate::{observe::Caches, watch::Cached};

/// Tells of every object that can be read.
pub(super) fn tell(page: &mut Page, caches: &Caches) {
    caches.rollouts.each(|rollout| tell_rollout(page, rollout));
    caches.analysis_runs.each(|run| tell_run(page, run));
    caches
        .experiments
        .each(|experiment| tell_experiment(page, experiment));
    caches
        .analysis_templates
        .each(|template| tell_template(page, template, &template.spec));
    caches
        .cluster_analysis_templates
        .each(|template| tell_template(page, template, &template.spec));
}

fn tell_rollout(page: &mut Page, rollout: &tidegate_api::rollout::Rollout) {
    let metadata = &rollout.metadata;
    let (namespace, name) = (
        ("namespace", metadata.namespace.as_str()),
        ("name", metadata.name.as_str()),
    );
    let told = gauges::of_rollout(rollout);
    let strategy = ("strategy", told.strategy);
    let router = ("traffic_router", labels::router(rollout));
    let phase = ("phase", told.phase.as_str());
    page.family("rollout_info", "A Rollout and where it is", Type::Gauge)
        .sample(&[namespace, name, strategy, router, phase], 1_u64);
    for (family, help, value) in [
        (
            "rollout_info_replicas_available",
            "Pods of a Rollout that are available",
            told.available,
        ),
        (
            "rollout_info_replicas_unavailable",
            "Pods of a Rollout that are not available",
            told.unavailable,
        ),
        (
            "rollout_info_replicas_desired",
            "Pods that a Rollout asks for",
            told.desired,
        ),
        (
            "rollout_info_replicas_updated",
            "Pods of a Rollout's new version",
            told.updated,
        ),
    ] {
        page.family(family, help, Type::Gauge)
            .sample(&[namespace, name], value);
    }
    let help = "Whether a Rollout is there (deprecated: rollout_info says it)";
    let family = page.family("rollout_phase", help, Type::Gauge);
    for shown in RolloutPhase::SHOWN {
        let labels = [namespace, name, strategy, ("phase", shown.as_str())];
        family.sample(&labels, u64::from(shown == told.phase));
    }
}

fn tell_run(page: &mut Page, run: &AnalysisRun) {
    let metadata = &run.metadata;
    let (namespace, name) = (
        ("namespace", metadata.namespace.as_str()),
        ("name", metadata.name.as_str()),
    );
    let phase = run.status.phase.as_str();
    page.family(
        "analysis_run_info",
        "An AnalysisRun and where it is",
        Type::Gauge,
    )
    .sample(&[namespace, name, ("phase", phase)], 1_u64);
    let help = "Whether an AnalysisRun is there (deprecated: analysis_run_info says it)";
    let family = page.family("analysis_run_phase", help, Type::Gauge);
    for shown in gauges::ANALYSIS_PHASES {
        let there = shown == gauges::shown_phase(phase);
        family.sample(&[namespace, name, ("phase", shown)], u64::from(there));
    }
    for gauge in gauges::of_metrics(run) {
        let Some(metric) = run.spec.metrics.get(gauge.index) else {
            continue;
        };
        let (of, kind) = (
            ("metric", metric.name.as_str()),
            ("type", labels::provider(metric)),
        );
        let help = "A metric of an AnalysisRun and who measures it";
        page.family("analysis_run_metric_type", help, Type::Gauge)
            .sample(&[namespace, name, of, kind], 1_u64);
        let help = "Whether a metric of an AnalysisRun is there";
        let family = page.family("analysis_run_metric_phase", help, Type::Gauge);
        for shown in gauges::ANALYSIS_PHASES {
            let dry_run = ("dry_run", gauge.dry_run);
            let labels = [namespace, name, of, kind, dry_run, ("phase", shown)];
            family.sample(&labels, u64::from(shown == gauge.phase));
        }
    }
}

/// Keeps OB-307, and fixes it: failed ones are shown as well.
fn tell_experiment(page: &mut Page, experiment: &Experiment) {
    let metadata = &experiment.metadata;
    let (namespace, name) = (
        ("namespace", metadata.namespace.as_str()),
        ("name", metadata.name.as_str()),
    );
    let phase = experiment.status.phase.as_str();
    let help = "An Experiment and where it is";
    page.family("experiment_info", help, Type::Gauge)
        .sample(&[namespace, name, ("phase", phase)], 1_u64);
    let help = "Whether an Experiment is there (deprecated: experiment_info says it)";
    let family = page.family("experiment_phase", help, Type::Gauge);
    for shown in gauges::ANALYSIS_PHASES {
        let there = shown == gauges::shown_phase(phase);
        family.sample(&[namespace, name, ("phase", shown)], u64::from(there));
    }
}

fn tell_template(page: &mut Page, template: &impl Cached, spec: &AnalysisTemplateSpec) {
    let metadata = template.metadata();
    let (namespace, name) = (
        ("namespace", metadata.namespace.as_str()),
        ("name", metadata.name.as_str()),
    );
    page.family("analysis_template_info", "An AnalysisTemplate", Type::Gauge)
        .sample(&[namespace, name], 1_u64);
    for metric in &spec.metrics {
        let (of, kind) = (
            ("metric", metric.name.as_str()),
            ("type", labels::provider(metric)),
        );
        let help = "A metric of an AnalysisTemplate and who measures it";
        page.family("analysis_template_metric_info", help, Type::Gauge)
            .sample(&[namespace, name, kind, of], 1_u64);
    }
}
