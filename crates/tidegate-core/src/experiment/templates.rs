//! One version of an Experiment: its ReplicaSet, its Service, and what is said of it (EXP-04 to EXP-08).

use jiff::Timestamp;
use tidegate_api::{
    analysis::phase,
    experiment::{Experiment, ExperimentStatus, TemplateSpec, TemplateStatus},
    meta::Time,
};

use super::{
    Decision, Part, UNTIL_TRAFFIC_IS_GONE, assess, replica_set,
    services::{self, Wanted},
    snapshot::{ExperimentSnapshot, SetView, TemplateView},
    validate,
};
use crate::{plan::Event, reason::Reason, rollout::snapshot::Deadline};

/// How many pods a version is to have. Keeps EXP-05.
pub fn desired_replicas(experiment: &Experiment, spec: &TemplateSpec) -> i32 {
    let status = &experiment.status;
    let known = assess::template(status, &spec.name);
    let is_over = known.is_some_and(|known| assess::is_final(&known.status));
    if is_over || assess::is_terminating(&experiment.spec, status) {
        return 0;
    }
    spec.replicas.unwrap_or(1)
}

/// Brings one version on its way, and says in the next status where it is.
pub(super) fn reconcile(
    snapshot: &ExperimentSnapshot,
    view: &TemplateView,
    now: Timestamp,
    (decision, next): (&mut Decision, &mut ExperimentStatus),
) {
    let experiment = &snapshot.experiment;
    let name = &view.spec.name;
    let before = assess::template(&experiment.status, name)
        .cloned()
        .unwrap_or_else(|| TemplateStatus {
            name: name.clone(),
            ..TemplateStatus::default()
        });
    let mut status = before.clone();
    let desired = desired_replicas(experiment, &view.spec);
    let mut course = Course {
        snapshot,
        view,
        now,
        part: Part::Template(name.clone()),
        decision,
        status: &mut status,
    };
    match &view.set {
        None => course.create(),
        Some(set) => {
            course.serve(set, desired);
            course.resize(set, desired);
        }
    }
    count(view.set.as_ref(), &before, &mut status, now);
    judge(experiment, &before, (&mut status, desired), now);
    decision.plan.events.extend(told(&before, &status));
    let known = next.template_statuses.iter_mut();
    match known.into_iter().find(|known| known.name == *name) {
        Some(known) => *known = status,
        None => next.template_statuses.push(status),
    }
}

/// What is decided about one version.
struct Course<'a> {
    snapshot: &'a ExperimentSnapshot,
    view: &'a TemplateView,
    now: Timestamp,
    part: Part,
    decision: &'a mut Decision,
    status: &'a mut TemplateStatus,
}

