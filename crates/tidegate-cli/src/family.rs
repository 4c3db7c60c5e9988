//! A Rollout or an Experiment with everything that hangs on it, kept up to date from lists and watches.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tidegate_api::{
    analysis::AnalysisRun,
    experiment::Experiment,
    rollout::Rollout,
    workload::{Pod, ReplicaSet},
};
use tidegate_controller::wire::{self, Item, Unreadable};
use tidegate_core::{
    plan::{ANALYSIS_RUNS, EXPERIMENTS, REPLICA_SETS, ROLLOUTS, Resource},
    view::{ExperimentView, Family, RolloutView},
};

use crate::{
    connect::Cluster,
    follow::{self, Scope, Seen},
    render::{self, Colour},
};

const PODS: Resource = Resource::new("", "v1", "Pod", "pods");

/// What everything else hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Rollout,
    Experiment,
}

/// Which of the five kinds.
#[derive(Clone, Copy)]
pub(crate) enum Member {
    Rollout,
    ReplicaSet,
    Pod,
    AnalysisRun,
    Experiment,
}

const MEMBERS: [Member; 5] = [
    Member::Rollout,
    Member::ReplicaSet,
    Member::Pod,
    Member::Experiment,
    Member::AnalysisRun,
];

impl Root {
    /// The kinds that belong to it, itself as well.
    fn members(self) -> &'static [Member] {
        match (self, &MEMBERS) {
            (Self::Rollout, all) => all,
            (Self::Experiment, [_, rest @ ..]) => rest,
        }
    }
}

impl Member {
    fn scope(self, cluster: &Cluster, (root, name): (Root, &str)) -> Scope {
        match (self, root) {
            (Self::Rollout, _) => Scope::one(cluster, ROLLOUTS, name),
            (Self::Experiment, Root::Experiment) => Scope::one(cluster, EXPERIMENTS, name),
            (Self::Experiment, Root::Rollout) => Scope::all(cluster, EXPERIMENTS),
            (Self::ReplicaSet, _) => Scope::all(cluster, REPLICA_SETS),
            (Self::Pod, _) => Scope::all(cluster, PODS),
            (Self::AnalysisRun, _) => Scope::all(cluster, ANALYSIS_RUNS),
        }
    }
}

/// Everything that is known; `None` until the kind has been listed.
pub(crate) struct Household {
    root: Root,
    name: String,
    rollout: Option<Objects<Rollout>>,
    replica_sets: Option<Objects<ReplicaSet>>,
    pods: Option<Objects<Pod>>,
    analysis_runs: Option<Objects<AnalysisRun>>,
    experiments: Option<Objects<Experiment>>,
    unread: Vec<String>,
    told: BTreeSet<String>,
}

/// By name.
type Objects<T> = BTreeMap<String, T>;

impl Household {
    /// Nothing is known yet.
    pub(crate) fn new(root: Root, name: &str) -> Self {
        Self {
            root,
            name: name.to_owned(),
            rollout: None,
            replica_sets: None,
            pods: None,
            analysis_runs: None,
            experiments: None,
            unread: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// Everything there is now.
    pub(crate) async fn read(cluster: &Cluster, root: Root, name: &str) -> anyhow::Result<Self> {
        let mut household = Self::new(root, name);
        for member in root.members() {
            let (items, _) = member.scope(cluster, (root, name)).list().await?;
            household.take(*member, Seen::All(items))?;
        }
        Ok(household)
    }

    /// What there is to see from now on.
    pub(crate) fn changes(
        cluster: &Cluster,
        (root, name): (Root, &str),
    ) -> impl Stream<Item = anyhow::Result<(Member, Seen)>> + use<> {
        stream::select_all(root.members().iter().map(|member| {
            follow::changes(member.scope(cluster, (root, name)))
                .map_ok(move |seen| (*member, seen))
                .boxed()
        }))
    }

    /// Takes in what was seen.
    ///
    /// # Errors
    /// When the Rollout or the Experiment is not there, or cannot be read.
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
            Member::Experiment => {
                let unread = merge(&mut self.experiments, seen);
                if self.root == Root::Rollout {
                    self.note("experiment", &unread);
                    return Ok(());
                }
                if let Some(unreadable) = unread.first() {
                    return Err(anyhow!("experiment {unreadable}"));
                }
                if self.experiments.as_ref().is_some_and(BTreeMap::is_empty) {
                    let name = &self.name;
                    return Err(anyhow!("experiment.argoproj.io {name:?} not found"));
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

    /// What a person sees of the Rollout; `None` until every kind has been listed.
    pub(crate) fn view(&self, now: Timestamp) -> Option<RolloutView> {
        let rollout = self.rollout()?;
        let kin = self.kin()?;
        Some(RolloutView::new(rollout, kin.family(), now))
    }

    /// The picture of what it is about; `None` until every kind has been listed.
    pub(crate) fn picture(&self, now: Timestamp, colour: Colour) -> Option<String> {
        match self.root {
            Root::Rollout => Some(render::rollout(&self.view(now)?, colour)),
            Root::Experiment => {
                let experiment = self.experiments.as_ref()?.values().next()?;
                let kin = self.kin()?;
                let view = ExperimentView::new(experiment, kin.family(), now);
                Some(render::experiment(&view, colour))
            }
        }
    }

    fn kin(&self) -> Option<Kin> {
        Some(Kin {
            replica_sets: self.replica_sets.as_ref()?.values().cloned().collect(),
            pods: self.pods.as_ref()?.values().cloned().collect(),
            analysis_runs: self.analysis_runs.as_ref()?.values().cloned().collect(),
            experiments: self.experiments.as_ref()?.values().cloned().collect(),
        })
    }
}

/// Everything that may hang on the root.
struct Kin {
    replica_sets: Vec<ReplicaSet>,
    pods: Vec<Pod>,
    analysis_runs: Vec<AnalysisRun>,
    experiments: Vec<Experiment>,
}

impl Kin {
    fn family(&self) -> Family<'_> {
        Family {
            replica_sets: &self.replica_sets,
            pods: &self.pods,
            analysis_runs: &self.analysis_runs,
            experiments: &self.experiments,
        }
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
