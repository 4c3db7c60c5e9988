//! From wire objects to a snapshot: the wall behind which nothing is left out, unsorted or unread.

mod runs;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_api::{
    labels,
    meta::Time,
    pod_template::{
        self,
        anti_affinity::Rule,
        ephemeral::{self, Injected},
    },
    rollout::{BlueGreenStrategy, CanaryStrategy, Rollout, RolloutStatus},
    workload::{ReplicaSet, Service},
};

use crate::{
    observed::{Finding, Observed},
    rollout::{
        desired::analysis_runs::Templates,
        pods::Pods,
        replica_math,
        snapshot::{
            BlueGreen, Canary, Colours, Deadline, Flag, Given, Labels, Lifetime, ObservedSpec,
            Orphan, Pause, PingPong, Promotion, Recorded, ReplicaFailure, ReplicaSetView,
            RolloutSnapshot, Routing, ServiceView, StableScale, UserPause,
        },
        steps::Step,
        traffic::Weights,
        validate,
        workload::{self, Resolved},
    },
};

/// How long a weight that was not in effect is left alone (TRF-23).
const VERIFY_RETRY_SECONDS: u32 = 10;

/// Reads what was observed. The snapshot is always usable; findings say why it must not be acted upon.
pub fn parse(observed: &Observed) -> (RolloutSnapshot, Vec<Finding>) {
    let resolved = workload::resolve(observed);
    let mut findings: Vec<Finding> = resolved.finding.iter().cloned().collect();
    if findings.is_empty() {
        findings = validate::findings(&resolved.rollout, observed);
    }
    if findings.is_empty() {
        findings.extend(without_active_service(&observed.rollout));
    }
    (snapshot(observed, resolved), findings)
}

/// Differs from upstream: an empty `activeService` beside a `previewService` is told, where upstream
/// looks for a Service without a name for ever.
fn without_active_service(rollout: &Rollout) -> Option<Finding> {
    let strategy = rollout.spec.strategy.blue_green.as_ref()?;
    strategy.active_service.is_empty().then(|| Finding {
        message:
            "spec.strategy.blueGreen.activeService: Required value: name the Service that users \
                  reach"
                .to_owned(),
    })
}

fn snapshot(observed: &Observed, resolved: Resolved) -> RolloutSnapshot {
    let rollout = &resolved.rollout;
    let (metadata, spec, status) = (&rollout.metadata, &rollout.spec, &rollout.status);
    let replicas = spec.replicas.unwrap_or(1);
    let template_hash = pod_template::hash(spec.template.value(), status.collision_count);
    let canary = spec.strategy.canary.clone().unwrap_or_default();
    let replica_sets = owned(observed);
    let views: Vec<ReplicaSetView> = replica_sets
        .iter()
        .map(|set| replica_set(rollout, set))
        .collect();
    let new = find_new(&replica_sets, &views, &template_hash, rollout);
    let stable = find_stable(&views, new, &status.stable_rs);
    RolloutSnapshot {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        generation: metadata.generation,
        revision: number(&metadata.annotations, labels::REVISION),
        replicas,
        replicas_given: if spec.replicas.is_some() {
            Given::Yes
        } else {
            Given::No
        },
        user_pause: if spec.paused {
            UserPause::Paused
        } else {
            UserPause::Running
        },
        min_ready_seconds: spec.min_ready_seconds,
        revision_history_limit: spec.revision_history_limit.unwrap_or(10),
        progress_deadline_seconds: spec.progress_deadline_seconds.unwrap_or(600),
        rollback_window: spec
            .rollback_window
            .as_ref()
            .map_or(0, |window| window.revisions),
        step_hash: match spec.strategy.blue_green {
            Some(_) => String::new(),
            None => pod_template::step_hash(&canary.steps),
        },
        canary: read_canary(&canary, replicas, &status.canary.stable_ping_pong),
        blue_green: spec.strategy.blue_green.as_ref().map(read_blue_green),
        workload: resolved.workload,
        noted_generation: workload::noted(&observed.rollout),
        template: spec.template.shared(),
        left_out: resolved.left_out,
        template_hash,
        orphans: orphans(rollout, observed),
        taken_names: taken_names(observed, &views),
        replica_sets: views,
        new,
        stable,
        services: services(observed),
        recorded: recorded(rollout),
        analysis_runs: runs::own(rollout, &observed.analysis_runs),
        taken_run_names: runs::foreign(rollout, &observed.analysis_runs),
        experiments: runs::own(rollout, &observed.experiments),
        taken_experiment_names: runs::foreign(rollout, &observed.experiments),
        templates: Templates::of(observed),
        routers: observed.routers.clone(),
        leftovers: observed.leftovers.clone(),
        verify_retry_seconds: observed
            .verify_retry_seconds
            .unwrap_or(VERIFY_RETRY_SECONDS),
        pods: Pods::NotListed,
        rollout: Arc::clone(rollout),
    }
}

