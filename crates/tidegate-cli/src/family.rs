//! A Rollout with everything that hangs on it, kept up to date from lists and watches.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tidegate_api::{
    analysis::AnalysisRun,
    rollout::Rollout,
    workload::{Pod, ReplicaSet},
};
use tidegate_controller::wire::{self, Item, Unreadable};
use tidegate_core::{
    plan::{ANALYSIS_RUNS, REPLICA_SETS, ROLLOUTS, Resource},
    view::{Family, RolloutView},
};

use crate::{
    connect::Cluster,
    follow::{self, Scope, Seen},
};

const PODS: Resource = Resource::new("", "v1", "Pod", "pods");

/// Which of the four kinds.
#[derive(Clone, Copy)]
pub(crate) enum Member {
    Rollout,
    ReplicaSet,
    Pod,
    AnalysisRun,
}

const MEMBERS: [Member; 4] = [
    Member::Rollout,
    Member::ReplicaSet,
    Member::Pod,
    Member::AnalysisRun,
];

impl Member {
    fn scope(self, cluster: &Cluster, rollout: &str) -> Scope {
        match self {
            Self::Rollout => Scope::one(cluster, ROLLOUTS, rollout),
            Self::ReplicaSet => Scope::all(cluster, REPLICA_SETS),
            Self::Pod => Scope::all(cluster, PODS),
            Self::AnalysisRun => Scope::all(cluster, ANALYSIS_RUNS),
        }
    }
}

/// Everything that is known; `None` until the kind has been listed.
pub(crate) struct Household {
    name: String,
    rollout: Option<Objects<Rollout>>,
    replica_sets: Option<Objects<ReplicaSet>>,
    pods: Option<Objects<Pod>>,
    analysis_runs: Option<Objects<AnalysisRun>>,
    unread: Vec<String>,
    told: BTreeSet<String>,
}

/// By name.
type Objects<T> = BTreeMap<String, T>;

impl Household {
    /// Nothing is known yet.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            rollout: None,
            replica_sets: None,
            pods: None,
            analysis_runs: None,
            unread: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// Everything there is now.
    pub(crate) async fn read(cluster: &Cluster, name: &str) -> anyhow::Result<Self> {
        let mut household = Self::new(name);
        for member in MEMBERS {
            let (items, _) = member.scope(cluster, name).list().await?;
            household.take(member, Seen::All(items))?;
        }
        Ok(household)
    }

    /// What there is to see from now on.
    pub(crate) fn changes(
        cluster: &Cluster,
        name: &str,
    ) -> impl Stream<Item = anyhow::Result<(Member, Seen)>> + use<> {
        stream::select_all(MEMBERS.map(|member| {
            follow::changes(member.scope(cluster, name))
                .map_ok(move |seen| (member, seen))
                .boxed()
        }))
    }

    /// Takes in what was seen.
    ///
    /// # Errors
    /// When the Rollout is not there, or an object cannot be read.
    pub(crate) fn take(&mut self, member: Member, seen: Seen) -> anyhow::Result<()> {
        match member {
            Member::Rollout => {
                if let Some(unreadable) = merge(&mut self.rollout, seen).pop() {
                    return Err(anyhow!("rollout {unreadable}"));
                }
                if self.rollout.as_ref().is_some_and(BTreeMap::is_empty) {
                    return Err(not_found(&self.name));
                }
                Ok(())
            }
            Member::ReplicaSet => {
                let unread = merge(&mut self.replica_sets, seen);
                self.note("replicaset", &unread);
                Ok(())
            }
            Member::Pod => {
                let unread = merge(&mut self.pods, seen);
                self.note("pod", &unread);
                Ok(())
            }
            Member::AnalysisRun => {
                let unread = merge(&mut self.analysis_runs, seen);
                self.note("analysisrun", &unread);
                Ok(())
            }
        }
    }

    fn note(&mut self, kind: &str, unread: &[Unreadable]) {
        for one in unread {
            let sentence = format!("{kind} {one}");
            if !self.told.contains(&sentence) {
                self.unread.push(sentence.clone());
                self.told.insert(sentence);
            }
        }
    }

    /// What could not be read and is therefore not shown, each said once.
    pub(crate) fn unread(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unread)
    }

    /// The Rollout itself; `None` until it has been listed.
    pub(crate) fn rollout(&self) -> Option<&Rollout> {
        self.rollout.as_ref()?.values().next()
    }

    /// What a person sees; `None` until every kind has been listed.
    pub(crate) fn view(&self, now: Timestamp) -> Option<RolloutView> {
        let rollout = self.rollout()?;
        let replica_sets: Vec<_> = self.replica_sets.as_ref()?.values().cloned().collect();
        let pods: Vec<_> = self.pods.as_ref()?.values().cloned().collect();
        let analysis_runs: Vec<_> = self.analysis_runs.as_ref()?.values().cloned().collect();
        let family = Family {
            replica_sets: &replica_sets,
            pods: &pods,
            analysis_runs: &analysis_runs,
        };
        Some(RolloutView::new(rollout, family, now))
    }
}

/// What `get` and `status` say of a Rollout that is not there.
pub(crate) fn not_found(name: &str) -> anyhow::Error {
    anyhow!("rollout.argoproj.io {name:?} not found")
}

/// Takes in what was seen; gives back what cannot be read, which hides nothing else.
fn merge<T: DeserializeOwned>(known: &mut Option<Objects<T>>, seen: Seen) -> Vec<Unreadable> {
    let (items, gone) = match seen {
        Seen::All(items) => {
            *known = None;
            (items, None)
        }
        Seen::Present(item) => (vec![item], None),
        Seen::Gone(name) => (Vec::new(), Some(name)),
    };
    let known = known.get_or_insert_default();
    if let Some(name) = gone {
        known.remove(&name);
    }
    let mut unread = Vec::new();
    for item in items {
        match read(item) {
            Ok((name, object)) => {
                known.insert(name, object);
            }
            Err(unreadable) => unread.push(*unreadable),
        }
    }
    unread
}

fn read<T: DeserializeOwned>(item: Item) -> Result<(String, T), Box<Unreadable>> {
    let name = match &item {
        Ok(object) => object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        Err(unreadable) => unreadable.metadata.name.clone(),
    };
    Ok((name, wire::typed(item)?))
}
