//! S0-10: a version that users had is kept for a while, and behind a router one that was aborted, too.

use jiff::{SignedDuration, Timestamp};
use tidegate_api::{labels, meta::Time};

use super::{Deed, Picture};
use crate::{
    cluster::{fields, kinds},
    world::CONTROLLER,
};

/// Seconds for which a version is kept, unless the Rollout says otherwise.
const DELAY: i64 = 30;

/// S0-10: behind a router, the version that users had keeps its pods until its deadline, and so does an
/// aborted one. How many pods the others need, their weights say.
pub(super) fn old_version_kept(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let routed = before.routing.is_some() && after.routing.is_some();
    if !routed || !is_resize(deed) {
        return None;
    }
    before.sets.iter().find_map(|(hash, was)| {
        let set = after.set(hash);
        // Pods that cannot serve are kept for nobody.
        if set.want >= was.want || set.want >= was.available || *hash == after.stable {
            return None;
        }
        let kept = if *hash == after.current {
            aborted_is_kept(before, after)?
        } else {
            superseded_is_kept(deed, (hash, was.deadline))?
        };
        let due = kept && was.deadline.is_some_and(|deadline| deadline <= after.now);
        (!due).then(|| {
            format!(
                "S0-10: {hash} is scaled from {} to {} before its deadline",
                was.want, set.want
            )
        })
    })
}

/// Whether an aborted version is kept until a deadline (true) or for good (false); `None` if neither.
fn aborted_is_kept(before: &Picture, after: &Picture) -> Option<bool> {
    let asked = after.strategy("abortScaleDownDelaySeconds").as_i64();
    let halted = after.user_paused || after.is_halted();
    let goes = after.is_dynamic() && asked.is_none_or(|seconds| seconds == 0);
    let aborted = before.is_aborted() && after.is_aborted() && after.is_in_flight();
    if !aborted || halted || goes || after.replicas == 0 {
        return None;
    }
    Some(asked != Some(0))
}

/// The same of a version that is neither new nor stable.
fn superseded_is_kept(
    deed: &Deed<'_>,
    (hash, deadline): (&str, Option<Timestamp>),
) -> Option<bool> {
    let after = deed.after;
    // One that was superseded before users had it was promised nothing.
    let promised = deadline.is_some() || !after.is_in_flight();
    let at_once = after.strategy("scaleDownDelaySeconds").as_i64() == Some(0);
    let nonsense = is_nonsense(deed);
    if !promised || at_once || nonsense || after.is_dynamic() || are_enough(after, hash) {
        return None;
    }
    Some(true)
}

/// Whether more old versions wait than may.
pub(super) fn are_enough(picture: &Picture, hash: &str) -> bool {
    let limit = picture.strategy("scaleDownDelayRevisionLimit").as_u64();
    let waiting = picture
        .sets
        .iter()
        .filter(|(other, set)| *other != hash && set.want > 0 && set.deadline.is_some());
    limit.is_some_and(|limit| u64::try_from(waiting.count()).is_ok_and(|count| count >= limit))
}

/// Whether somebody has written a deadline that nobody can read.
fn is_nonsense(deed: &Deed<'_>) -> bool {
    let note = ["metadata", "annotations", labels::SCALE_DOWN_DEADLINE];
    let old = deed.change.old.as_deref();
    let written = old.map_or("", |set| fields::text(set, &note));
    !written.is_empty() && written.parse::<Time>().is_err()
}

/// S0-10: a deadline gives the time that the Rollout asks for.
pub(super) fn deadline_gives_time(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let kept = after.colours.is_some() || after.routing.is_some();
    if !kept || !is_resize(deed) {
        return None;
    }
    let active = after.colours.as_ref().map_or("", |colours| &colours.active);
    after.sets.iter().find_map(|(hash, set)| {
        let deadline = set
            .deadline
            .filter(|_| before.set(hash).deadline.is_none())?;
        if *hash == active || *hash == after.stable {
            return Some(format!("S0-10: {hash} has a deadline, and users are on it"));
        }
        let member = if *hash == after.current {
            "abortScaleDownDelaySeconds"
        } else {
            "scaleDownDelaySeconds"
        };
        let seconds = after.strategy(member).as_i64().unwrap_or(DELAY);
        let short = deadline < whole(after.now) + SignedDuration::from_secs(seconds);
        short.then(|| format!("S0-10: {hash} is kept for less than {seconds}s"))
    })
}

/// Deadlines are written in whole seconds.
fn whole(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn is_resize(deed: &Deed<'_>) -> bool {
    deed.change.actor == CONTROLLER && deed.change.object.kind == kinds::REPLICA_SETS
}
