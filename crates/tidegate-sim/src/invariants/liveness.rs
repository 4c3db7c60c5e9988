//! How it ends once nothing disturbs it any more.

use serde_json::Value;

use super::Picture;

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
            vec![format!("L-1: the Rollout is gone, not {ends}")]
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
