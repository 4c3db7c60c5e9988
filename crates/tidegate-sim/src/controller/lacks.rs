//! What a controller does that lacks something it should have, so that checks can be shown to fail.

use std::collections::BTreeSet;

use serde_json::json;
use tidegate_core::{
    plan::{Class, Guard, ObjectKey, ROLLOUTS, Verb, Write},
    reason::Reason,
    rollout::RolloutSnapshot,
};

use super::{Controller, Surroundings, caches::News};
use crate::{cluster::kinds, faults::Lacks};

/// How many looks for work the list of ReplicaSets takes where nobody waits for it: more than there are
/// objects to look at first.
const LATE: u32 = 20;

/// What it remembers of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Restless {
    looks: u32,
    /// Whom it has written to since it started.
    greeted: BTreeSet<ObjectKey>,
}

impl Controller {
    /// Takes in what has changed. Without [`Lacks::Sync`] every kind was listed before.
    pub(super) fn follow(&mut self, around: &impl Surroundings) -> News {
        if around.lacks() != Some(Lacks::Sync) || self.restless.looks == LATE {
            return self.caches.follow(around.cluster(), around.held_back());
        }
        if self.restless.looks == 0 {
            self.caches.unlist_replica_sets();
        }
        self.restless.looks += 1;
        let mut held_back = around.held_back().clone();
        held_back.insert(kinds::REPLICA_SETS, 0);
        self.caches.follow(around.cluster(), &held_back)
    }

    /// A write without need, with [`Lacks::Rest`].
    pub(super) fn greeting(
        &mut self,
        around: &impl Surroundings,
        snapshot: &RolloutSnapshot,
    ) -> Option<Write> {
        let metadata = &snapshot.rollout.metadata;
        let target = ObjectKey::new(ROLLOUTS, &metadata.namespace, &metadata.name);
        let restless = around.lacks() == Some(Lacks::Rest);
        if !restless || !self.restless.greeted.insert(target.clone()) {
            return None;
        }
        Some(Write {
            verb: Verb::PatchStatus,
            guard: Guard::Version {
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
            },
            target,
            body: json!({"status": {"message": "here I am"}}),
            class: Class::Status,
            events: Vec::new(),
            reason: Reason::Because("it has just started".to_owned()),
        })
    }
}
