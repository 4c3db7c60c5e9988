//! ReplicaSets in the tree.

use std::cmp::Reverse;

use jiff::Timestamp;
use tidegate_api::{
    labels::{EXPERIMENT_TEMPLATE_NAME, POD_TEMPLATE_HASH, SCALE_DOWN_DEADLINE},
    rollout::Rollout,
    workload::{Pod, ReplicaSet},
};

use super::{
    Family, Icon, Info, Kind, Mark, Node, Purpose, Tag, age, between, containers, is_owned_by,
};

/// A ReplicaSet and what the header needs of it.
pub(super) struct Shown {
    pub(super) revision: i64,
    tags: Vec<Tag>,
    /// The version of an Experiment that it is; empty if it is none's.
    template: String,
    pub(super) images: Vec<String>,
    /// Pods there are.
    pub(super) pods: i32,
    pub(super) available: i32,
    pub(super) node: Node,
}

impl Shown {
    pub(super) fn is_canary(&self) -> bool {
        self.tags.contains(&Tag::Canary)
    }

    /// What its images run for.
    pub(super) fn purposes(&self) -> impl Iterator<Item = Purpose> {
        let template = (!self.template.is_empty()).then(|| self.template.clone());
        let tags = self.tags.iter().copied().map(Purpose::Tag);
        tags.chain(template.map(Purpose::Template))
    }
}

/// The Rollout's ReplicaSets, newest revision first.
pub(super) fn views(rollout: &Rollout, family: Family<'_>, now: Timestamp) -> Vec<Shown> {
    let roles = |replica_set: &ReplicaSet| tags(rollout, replica_set);
    owned(&rollout.metadata.uid, &roles, family, now)
}

/// The ReplicaSets of an Experiment.
pub(super) fn tried(owner: &str, family: Family<'_>, now: Timestamp) -> Vec<Shown> {
    owned(owner, &|_| Vec::new(), family, now)
}

fn owned(
    owner: &str,
    roles: &dyn Fn(&ReplicaSet) -> Vec<Tag>,
    family: Family<'_>,
    now: Timestamp,
) -> Vec<Shown> {
    let mut shown: Vec<Shown> = family
        .replica_sets
        .iter()
        .filter(|replica_set| is_owned_by(&replica_set.metadata, owner))
        .map(|replica_set| view(roles(replica_set), replica_set, family.pods, now))
        .collect();
    shown.sort_by_cached_key(|shown| (Reverse(shown.revision), shown.node.name.clone()));
    shown
}

fn view(tags: Vec<Tag>, replica_set: &ReplicaSet, pods: &[Pod], now: Timestamp) -> Shown {
    let metadata = &replica_set.metadata;
    let mut info: Vec<Info> = tags.iter().copied().map(Info::Tag).collect();
    let deadline = metadata.annotations.get(SCALE_DOWN_DEADLINE);
    info.extend(deadline.and_then(|deadline| delay(deadline, now)));
    Shown {
        revision: super::revision(metadata),
        template: metadata
            .annotations
            .get(EXPERIMENT_TEMPLATE_NAME)
            .cloned()
            .unwrap_or_default(),
        images: containers(replica_set.spec.template.value())
            .map(str::to_owned)
            .collect(),
        pods: replica_set.status.replicas,
        available: replica_set.status.available_replicas,
        node: Node {
            kind: Kind::ReplicaSet,
            name: metadata.name.clone(),
            status: Some(health(replica_set)),
            age: age(metadata.creation_timestamp, now),
            info,
            children: super::pod::views(&metadata.uid, pods, now),
        },
        tags,
    }
}

/// In the order in which they are shown.
fn tags(rollout: &Rollout, replica_set: &ReplicaSet) -> Vec<Tag> {
    let hash = replica_set.metadata.labels.get(POD_TEMPLATE_HASH);
    let hash = hash.map_or("", String::as_str);
    let status = &rollout.status;
    let mut tags = Vec::new();
    if let Some(canary) = &rollout.spec.strategy.canary {
        let ping = status.canary.stable_ping_pong == "ping";
        let side = if status.stable_rs == hash {
            tags.push(Tag::Stable);
            Some(ping)
        } else if status.current_pod_hash == hash {
            tags.push(Tag::Canary);
            Some(!ping)
        } else {
            None
        };
        if canary.ping_pong.is_some() {
            tags.extend(side.map(|ping| if ping { Tag::Ping } else { Tag::Pong }));
        }
    }
    if rollout.spec.strategy.blue_green.is_some() {
        if status.stable_rs == hash {
            tags.push(Tag::Stable);
        }
        if status.blue_green.active_selector == hash {
            tags.push(Tag::Active);
        } else if status.blue_green.preview_selector == hash {
            tags.push(Tag::Preview);
        }
    }
    tags
}

/// Keeps CLI-108.
fn health(replica_set: &ReplicaSet) -> Mark {
    let wanted = replica_set.spec.replicas;
    let status = &replica_set.status;
    let failed = status
        .conditions
        .iter()
        .any(|condition| condition.kind == "ReplicaFailure" && condition.status == "True");
    let (icon, text) = if replica_set.metadata.generation > status.observed_generation {
        (Icon::Progressing, "Progressing")
    } else if failed {
        (Icon::Bad, "ReplicaFailure")
    } else if wanted.is_some_and(|wanted| status.available_replicas < wanted) {
        (Icon::Progressing, "Progressing")
    } else if wanted == Some(0) {
        (Icon::Neutral, "ScaledDown")
    } else {
        (Icon::Ok, "Healthy")
    };
    Mark {
        icon,
        text: text.to_owned(),
    }
}

/// How long until the ReplicaSet goes; an unreadable deadline shows nothing behind the colon.
fn delay(deadline: &str, now: Timestamp) -> Option<Info> {
    if deadline.is_empty() {
        return None;
    }
    let left = match deadline.parse::<Timestamp>() {
        Ok(deadline) if deadline < now => "passed".to_owned(),
        Ok(deadline) => between(now, deadline).human(),
        Err(_) => String::new(),
    };
    Some(Info::Text(format!("delay:{left}")))
}
