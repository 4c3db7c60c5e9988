//! A Rollout with everything that hangs on it, kept up to date from lists and watches.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_api::{
    analysis::AnalysisRun,
    rollout::Rollout,
    workload::{Pod, ReplicaSet},
};
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
                merge(&mut self.rollout, seen)?;
                if self.rollout.as_ref().is_some_and(BTreeMap::is_empty) {
                    return Err(not_found(&self.name));
                }
                Ok(())
            }
            Member::ReplicaSet => merge(&mut self.replica_sets, seen),
            Member::Pod => merge(&mut self.pods, seen),
            Member::AnalysisRun => merge(&mut self.analysis_runs, seen),
        }
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

fn merge<T: DeserializeOwned>(known: &mut Option<Objects<T>>, seen: Seen) -> anyhow::Result<()> {
    match seen {
        Seen::All(items) => {
            let items = items.into_iter().map(read);
            *known = Some(items.collect::<anyhow::Result<_>>()?);
        }
        Seen::Present(object) => {
            known.get_or_insert_default().extend([read(object)?]);
        }
        Seen::Gone(object) => {
            known.get_or_insert_default().remove(&name(&object));
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(object: Value) -> anyhow::Result<(String, T)> {
    let name = name(&object);
    let object = serde_json::from_value(object)
        .with_context(|| format!("the server's answer about {name} cannot be read"))?;
    Ok((name, object))
}

fn name(object: &Value) -> String {
    let name = object["metadata"]["name"].as_str();
    name.unwrap_or_default().to_owned()
}
