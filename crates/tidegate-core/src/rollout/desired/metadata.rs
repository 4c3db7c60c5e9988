//! Labels and annotations that pods have for as long as their version has its role (EPH-01 to EPH-05).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_api::{
    labels,
    pod_template::ephemeral::{Changes, Following, Injected, metadata_of},
    rollout::PodTemplateMetadata,
};

use super::replicas;
use crate::{
    plan::{Class, Effect, ObjectKey, PODS, Plan, REPLICA_SETS, Verb, Write},
    reason::Reason,
    rollout::{
        pods::{self, PodView},
        snapshot::{Lifetime, ObservedSpec, ReplicaSetView, RolloutSnapshot},
    },
};

/// How soon it is looked whether all pods have followed.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// Brings the metadata of each role to the templates of ReplicaSets, and then to their pods.
///
/// The annotation of a ReplicaSet holds every key that its pods may have because of us. A change of
/// the template notes in the same write that pods may not follow yet; the note goes once they were
/// all seen to, and pods are only listed while it stands. Keeps EPH-01 and EPH-03.
///
/// Fixes EPH-05: where the metadata was taken out of the Rollout, it is taken away from templates and
/// pods, too. Fixes EPH-04: a pod that changed in between is looked at again in the next pass, which
/// needs no right to read single pods.
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, now: Timestamp, plan: &mut Plan) {
    let sets: Vec<Tended<'_>> = tended(snapshot).collect();
    for set in &sets {
        if !set.template.is_empty() {
            plan.effects.push(set.write_template(snapshot));
        } else if set.set.replicas == 0 && set.is_pending() {
            // It was scaled down before its pods were seen to follow.
            plan.effects.push(set.settle(snapshot));
        }
    }
    if !sets.iter().any(Tended::needs_pods) {
        return;
    }
    let Some(pods) = pods::listed(snapshot, plan) else {
        return;
    };
    for set in sets.iter().filter(|set| set.needs_pods()) {
        let before = plan.effects.len();
        let own = pods.iter().filter(|pod| pod.set == set.place);
        plan.effects
            .extend(own.filter_map(|pod| set.write_pod(snapshot, pod)));
        if before < plan.effects.len() {
            // Pods are not watched: nobody else tells that they have followed.
            let again = now.checked_add(AGAIN).unwrap_or(Timestamp::MAX);
            let reason = "pods are given the metadata of their role".to_owned();
            plan.wake_at(again, Reason::Because(reason));
        } else if set.template.is_empty() && set.is_pending() {
            plan.effects.push(set.settle(snapshot));
        }
    }
}

/// Whether pods must be looked at for their metadata.
pub(crate) fn needs_pods(snapshot: &RolloutSnapshot) -> bool {
    tended(snapshot).any(|set| set.needs_pods())
}

/// What a ReplicaSet is created with: the metadata of the canary if there is a stable version beside
/// it, else that of the stable one. Keeps EPH-02.
pub(crate) fn inject(snapshot: &RolloutSnapshot, template: &mut Value) -> Option<String> {
    let wishes = Wishes::of(snapshot);
    let desired = match snapshot.stable {
        Some(_) => wishes.new,
        None => wishes.stable,
    }?;
    let held = metadata_of(template);
    let changes = Changes::between(&held, None, Some(desired));
    if changes.is_empty() {
        return None;
    }
    let metadata = changes.applied_to(&held);
    template["metadata"]["labels"] = json!(metadata.labels);
    if !metadata.annotations.is_empty() {
        template["metadata"]["annotations"] = json!(metadata.annotations);
    }
    Some(Injected::default().of_role(&held, desired).text())
}

/// The metadata that a Rollout has for each role.
struct Wishes<'a> {
    new: Option<&'a PodTemplateMetadata>,
    stable: Option<&'a PodTemplateMetadata>,
}

impl<'a> Wishes<'a> {
    fn of(snapshot: &'a RolloutSnapshot) -> Self {
        let strategy = &snapshot.rollout.spec.strategy;
        match (&strategy.canary, &strategy.blue_green) {
            (Some(canary), _) => Self {
                new: canary.canary_metadata.as_ref(),
                stable: canary.stable_metadata.as_ref(),
            },
            (None, Some(colours)) => Self {
                new: colours.preview_metadata.as_ref(),
                stable: colours.active_metadata.as_ref(),
            },
            (None, None) => Self {
                new: None,
                stable: None,
            },
        }
    }

    /// What a ReplicaSet's role asks for.
    fn for_set(&self, snapshot: &RolloutSnapshot, place: usize) -> Option<&'a PodTemplateMetadata> {
        let recorded = &snapshot.recorded.stable;
        if snapshot.new == Some(place) {
            let alone = recorded.is_empty()
                || snapshot
                    .new_replica_set()
                    .is_some_and(|new| new.hash == *recorded);
            if alone { self.stable } else { self.new }
        } else if snapshot.stable == Some(place) {
            self.stable
        } else {
            None
        }
    }
}

/// A ReplicaSet with what was and what should be injected.
struct Tended<'a> {
    place: usize,
    set: &'a ReplicaSetView,
    injected: Option<Injected>,
    desired: Option<&'a PodTemplateMetadata>,
    /// What its pods should have: what is desired, and the user's own values in the place of what is
    /// desired no more.
    wanted: PodTemplateMetadata,
    /// What must change in its template.
    template: Changes,
}

