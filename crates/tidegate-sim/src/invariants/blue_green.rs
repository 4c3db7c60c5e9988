//! Blue-green: users are switched to what can serve them, and what they were on is kept for a while.

use jiff::SignedDuration;
use serde_json::Value;
use tidegate_api::{labels, meta::Time};

use super::{Deed, Picture, State, evidence::was_judged, kept};
use crate::{
    cluster::{fields, kinds},
    world::CONTROLLER,
};

/// What the Services select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Colours {
    /// The hash that users get; empty where versions are not told apart.
    pub(crate) active: String,
    /// The hash that can be looked at.
    pub(crate) preview: String,
}

impl Colours {
    /// Reads them. `strategy` is `spec.strategy.blueGreen`.
    pub(super) fn read(state: &State, namespace: &str, strategy: &Value) -> Self {
        let selected = |role: &str| {
            let name = fields::text(strategy, &[role]);
            let path = ["spec", "selector", labels::POD_TEMPLATE_HASH];
            state
                .of(kinds::SERVICES)
                .find(|one| fields::name(one) == name && fields::namespace(one) == namespace)
                .map_or_else(String::new, |one| fields::text(one, &path).to_owned())
        };
        Self {
            active: selected("activeService"),
            preview: selected("previewService"),
        }
    }
}

/// S0-9: users are switched only to a version that has all its pods, was judged, and is not paused.
///
/// Allowed: after an abort, users go back to the stable version once it has a pod.
pub(super) fn switch_readiness(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let (from, to) = (
        &before.colours.as_ref()?.active,
        &after.colours.as_ref()?.active,
    );
    if deed.change.actor != CONTROLLER || from.is_empty() || from == to {
        return None;
    }
    let returns = after.is_aborted() && *to == after.stable;
    let available = deed.capacity(to);
    let needed = if returns {
        after.replicas.min(1)
    } else {
        after.replicas
    };
    if available < needed {
        return Some(format!(
            "S0-9: users are switched to {to} with {available} of {needed} pods"
        ));
    }
    let unjudged = (!returns).then(|| lacks(deed, to)).flatten()?;
    Some(format!("S0-9: users are switched to {to}: {unjudged}"))
}

/// What stands against a switch to a version that has its pods.
fn lacks(deed: &Deed<'_>, to: &str) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    if before.user_paused {
        return Some("spec.paused is true".to_owned());
    }
    // What was stable not long ago was judged then.
    let known = *to == *after.stable
        || after.set(to).deadline.is_some()
        || after.is_within_the_window(to, &before.stable);
    if known || after.promotes_fully() {
        return None;
    }
    if let Some(pause) = before.pauses().iter().find(|pause| !is_over(before, pause)) {
        return Some(format!("it is paused: {}", pause["reason"]));
    }
    let by_hand = after.blue_green("autoPromotionEnabled").as_bool() == Some(false);
    let passed = before.status()["blueGreen"]["scaleUpPreviewCheckPoint"] == true;
    if by_hand && !passed && before.status()["controllerPause"] != true {
        return Some("nobody has promoted it".to_owned());
    }
    let is_judged = after.blue_green("prePromotionAnalysis").is_null()
        || was_judged(deed, (to, labels::ROLLOUT_TYPE_PRE_PROMOTION));
    (!is_judged).then(|| "no prePromotionAnalysis was successful".to_owned())
}

/// Whether a pause has an end, and it has come.
fn is_over(picture: &Picture, pause: &Value) -> bool {
    let seconds = picture.blue_green("autoPromotionSeconds").as_i64();
    let since = fields::text(pause, &["startTime"]).parse::<Time>();
    let by_hand = picture.blue_green("autoPromotionEnabled").as_bool() == Some(false);
    let (Some(seconds), Ok(since)) = (seconds.filter(|_| !by_hand), since) else {
        return false;
    };
    pause["reason"] == "BlueGreenPause"
        && since.timestamp() + SignedDuration::from_secs(seconds) <= picture.now
}

/// S0-10: the version that users get keeps all its pods, the stable one as well, and one that they got
/// is kept until its deadline.
pub(super) fn old_colour_kept(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let colours = after.colours.as_ref()?;
    if deed.change.actor != CONTROLLER || deed.change.object.kind != kinds::REPLICA_SETS {
        return None;
    }
    before.sets.iter().find_map(|(hash, was)| {
        let set = after.set(hash);
        if set.want >= was.want || set.want >= after.replicas {
            return None;
        }
        let scaled = format!("S0-10: {hash} is scaled from {} to {}", was.want, set.want);
        if *hash == colours.active || *hash == after.stable {
            return Some(format!("{scaled}, and users are on it or may come back"));
        }
        if *hash == colours.preview && *hash != after.current {
            return Some(format!("{scaled}, and somebody looks at it"));
        }
        let is_new = *hash == after.current;
        if is_new && !after.is_aborted() {
            let preview = after.blue_green("previewReplicaCount").as_i64();
            let fits = preview.is_some_and(|preview| set.want >= preview);
            return (!fits).then(|| format!("{scaled}, and it is the new one"));
        }
        if is_excused(after, (hash, is_new)) {
            return None;
        }
        let kept = was.deadline.is_none_or(|deadline| deadline > after.now);
        kept.then(|| format!("{scaled} before its deadline"))
    })
}

/// No delay is asked for, or more old versions wait than may.
fn is_excused(picture: &Picture, (hash, is_new): (&str, bool)) -> bool {
    if is_new {
        // An explicit 0 keeps it, but for the pods that a preview does not need.
        return picture.blue_green("abortScaleDownDelaySeconds").as_i64() == Some(0)
            && !picture.blue_green("previewReplicaCount").is_null();
    }
    if picture.blue_green("scaleDownDelaySeconds").as_i64() == Some(0) {
        return true;
    }
    kept::are_enough(picture, hash)
}
