//! How it ends once nothing disturbs it any more.

use serde_json::Value;

use jiff::{SignedDuration, Timestamp};

use super::{Picture, State, drain, experiments, memory::Memory, timers};
use crate::cluster::{fields, kinds};

/// How late a timer may fire, and a person be heard.
const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// L-3 and L-5: nobody waits in vain, for a person's word or for an instant, once nothing has gone wrong
/// for a while.
pub(super) fn overdue(
    (memory, state): (&Memory, &State),
    (calm, now): (Timestamp, Timestamp),
) -> Vec<String> {
    let is_late = |due: Timestamp| due.max(calm) + GRACE < now;
    let unheard = memory.unheard.iter();
    let mut late: Vec<String> = unheard
        .filter(|(_, (_, since))| is_late(*since))
        .map(|(object, _)| {
            format!(
                "L-3: nobody looks at {} after a person wrote it",
                object.name
            )
        })
        .collect();
    for rollout in state.of(kinds::ROLLOUTS) {
        if fields::is_deleting(rollout) || rollout["spec"]["paused"] == true {
            continue;
        }
        late.extend(timers::overdue(state, rollout, &is_late));
    }
    late.extend(experiments::overdue(state, &is_late));
    late.extend(drain::overdue(state, &is_late));
    late
}

/// L-1 and L-2: the phase and the stable version are what the scenario says; what is Healthy serves
/// everything with all its pods, and what was aborted serves nothing of the new version.
pub(super) fn ends(
    picture: Option<&Picture>,
    rollout: Option<&Value>,
    (ends, name): (&str, &dyn Fn(&str) -> String),
) -> Vec<String> {
    let (Some(picture), Some(rollout)) = (picture, rollout) else {
        return if ends == "gone" {
            Vec::new()
        } else {
            vec![format!("L-1: it ends with the Rollout gone, not {ends}")]
        };
    };
    let mut broken = Vec::new();
    let phase = rollout["status"]["phase"].as_str().unwrap_or_default();
    let reached = format!("{phase} {}", name(&picture.stable));
    if reached.trim_end() != ends {
        let message = &rollout["status"]["message"];
        broken.push(format!("L-1: it ends {reached}, not {ends}: {message}"));
    }
    let stable = picture.set(&picture.stable);
    let total = picture.routing.as_ref().map_or(0, |routing| routing.total);
    let behind_router = picture.routing.is_some();
    if phase == "Healthy" {
        if picture.current != picture.stable {
            broken.push("L-1: it is Healthy with a version that is not stable".to_owned());
        }
        if stable.available != picture.replicas || stable.want != picture.replicas {
            broken.push(format!(
                "L-1: it is Healthy with {} of {} pods",
                stable.available, picture.replicas
            ));
        }
        if picture
            .colours
            .as_ref()
            .is_some_and(|one| one.active != picture.stable)
        {
            broken.push("L-1: it is Healthy and users are not on the stable version".to_owned());
        }
        if behind_router && picture.declared(&picture.stable) != total {
            broken.push("L-1: it is Healthy and the stable version has not all traffic".to_owned());
        }
    }
    broken.extend(left_over(picture));
    if picture.is_aborted() && picture.is_in_flight() {
        if picture
            .colours
            .as_ref()
            .is_some_and(|one| one.active != picture.stable)
        {
            broken.push("L-2: users are still on the aborted version".to_owned());
        }
        if behind_router && picture.declared(&picture.current) != 0 {
            broken.push("L-2: the aborted version still has traffic".to_owned());
        }
        if stable.want < picture.replicas {
            broken.push(format!(
                "L-2: the stable version has {} of {} pods after an abort",
                stable.want, picture.replicas
            ));
        }
    }
    broken
}

/// L-4: of a version that was superseded nothing is left.
fn left_over(picture: &Picture) -> Option<String> {
    if picture.user_paused || picture.stable.is_empty() || picture.is_halted() {
        return None;
    }
    let mut others = picture.sets.iter().filter(|(hash, set)| {
        set.want > 0
            && **hash != picture.stable
            && **hash != picture.current
            && set.deadline.is_none()
    });
    let (hash, set) = others.next()?;
    Some(format!(
        "L-4: the superseded {hash} still has {} pods",
        set.want
    ))
}