/// Names of ReplicaSets that are not the Rollout's own.
fn taken_names(observed: &Observed, own: &[ReplicaSetView]) -> Vec<String> {
    let names = observed.replica_sets.iter().map(|set| &set.metadata.name);
    names
        .filter(|name| !own.iter().any(|view| view.name == **name))
        .chain(&observed.strangers)
        .cloned()
        .collect()
}

/// The ReplicaSets that the Rollout controls, oldest first, then by name.
fn owned(observed: &Observed) -> Vec<Arc<ReplicaSet>> {
    let uid = &observed.rollout.metadata.uid;
    let mut sets: Vec<Arc<ReplicaSet>> = observed
        .replica_sets
        .iter()
        .filter(|set| {
            set.metadata
                .controller()
                .is_some_and(|owner| owner.uid == *uid)
        })
        .cloned()
        .collect();
    sets.sort_by(|first, second| {
        let key = |set: &ReplicaSet| (set.metadata.creation_timestamp, set.metadata.name.clone());
        key(first).cmp(&key(second))
    });
    sets
}

/// ReplicaSets without a manager that match the selector. Keeps RSI-01.
fn orphans(rollout: &Rollout, observed: &Observed) -> Vec<Orphan> {
    let mut orphans: Vec<Orphan> = observed
        .replica_sets
        .iter()
        .map(|set| &set.metadata)
        .filter(|metadata| {
            metadata.controller().is_none()
                && metadata.deletion_timestamp.is_none()
                && metadata.namespace == rollout.metadata.namespace
                && validate::selects(rollout, &metadata.labels)
        })
        .map(|metadata| Orphan {
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
            owners: metadata.owner_references.clone(),
        })
        .collect();
    orphans.sort_by(|first, second| first.name.cmp(&second.name));
    orphans
}

/// By hash, else by what the template says. Keeps RSI-02 and RSI-03, without the hash of Kubernetes'
/// own that no ReplicaSet of a Rollout carries.
fn find_new(
    sets: &[Arc<ReplicaSet>],
    views: &[ReplicaSetView],
    template_hash: &str,
    rollout: &Rollout,
) -> Option<usize> {
    views
        .iter()
        .position(|view| view.hash == template_hash)
        .or_else(|| {
            let desired = rollout.spec.template.value();
            sets.iter().position(|set| {
                let own = without_injected(set, rollout);
                pod_template::equal_ignoring_hash(&own, desired)
            })
        })
}

/// A ReplicaSet's template without ephemeral metadata and anti-affinity (EPH-01, EPH-06).
fn without_injected(set: &ReplicaSet, rollout: &Rollout) -> Value {
    let mut template = set.spec.template.value().clone();
    if let Some(injected) = Injected::read(&set.metadata.annotations) {
        template = ephemeral::without(&template, &injected);
    }
    if let Some(rule) = Rule::of(rollout)
        && let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(affinity) = spec.get("affinity")
    {
        let own = rule.removed_from(affinity);
        spec.insert("affinity".to_owned(), own);
    }
    template
}

