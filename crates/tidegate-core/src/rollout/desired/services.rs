//! Selectors of the stable and the canary Service (TRF-01 to TRF-05).

use serde_json::json;
use tidegate_api::labels;

use crate::{
    plan::{Class, Effect, Guard, ObjectKey, SERVICES, Verb, Write},
    reason::Reason,
    rollout::{
        desired::weight,
        draft::Draft,
        events,
        replica_math::{cut_share, max_weight},
        snapshot::{ReplicaSetView, RolloutSnapshot, Routing, ServiceView},
    },
};

/// Switches what is due, or says what a switch waits for. A Service is written at most once per pass:
/// an aborted canary's goes straight to the stable version (TRF-05), where upstream turns it to and fro.
pub(crate) fn reconcile(snapshot: &RolloutSnapshot, draft: &Draft) -> (Vec<Effect>, Vec<Reason>) {
    let mut switches = Switches::default();
    let stable = snapshot.stable_replica_set();
    ping_pong(snapshot, &mut switches);
    let names = (
        &snapshot.canary.stable_service,
        &snapshot.canary.canary_service,
    );
    switches.point(snapshot, names.0, (stable, Availability::Needed));
    let aborted = draft.is_aborted(snapshot) && !snapshot.is_fully_promoted();
    match (aborted, snapshot.canary.routing) {
        (true, Routing::ByReplicas) => {
            switches.point(snapshot, names.1, (stable, Availability::Needed));
        }
        (true, Routing::ByRouters { .. }) if weight::is_abort_done(snapshot) => {
            // Differs from upstream, which does not ask for stable pods while there still is weight.
            let availability = if has_weight(snapshot) {
                Availability::Needed
            } else {
                Availability::Assumed
            };
            switches.point(snapshot, names.1, (stable, availability));
        }
        (true | false, Routing::ByReplicas | Routing::ByRouters { .. }) => {
            if weight::rolls_back_dynamically(snapshot).is_none() {
                let new = snapshot.new_replica_set();
                switches.reasons.extend(overload(snapshot, new));
                if overload(snapshot, new).is_none() {
                    switches.point(snapshot, names.1, (new, Availability::Needed));
                }
            }
        }
    }
    (switches.effects, switches.reasons)
}

/// Why the canary Service stays where it is: another version has weight, and the new one has not the
/// pods to carry that. The weight falls first, and the Service follows in the next pass.
///
/// Differs from upstream, where the first pod of the new version gets it all (S0-4).
fn overload(snapshot: &RolloutSnapshot, new: Option<&ReplicaSetView>) -> Option<Reason> {
    let (Some(new), Some(weights)) = (new, &snapshot.recorded.weights) else {
        return None;
    };
    let needed = cut_share(snapshot.replicas, weights.canary, max_weight(snapshot));
    let takes_over = weights.canary > 0 && weights.canary_hash != new.hash;
    (takes_over && new.available < needed).then(|| Reason::AwaitsPods {
        replica_set: new.name.clone(),
        available: new.available,
        needed,
    })
}

/// The Services of `pingPong`. Keeps TRF-06.
///
/// Differs from upstream: the stable one is brought back to the stable version wherever it stands, and
/// the other one is pointed at a version without pods only where it surely has no traffic: not while it
/// still has weight, and not for the first version, whose Service somebody may use already.
fn ping_pong(snapshot: &RolloutSnapshot, switches: &mut Switches) {
    let Some(roles) = &snapshot.canary.ping_pong else {
        return;
    };
    let stable = snapshot.stable_replica_set();
    switches.point(snapshot, &roles.stable, (stable, Availability::Needed));
    if snapshot.is_fully_promoted() {
        return;
    }
    let availability = if has_weight(snapshot) || snapshot.recorded.stable.is_empty() {
        Availability::Needed
    } else {
        Availability::Assumed
    };
    let new = snapshot.new_replica_set();
    switches.point(snapshot, &roles.canary, (new, availability));
}

/// Whether the canary still has traffic.
fn has_weight(snapshot: &RolloutSnapshot) -> bool {
    let weights = snapshot.recorded.weights.as_ref();
    weights.is_some_and(|weights| weights.canary > 0)
}

/// Whether pods must be there before a Service points at them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Availability {
    Needed,
    Assumed,
}

#[derive(Default)]
struct Switches {
    effects: Vec<Effect>,
    reasons: Vec<Reason>,
}

impl Switches {
    /// Keeps TRF-02: a Service that is taken over waits for all pods, one that is managed for the first.
    fn point(
        &mut self,
        snapshot: &RolloutSnapshot,
        name: &str,
        (set, availability): (Option<&ReplicaSetView>, Availability),
    ) {
        let (Some(set), Some(service)) = (set, snapshot.services.get(name)) else {
            return;
        };
        if service.hash == set.hash {
            return;
        }
        let adopting = service.managed_by.is_none();
        if availability == Availability::Needed
            && ((adopting && !set.is_whole()) || set.available == 0)
        {
            self.reasons.push(Reason::AwaitsPods {
                replica_set: set.name.clone(),
                available: set.available,
                needed: if adopting { set.replicas.max(1) } else { 1 },
            });
            return;
        }
        let reason = Reason::Because(if set.available > 0 {
            format!("{} has pods for it", set.name)
        } else {
            format!("nobody is served by it until {} has pods", set.name)
        });
        self.effects
            .push(switch(snapshot, service, &set.hash, reason));
    }
}

/// Points a Service at a version, and notes whose it is from then on (TRF-01).
pub(crate) fn switch(
    snapshot: &RolloutSnapshot,
    service: &ServiceView,
    hash: &str,
    reason: Reason,
) -> Effect {
    let mut body = json!({"spec": {"selector": {labels::POD_TEMPLATE_HASH: hash}}});
    if service.managed_by.is_none() {
        body["metadata"] = json!({"annotations": {labels::MANAGED_BY_ROLLOUTS: snapshot.name}});
    }
    Effect::Write(Write {
        verb: Verb::Patch,
        target: ObjectKey::new(SERVICES, &snapshot.namespace, &service.name),
        guard: Guard::Version {
            uid: service.uid.clone(),
            resource_version: service.resource_version.clone(),
        },
        body,
        class: Class::Traffic,
        events: vec![events::service_switched(&service.name, &service.hash, hash)],
        reason,
    })
}