impl Course<'_> {
    /// A ReplicaSet for a version that has none. Keeps EXP-03 and EXP-04.
    ///
    /// Differs from upstream: none is made for a version that is over, and a name that is taken leads to
    /// another one.
    fn create(&mut self) {
        let experiment = &self.snapshot.experiment;
        let is_over = assess::is_terminating(&experiment.spec, &experiment.status)
            || assess::is_final(&self.status.status);
        if is_over {
            return;
        }
        let taken = self.status.collision_count;
        let name = replica_set::name(experiment, &self.view.spec, taken);
        if self.snapshot.taken_sets.contains(&name) {
            self.status.collision_count = Some(taken.unwrap_or(0).saturating_add(1));
            let why = format!("{name} belongs to something else: another name is taken");
            self.decision.plan.reasons.push(Reason::Because(why));
            return;
        }
        let write = replica_set::create(self.snapshot, &self.view.spec, taken);
        self.decision.add(&self.part, write);
        self.status.last_transition_time = Some(Time::new(self.now));
    }

    /// Keeps EXP-07.
    ///
    /// Differs from upstream: while the Service may have traffic, it stays (S0-14).
    fn serve(&mut self, set: &SetView, desired: i32) {
        let held = self.view.service.as_ref();
        let spec = &self.view.spec;
        if spec.service.is_some() && desired != 0 {
            match services::ensure(self.snapshot, spec, (set, held), self.status) {
                Wanted::AsItIs => {}
                Wanted::Made(write) => self.decision.add(&self.part, *write),
                Wanted::Taken(why) => {
                    let name = services::name(spec, set).unwrap_or_default();
                    self.fail(format!(
                        "Failed to create Service {name} for template '{}': {why}",
                        spec.name
                    ));
                }
            }
            return;
        }
        let Some(service) = held else {
            self.status.service_name.clear();
            self.status.pod_template_hash.clear();
            return;
        };
        let is_needed = spec.service.is_some() && (set.available > 0 || set.replicas > 0);
        if is_needed || self.awaits_traffic(&service.name) {
            return;
        }
        let write = services::remove(self.snapshot, (spec, service), self.status);
        self.decision.add(&self.part, write);
    }

    /// Whether the traffic of a Service that is to go is still to leave it.
    fn awaits_traffic(&mut self, service: &str) -> bool {
        if !self.snapshot.may_have_traffic(service) {
            return false;
        }
        let reason = Reason::Because(format!("Service {service} may still have traffic"));
        let again = self.now.checked_add(UNTIL_TRAFFIC_IS_GONE);
        let again = again.unwrap_or(Timestamp::MAX);
        self.decision.plan.wake_at(again, reason.clone());
        self.decision.plan.reasons.push(reason);
        true
    }

    /// Keeps EXP-06.
    ///
    /// Differs from upstream: a deadline that somebody else left is no reason to hurry, pods go only once
    /// their traffic is gone (S0-14), and waiting for either is no change that has to be noted again and
    /// again.
    fn resize(&mut self, set: &SetView, desired: i32) {
        let size = if desired > 0 {
            desired
        } else {
            self.size_at_the_end(set)
        };
        if size == set.replicas {
            if desired > 0 && set.deadline.is_some() {
                let write = replica_set::keep(self.snapshot, set);
                self.decision.add(&self.part, write);
            }
            return;
        }
        let write = replica_set::scale(self.snapshot, set, size);
        self.decision.add(&self.part, write);
        self.status.last_transition_time = Some(Time::new(self.now));
    }

    /// The size of a version that is over.
    fn size_at_the_end(&mut self, set: &SetView) -> i32 {
        if set.replicas == 0 {
            return 0;
        }
        let experiment = &self.snapshot.experiment;
        let delay = validate::scale_down_delay_seconds(experiment);
        match &set.deadline {
            None if delay != 0 => {
                let until = replica_set::ahead(self.now, delay);
                let write = replica_set::keep_until(self.snapshot, set, until);
                self.decision.add(&self.part, write);
                self.wait(set, until);
                return set.replicas;
            }
            Some(Deadline::At(at)) if *at > self.now && delay != 0 => {
                self.wait(set, *at);
                return self.view.spec.replicas.unwrap_or(1);
            }
            None | Some(Deadline::At(_) | Deadline::Unreadable(_)) => {}
        }
        let service = match (&self.view.service, services::name(&self.view.spec, set)) {
            (Some(service), _) => service.name.clone(),
            (None, Some(name)) => name.to_owned(),
            (None, None) => return 0,
        };
        if self.awaits_traffic(&service) {
            return set.replicas;
        }
        0
    }

    fn wait(&mut self, set: &SetView, until: Timestamp) {
        let reason = Reason::ScaleDownDelay {
            replica_set: set.name.clone(),
        };
        self.decision.plan.wake_at(until, reason);
    }

    fn fail(&mut self, message: String) {
        if !assess::is_final(&self.status.status) {
            phase::ERROR.clone_into(&mut self.status.status);
            self.status.message = message;
        }
    }
}

fn count(
    set: Option<&SetView>,
    before: &TemplateStatus,
    next: &mut TemplateStatus,
    now: Timestamp,
) {
    next.replicas = set.map_or(0, |set| set.created);
    next.updated_replicas = next.replicas;
    next.ready_replicas = set.map_or(0, |set| set.ready);
    next.available_replicas = set.map_or(0, |set| set.available);
    let has_moved = before.replicas != next.replicas
        || before.updated_replicas != next.updated_replicas
        || before.ready_replicas != next.ready_replicas
        || before.available_replicas != next.available_replicas;
    // Without an instant nobody would ever be overdue.
    if has_moved || next.last_transition_time.is_none() {
        next.last_transition_time = Some(Time::new(now));
    }
}

/// Keeps EXP-08: what is over stays as it ended.
fn judge(
    experiment: &Experiment,
    before: &TemplateStatus,
    (next, desired): (&mut TemplateStatus, i32),
    now: Timestamp,
) {
    if assess::is_final(&next.status) || assess::is_final(&before.status) {
        return;
    }
    let is_ending = assess::is_terminating(&experiment.spec, &experiment.status);
    let is_there = desired == next.available_replicas;
    let status = if is_ending || (is_there && assess::is_over(experiment, now)) {
        // Pods that are on their way out are not overdue.
        phase::SUCCESSFUL
    } else if is_there {
        phase::RUNNING
    } else {
        let since = next.last_transition_time.unwrap_or_else(|| Time::new(now));
        if now >= assess::deadline(experiment, since) {
            let seconds = validate::progress_deadline_seconds(experiment);
            next.message = format!(
                "Template '{}' exceeded its progressDeadlineSeconds ({seconds})",
                next.name
            );
            phase::FAILED
        } else {
            assess::PROGRESSING
        }
    };
    status.clone_into(&mut next.status);
}

fn told(before: &TemplateStatus, after: &TemplateStatus) -> Option<Event> {
    if before.status == after.status {
        return None;
    }
    let (name, from, to) = (&after.name, &before.status, &after.status);
    let mut message = format!("Template '{name}' transitioned from {from} -> {to}");
    if !after.message.is_empty() {
        message = format!("{message}: {}", after.message);
    }
    Some(super::told(to, format!("Template{to}"), message))
}