/// Keeps RSI-11: the new ReplicaSet first, then the older ones.
fn find_stable(views: &[ReplicaSetView], new: Option<usize>, stable: &str) -> Option<usize> {
    if stable.is_empty() {
        return None;
    }
    let is_stable = |index: &usize| views.get(*index).is_some_and(|view| view.hash == stable);
    new.filter(is_stable)
        .or_else(|| (0..views.len()).find(is_stable))
}

fn replica_set(rollout: &Rollout, set: &ReplicaSet) -> ReplicaSetView {
    let metadata = &set.metadata;
    let annotations = &metadata.annotations;
    ReplicaSetView {
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        hash: metadata
            .labels
            .get(labels::POD_TEMPLATE_HASH)
            .cloned()
            .unwrap_or_default(),
        revision: number(annotations, labels::REVISION),
        desired: number(annotations, labels::DESIRED_REPLICAS)
            .and_then(|desired| i32::try_from(desired).ok()),
        scale_down_deadline: Deadline::read(metadata),
        replicas: set.spec.replicas.unwrap_or(1),
        min_ready_seconds: set.spec.min_ready_seconds,
        selector: set.spec.selector.clone(),
        template: set.spec.template.shared(),
        created_replicas: set.status.replicas,
        labeled: set.status.fully_labeled_replicas,
        ready: set.status.ready_replicas,
        available: set.status.available_replicas,
        created: metadata.creation_timestamp.map(instant),
        lifetime: if metadata.deletion_timestamp.is_some() {
            Lifetime::Deleting
        } else {
            Lifetime::Alive
        },
        observed: if metadata.generation > set.status.observed_generation {
            ObservedSpec::Behind
        } else {
            ObservedSpec::Current
        },
        annotations: annotations.clone(),
        labels: set_labels(rollout, set),
        failure: set
            .status
            .conditions
            .iter()
            .find(|condition| condition.kind == "ReplicaFailure")
            .map(|condition| ReplicaFailure {
                status: condition.status.clone(),
                reason: condition.reason.clone(),
                message: condition.message.clone(),
                since: condition.last_transition_time.map(instant),
            }),
    }
}

/// Where the selector itself has changed, because another workload is referred to, it matches the
/// template no more either: that is nobody's wish to let a ReplicaSet go.
fn set_labels(rollout: &Rollout, set: &ReplicaSet) -> Labels {
    let made_with = validate::template_labels(set.spec.template.value());
    if validate::selects(rollout, &set.metadata.labels) || !validate::selects(rollout, &made_with) {
        return Labels::Kept;
    }
    let owners = set.metadata.owner_references.iter();
    Labels::Changed {
        others: owners
            .filter(|owner| owner.uid != rollout.metadata.uid)
            .cloned()
            .collect(),
    }
}

fn read_canary(canary: &CanaryStrategy, replicas: i32, stable_role: &str) -> Canary {
    let (max_surge, max_unavailable) = replica_math::fenceposts(
        canary.max_surge.as_ref(),
        canary.max_unavailable.as_ref(),
        replicas,
    );
    Canary {
        steps: canary.steps.iter().map(Step::from_wire).collect(),
        canary_service: canary.canary_service.clone(),
        stable_service: canary.stable_service.clone(),
        ping_pong: canary.ping_pong.as_ref().map(|services| {
            let (first, second) = (&services.ping_service, &services.pong_service);
            let (stable, canary) = if stable_role == "ping" {
                (first, second)
            } else {
                (second, first)
            };
            PingPong {
                stable: stable.clone(),
                canary: canary.clone(),
            }
        }),
        max_surge,
        max_unavailable: if replicas == 0 {
            0
        } else {
            max_unavailable.min(replicas)
        },
        routing: routing(canary),
        abort_scale_down_delay: canary.abort_scale_down_delay_seconds,
        scale_down_delay: canary.scale_down_delay_seconds,
        scale_down_delay_revision_limit: canary.scale_down_delay_revision_limit,
    }
}

