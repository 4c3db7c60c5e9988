//! Selectors of the preview and the active Service (BG-02, BG-10).

use jiff::Timestamp;

use super::{replicas, services::switch};
use crate::{
    plan::{ObjectKey, Plan, SERVICES},
    reason::Reason,
    rollout::{
        draft::Draft,
        promotion,
        snapshot::{BlueGreen, ReplicaSetView, RolloutSnapshot, ServiceView},
    },
};

/// The preview Service selects the new version, even before it has pods. Keeps BG-02.
pub(crate) fn preview(
    snapshot: &RolloutSnapshot,
    strategy: &BlueGreen,
    draft: &mut Draft,
    plan: &mut Plan,
) {
    let Some(service) = snapshot.services.get(&strategy.preview_service) else {
        return;
    };
    if let Some(by) = replicas::is_halted(snapshot) {
        plan.reasons.push(Reason::Halted { by });
        return;
    }
    let target = Target {
        hash: snapshot.current_hash(),
        reason: Reason::Because("the new version can be looked at there".to_owned()),
    };
    draft.colours.preview = point(snapshot, service, target, plan);
}

/// The active Service selects the version that users get, or the pass says what a switch waits for.
/// Keeps BG-10.
pub(crate) fn active(
    snapshot: &RolloutSnapshot,
    strategy: &BlueGreen,
    (draft, plan): (&mut Draft, &mut Plan),
    now: Timestamp,
) {
    let Some(service) = snapshot.services.get(&strategy.active_service) else {
        plan.reasons.push(Reason::Missing {
            object: ObjectKey::new(SERVICES, &snapshot.namespace, &strategy.active_service),
        });
        return;
    };
    let target = returning(snapshot, service, draft)
        .unwrap_or_else(|| advancing(snapshot, strategy, draft, now));
    match target {
        Move::To(target) => draft.colours.active = point(snapshot, service, target, plan),
        Move::Waits(reason) => plan.reasons.push(reason),
    }
}

struct Target<'a> {
    hash: &'a str,
    reason: Reason,
}

/// What becomes of the active Service.
enum Move<'a> {
    To(Target<'a>),
    Waits(Reason),
}

/// Back to the stable version: after an abort, and for a Service that selects no hash while an update
/// is under way.
///
/// Differs from upstream (BG-11): an abort waits neither for the aborted version's pods nor for the
/// end of a pause, only for one pod of the stable version; upstream leaves users on an aborted
/// version that has lost pods, and scales it down under them.
fn returning<'a>(
    snapshot: &'a RolloutSnapshot,
    service: &ServiceView,
    draft: &Draft,
) -> Option<Move<'a>> {
    let stable = snapshot
        .stable_replica_set()
        .filter(|stable| stable.hash != snapshot.current_hash())?;
    let (needed, reason) = if draft.is_aborted(snapshot) {
        (snapshot.replicas.min(1), Reason::Aborted)
    } else if service.hash.is_empty() && !snapshot.recorded.promote_full.is_set() {
        let reason = Reason::Because("users stay with the stable version".to_owned());
        (snapshot.replicas, reason)
    } else {
        return None;
    };
    if stable.available < needed {
        return Some(Move::Waits(awaits(stable, needed)));
    }
    Some(Move::To(Target {
        hash: &stable.hash,
        reason,
    }))
}

fn advancing<'a>(
    snapshot: &'a RolloutSnapshot,
    strategy: &BlueGreen,
    draft: &Draft,
    now: Timestamp,
) -> Move<'a> {
    if let Some(by) = replicas::is_halted(snapshot) {
        return Move::Waits(Reason::Halted { by });
    }
    let Some(new) = snapshot.new_replica_set() else {
        return Move::Waits(Reason::Because("there is no new version yet".to_owned()));
    };
    if !promotion::is_whole(snapshot, draft) {
        return Move::Waits(awaits(new, snapshot.replicas));
    }
    if !promotion::is_fast_tracked(snapshot, strategy, draft) {
        if let Some(reason) = promotion::before_analysis_lacks(snapshot) {
            return Move::Waits(reason);
        }
        if let Some(waiting) = promotion::pause_lacks(snapshot, strategy, draft, now) {
            return Move::Waits(waiting.reason());
        }
    }
    Move::To(Target {
        hash: &new.hash,
        reason: Reason::Because(format!("{} has all its pods", new.name)),
    })
}

fn awaits(set: &ReplicaSetView, needed: i32) -> Reason {
    Reason::AwaitsPods {
        replica_set: set.name.clone(),
        available: set.available,
        needed,
    }
}

/// Points a Service at a version and gives the hash that it selects from then on. One that selects it
/// already is only written to say whose it is.
fn point(
    snapshot: &RolloutSnapshot,
    service: &ServiceView,
    target: Target<'_>,
    plan: &mut Plan,
) -> String {
    if service.hash != target.hash || service.managed_by.is_none() {
        plan.effects
            .push(switch(snapshot, service, target.hash, target.reason));
    }
    target.hash.to_owned()
}