/// The ReplicaSets that have or should have such metadata.
fn tended(snapshot: &RolloutSnapshot) -> impl Iterator<Item = Tended<'_>> {
    let wishes = Wishes::of(snapshot);
    let sets = snapshot.replica_sets.iter().enumerate();
    sets.filter_map(move |(place, set)| {
        let injected = Injected::read(&set.annotations);
        let desired = wishes.for_set(snapshot, place);
        if injected.is_none() && desired.is_none() {
            return None;
        }
        let wanted = wanted(injected.as_ref(), desired);
        let held = metadata_of(&set.template);
        let before = injected.as_ref().map(|injected| &injected.metadata);
        let template = Changes::between(&held, before, Some(&wanted));
        Some(Tended {
            place,
            set,
            injected,
            desired,
            wanted,
            template,
        })
    })
}

/// What pods of a ReplicaSet should have of all that is or was injected.
///
/// Differs from upstream: where a key was injected over one of the template's own, the template's value
/// comes back, because Services may select by it; upstream only takes the key away.
fn wanted(
    injected: Option<&Injected>,
    desired: Option<&PodTemplateMetadata>,
) -> PodTemplateMetadata {
    let mut wanted = desired.cloned().unwrap_or_default();
    if let Some(injected) = injected {
        add_missing(&mut wanted, &injected.covered);
    }
    wanted
}

impl Tended<'_> {
    fn is_pending(&self) -> bool {
        self.injected
            .as_ref()
            .is_some_and(|injected| injected.pods == Following::Pending)
    }

    /// Whether its pods must be looked at: its template changes; or it did, and its controller makes
    /// no pods from the old one any more; or its status counts pods that lack labels of the template.
    fn needs_pods(&self) -> bool {
        let set = self.set;
        let seen = set.observed == ObservedSpec::Current;
        let unlabeled = !self.wanted.labels.is_empty() && set.labeled < set.created_replicas;
        set.replicas > 0
            && (!self.template.is_empty() || (seen && (self.is_pending() || unlabeled)))
    }

    /// Template and annotation in one write, before any pod: pods that are made from now on are right.
    fn write_template(&self, snapshot: &RolloutSnapshot) -> Effect {
        let note = if self.set.replicas > 0 {
            let mut next = self.next();
            if let Some(injected) = &self.injected {
                add_missing(&mut next.metadata, &injected.metadata);
                add_missing(&mut next.covered, &injected.covered);
            }
            next.pods = Following::Pending;
            json!(next.text())
        } else {
            self.settled()
        };
        self.patch(
            snapshot,
            json!({
                "metadata": {"annotations": {labels::EPHEMERAL_METADATA: note}},
                "spec": {"template": {"metadata": self.template.patch()}},
            }),
        )
    }

    /// The pods follow: only what they have now is remembered.
    fn settle(&self, snapshot: &RolloutSnapshot) -> Effect {
        let note = self.settled();
        self.patch(
            snapshot,
            json!({"metadata": {"annotations": {labels::EPHEMERAL_METADATA: note}}}),
        )
    }

    /// The annotation as upstream has it; null if nothing is injected.
    fn settled(&self) -> Value {
        match self.desired {
            Some(_) => json!(self.next().text()),
            None => Value::Null,
        }
    }

    /// What is injected once the pods follow.
    fn next(&self) -> Injected {
        let held = metadata_of(&self.set.template);
        let injected = self.injected.clone().unwrap_or_default();
        let desired = self.desired.cloned().unwrap_or_default();
        injected.of_role(&held, &desired)
    }

    fn patch(&self, snapshot: &RolloutSnapshot, body: Value) -> Effect {
        Effect::Write(Write {
            verb: Verb::Patch,
            target: ObjectKey::new(REPLICA_SETS, &snapshot.namespace, &self.set.name),
            guard: replicas::guard(self.set),
            body,
            class: Class::Meta,
            events: Vec::new(),
            reason: role(),
        })
    }

    fn write_pod(&self, snapshot: &RolloutSnapshot, pod: &PodView) -> Option<Effect> {
        if pod.lifetime == Lifetime::Deleting {
            return None;
        }
        let before = self.injected.as_ref().map(|injected| &injected.metadata);
        let changes = Changes::between(&pod.metadata, before, Some(&self.wanted));
        (!changes.is_empty()).then(|| {
            Effect::Write(Write {
                verb: Verb::Patch,
                target: ObjectKey::new(PODS, &snapshot.namespace, &pod.name),
                guard: pod.guard(),
                body: json!({"metadata": changes.patch()}),
                class: Class::Meta,
                events: Vec::new(),
                reason: role(),
            })
        })
    }
}

fn add_missing(metadata: &mut PodTemplateMetadata, more: &PodTemplateMetadata) {
    for (map, more) in [
        (&mut metadata.labels, &more.labels),
        (&mut metadata.annotations, &more.annotations),
    ] {
        for (key, value) in more {
            map.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn role() -> Reason {
    Reason::Because("its version has this role now".to_owned())
}