fn read_blue_green(strategy: &BlueGreenStrategy) -> BlueGreen {
    let promotion = match (
        strategy.auto_promotion_enabled,
        strategy.auto_promotion_seconds,
    ) {
        (Some(false), _) => Promotion::ByHand,
        (Some(true) | None, seconds) if seconds > 0 => Promotion::After(seconds),
        (Some(true) | None, _) => Promotion::AtOnce,
    };
    BlueGreen {
        active_service: strategy.active_service.clone(),
        preview_service: strategy.preview_service.clone(),
        preview_replica_count: strategy.preview_replica_count,
        promotion,
        abort_scale_down_delay: strategy.abort_scale_down_delay_seconds,
        scale_down_delay: strategy.scale_down_delay_seconds,
        scale_down_delay_revision_limit: strategy.scale_down_delay_revision_limit,
    }
}

fn routing(canary: &CanaryStrategy) -> Routing {
    let Some(routers) = &canary.traffic_routing else {
        return Routing::ByReplicas;
    };
    Routing::ByRouters {
        max_weight: routers.max_traffic_weight.unwrap_or(100),
        min_pods: canary.min_pods_per_replica_set,
        stable_scale: if canary.dynamic_stable_scale {
            StableScale::Dynamic
        } else {
            StableScale::Full
        },
    }
}

fn services(observed: &Observed) -> BTreeMap<String, ServiceView> {
    observed
        .services
        .iter()
        .map(|(name, service)| (name.clone(), service_view(service)))
        .collect()
}

fn service_view(service: &Service) -> ServiceView {
    let metadata = &service.metadata;
    ServiceView {
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        hash: service
            .spec
            .selector
            .get(labels::POD_TEMPLATE_HASH)
            .cloned()
            .unwrap_or_default(),
        managed_by: metadata
            .annotations
            .get(labels::MANAGED_BY_ROLLOUTS)
            .cloned(),
    }
}

/// Whether an abort came after a full promotion was asked for: then nobody has acted on it yet.
///
/// Differs from upstream: there the abort is dropped, because a full promotion clears it (S1-9).
fn is_overruled(status: &RolloutStatus) -> bool {
    status.abort && status.aborted_at.is_none()
}

/// The index after the last step. One that somebody wrote is trusted (ACT-10), as far as there are steps.
fn end_of_steps(rollout: &Rollout) -> i32 {
    let canary = rollout.spec.strategy.canary.as_ref();
    let count = canary.map_or(0, |canary| canary.steps.len());
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn highest_weight(rollout: &Rollout) -> i32 {
    let canary = rollout.spec.strategy.canary.as_ref();
    let routing = canary.and_then(|canary| canary.traffic_routing.as_ref());
    routing
        .and_then(|routing| routing.max_traffic_weight)
        .unwrap_or(100)
}

fn recorded(rollout: &Rollout) -> Recorded {
    let status = &rollout.status;
    Recorded {
        stable: status.stable_rs.clone(),
        current: status.current_pod_hash.clone(),
        step_hash: status.current_step_hash.clone(),
        step_index: status
            .current_step_index
            .map(|index| index.clamp(0, end_of_steps(rollout))),
        abort: Flag::from(status.abort),
        aborted_at: status.aborted_at.map(instant),
        promote_full: Flag::from(status.promote_full && !is_overruled(status)),
        controller_pause: Flag::from(status.controller_pause),
        pauses: status
            .pause_conditions
            .iter()
            .map(|pause| Pause {
                reason: pause.reason.clone(),
                since: pause.start_time.map_or(Timestamp::MIN, instant),
            })
            .collect(),
        colours: Colours {
            active: status.blue_green.active_selector.clone(),
            preview: status.blue_green.preview_selector.clone(),
            // What an attempt has passed that was aborted says nothing about the next one.
            check_point: Flag::from(
                status.blue_green.scale_up_preview_check_point
                    && (status.abort || status.aborted_at.is_none()),
            ),
        },
        weights: status
            .canary
            .weights
            .as_ref()
            .map(|weights| Weights::from(weights).within(highest_weight(rollout))),
        collision_count: status.collision_count,
    }
}

fn number(annotations: &BTreeMap<String, String>, key: &str) -> Option<i64> {
    annotations.get(key)?.parse().ok()
}

fn instant(time: Time) -> Timestamp {
    time.timestamp()
}
