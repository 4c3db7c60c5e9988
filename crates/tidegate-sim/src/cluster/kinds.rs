//! The kinds that the model serves: the built-in ones it needs, ours, and whatever a definition adds.

mod built_in;

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::schema::Schema;

/// A kind's place in the table of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KindId(usize);

/// `rollouts.argoproj.io`.
pub const ROLLOUTS: KindId = KindId(0);
/// `analysisruns.argoproj.io`.
pub const ANALYSIS_RUNS: KindId = KindId(1);
/// `analysistemplates.argoproj.io`.
pub const ANALYSIS_TEMPLATES: KindId = KindId(2);
/// `clusteranalysistemplates.argoproj.io`.
pub const CLUSTER_ANALYSIS_TEMPLATES: KindId = KindId(3);
/// `experiments.argoproj.io`.
pub const EXPERIMENTS: KindId = KindId(4);
/// `replicasets.apps`.
pub const REPLICA_SETS: KindId = KindId(5);
/// `pods`.
pub const PODS: KindId = KindId(6);
/// `services`.
pub const SERVICES: KindId = KindId(7);
/// `endpoints`.
pub const ENDPOINTS: KindId = KindId(8);
/// `endpointslices.discovery.k8s.io`.
pub const ENDPOINT_SLICES: KindId = KindId(9);
/// `ingresses.networking.k8s.io`.
pub const INGRESSES: KindId = KindId(10);
/// `events`, which `events.k8s.io` shows, too.
pub const EVENTS: KindId = KindId(11);
/// `namespaces`.
pub const NAMESPACES: KindId = KindId(12);
/// `nodes`.
pub const NODES: KindId = KindId(13);
/// `configmaps`.
pub const CONFIG_MAPS: KindId = KindId(14);
/// `secrets`.
pub const SECRETS: KindId = KindId(15);
/// `serviceaccounts`.
pub const SERVICE_ACCOUNTS: KindId = KindId(16);
/// `jobs.batch`.
pub const JOBS: KindId = KindId(17);
/// `leases.coordination.k8s.io`.
pub const LEASES: KindId = KindId(18);
/// `deployments.apps`.
pub const DEPLOYMENTS: KindId = KindId(19);
/// `customresourcedefinitions.apiextensions.k8s.io`.
pub const DEFINITIONS: KindId = KindId(20);
/// `horizontalpodautoscalers.autoscaling`.
pub const AUTOSCALERS: KindId = KindId(21);
/// `podtemplates` of the core group.
pub const POD_TEMPLATES: KindId = KindId(28);
/// `poddisruptionbudgets.policy`.
pub const DISRUPTION_BUDGETS: KindId = KindId(22);

/// Where a kind's objects live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace each.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// Whether `status` is written apart from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusWrites {
    /// Through `…/status` only.
    Apart,
    /// With the object itself; there is no `…/status`.
    Together,
}

/// What raises `metadata.generation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The kind has none.
    None,
    /// A change of `spec` (built-in kinds).
    Spec,
    /// A change of anything but `metadata` (custom resources; without a status subresource this is
    /// every status write, too).
    AllButMetadata,
}

/// Who wrote the rules for a kind's content.
#[derive(Clone, Debug)]
pub enum Nature {
    /// Kubernetes itself: defaults and checks are in `admission`.
    BuiltIn,
    /// A definition with this schema; strategic merge patches are refused.
    Custom(Arc<Schema>),
}

/// Where `…/scale` finds its values, as member names from the object down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// The wanted count.
    pub spec_replicas: Vec<String>,
    /// The counted one.
    pub status_replicas: Vec<String>,
    /// The selector as text.
    pub selector: Vec<String>,
}

/// A column of `kubectl get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `date`, ….
    pub kind: String,
    /// 0 is always shown, 1 with `-o wide`.
    pub priority: i64,
    /// Where the value is, such as `.spec.replicas`.
    pub json_path: String,
}

/// One kind of object.
#[derive(Clone, Debug)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: String,
    /// Version within the group.
    pub version: String,
    /// Kind, such as `Pod`.
    pub kind: String,
    /// Lower-case plural of the REST path.
    pub plural: String,
    /// Lower-case singular, which `kubectl` takes as well.
    pub singular: String,
    /// Short names, which `kubectl` takes as well.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Where its objects live.
    pub scope: Scope,
    /// Whether status is written apart.
    pub status: StatusWrites,
    /// The scale subresource, if there is one.
    pub scale: Option<ScalePaths>,
    /// What raises the generation.
    pub generation: Generation,
    /// Whose rules it follows.
    pub nature: Nature,
    /// Columns of a definition; empty for built-in kinds, whose columns are in `table`.
    pub columns: Vec<Column>,
}

impl Kind {
    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `plural.group`, as error messages name it.
    pub fn resource_name(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether it is a custom resource.
    pub fn is_custom(&self) -> bool {
        match &self.nature {
            Nature::BuiltIn => false,
            Nature::Custom(_) => true,
        }
    }
}

/// All kinds that are served.
#[derive(Clone, Debug)]
pub struct Kinds {
    kinds: Vec<Arc<Kind>>,
}

/// What every model cluster starts with: read once per process.
static STANDARD: LazyLock<Arc<Kinds>> = LazyLock::new(|| Arc::new(Kinds::read_standard()));

/// Our own definitions, in the order of the constants above.
const OURS: [&str; 5] = [
    include_str!("../../../../deploy/crds/rollouts.yaml"),
    include_str!("../../../../deploy/crds/analysisruns.yaml"),
    include_str!("../../../../deploy/crds/analysistemplates.yaml"),
    include_str!("../../../../deploy/crds/clusteranalysistemplates.yaml"),
    include_str!("../../../../deploy/crds/experiments.yaml"),
];

/// The built-in kinds, in the order of the constants above:
/// group/version, kind, plural, short names, scope, status, generation.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Scope,
    StatusWrites,
    Generation,
);

const BUILT_IN: [Row; 24] = {
    use Generation::{None, Spec};
    use Scope::{Cluster, Namespaced};
    use StatusWrites::{Apart, Together};
    [
        (
            "apps/v1",
            "ReplicaSet",
            "replicasets",
            "rs",
            Namespaced,
            Apart,
            Spec,
        ),
        ("v1", "Pod", "pods", "po", Namespaced, Apart, Spec),
        ("v1", "Service", "services", "svc", Namespaced, Apart, None),
        (
            "v1",
            "Endpoints",
            "endpoints",
            "ep",
            Namespaced,
            Together,
            None,
        ),
        (
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "endpointslices",
            "",
            Namespaced,
            Together,
            Spec,
        ),
        (
            "networking.k8s.io/v1",
            "Ingress",
            "ingresses",
            "ing",
            Namespaced,
            Apart,
            Spec,
        ),
        ("v1", "Event", "events", "ev", Namespaced, Together, None),
        ("v1", "Namespace", "namespaces", "ns", Cluster, Apart, None),
        ("v1", "Node", "nodes", "no", Cluster, Apart, None),
        (
            "v1",
            "ConfigMap",
            "configmaps",
            "cm",
            Namespaced,
            Together,
            None,
        ),
        ("v1", "Secret", "secrets", "", Namespaced, Together, None),
        (
            "v1",
            "ServiceAccount",
            "serviceaccounts",
            "sa",
            Namespaced,
            Together,
            None,
        ),
        ("batch/v1", "Job", "jobs", "", Namespaced, Apart, Spec),
        (
            "coordination.k8s.io/v1",
            "Lease",
            "leases",
            "",
            Namespaced,
            Together,
            None,
        ),
        (
            "apps/v1",
            "Deployment",
            "deployments",
            "deploy",
            Namespaced,
            Apart,
            Spec,
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            "crd,crds",
            Cluster,
            Apart,
            Spec,
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            "hpa",
            Namespaced,
            Apart,
            None,
        ),
        (
            "policy/v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            "pdb",
            Namespaced,
            Apart,
            Spec,
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "clusterroles",
            "",
            Cluster,
            Together,
            None,
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "clusterrolebindings",
            "",
            Cluster,
            Together,
            None,
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "Role",
            "roles",
            "",
            Namespaced,
            Together,
            None,
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "rolebindings",
            "",
            Namespaced,
            Together,
            None,
        ),
        (
            "networking.k8s.io/v1",
            "IngressClass",
            "ingressclasses",
            "",
            Cluster,
            Together,
            Spec,
        ),
        (
            "v1",
            "PodTemplate",
            "podtemplates",
            "",
            Namespaced,
            Together,
            Generation::AllButMetadata,
        ),
    ]
};

impl Kinds {
    /// What every model cluster starts with.
    pub fn standard() -> Arc<Self> {
        Arc::clone(&STANDARD)
    }

    fn read_standard() -> Self {
        let mut kinds = Self { kinds: Vec::new() };
        for text in OURS {
            let definition: Value =
                serde_saphyr::from_str(text).expect("the shipped definitions are YAML");
            kinds
                .define(&definition)
                .expect("the shipped definitions define a kind each");
        }
        kinds
            .kinds
            .extend(BUILT_IN.iter().map(|row| Arc::new(built_in::built_in(row))));
        kinds
    }

    /// Adds the kind of a `CustomResourceDefinition`, or changes the one of that name. Tells which.
    ///
    /// # Errors
    /// When it serves no version or its schema cannot be read; the sentence names the field.
    pub fn define(&mut self, definition: &Value) -> Result<KindId, String> {
        let kind = super::definitions::read(definition)?;
        let place = self
            .kinds
            .iter()
            .position(|known| known.group == kind.group && known.plural == kind.plural);
        if let Some(place) = place {
            self.kinds[place] = Arc::new(kind);
            Ok(KindId(place))
        } else {
            self.kinds.push(Arc::new(kind));
            Ok(KindId(self.kinds.len() - 1))
        }
    }

    /// The kind of this id.
    pub fn get(&self, id: KindId) -> &Arc<Kind> {
        &self.kinds[id.0]
    }

    /// Every kind with its id, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (KindId, &Arc<Kind>)> {
        self.kinds
            .iter()
            .enumerate()
            .map(|(place, kind)| (KindId(place), kind))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// The kind that a REST path names.
    pub fn of_path(&self, group: &str, version: &str, plural: &str) -> Option<KindId> {
        self.iter()
            .find(|(_, kind)| {
                kind.plural == plural && kind.group == group && kind.version == version
            })
            .map(|(id, _)| id)
    }

    /// The kind that an object or an owner reference names.
    pub fn of_kind(&self, api_version: &str, name: &str) -> Option<KindId> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.iter()
            .find(|(_, kind)| kind.kind == name && kind.group == group && kind.version == version)
            .map(|(id, _)| id)
    }
}

impl KindId {
    /// The id of a kind that is defined after those of every model cluster.
    pub(super) const fn beyond_standard(number: usize) -> Self {
        Self(OURS.len() + BUILT_IN.len() + number)
    }

    /// Its place in the table of kinds, for fingerprints.
    pub(crate) fn number(self) -> u64 {
        u64::try_from(self.0).unwrap_or(u64::MAX)
    }

    /// The index into tables that hold one entry per kind.
    pub(super) fn place(self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_name_the_kinds_they_say() {
        let kinds = Kinds::standard();
        for (id, plural) in [
            (ROLLOUTS, "rollouts"),
            (ANALYSIS_RUNS, "analysisruns"),
            (ANALYSIS_TEMPLATES, "analysistemplates"),
            (CLUSTER_ANALYSIS_TEMPLATES, "clusteranalysistemplates"),
            (EXPERIMENTS, "experiments"),
            (REPLICA_SETS, "replicasets"),
            (PODS, "pods"),
            (SERVICES, "services"),
            (ENDPOINTS, "endpoints"),
            (ENDPOINT_SLICES, "endpointslices"),
            (INGRESSES, "ingresses"),
            (EVENTS, "events"),
            (NAMESPACES, "namespaces"),
            (NODES, "nodes"),
            (CONFIG_MAPS, "configmaps"),
            (SECRETS, "secrets"),
            (SERVICE_ACCOUNTS, "serviceaccounts"),
            (JOBS, "jobs"),
            (LEASES, "leases"),
            (DEPLOYMENTS, "deployments"),
            (DEFINITIONS, "customresourcedefinitions"),
            (AUTOSCALERS, "horizontalpodautoscalers"),
            (POD_TEMPLATES, "podtemplates"),
            (DISRUPTION_BUDGETS, "poddisruptionbudgets"),
        ] {
            assert_eq!(kinds.get(id).plural, plural);
        }
    }

    #[test]
    fn only_the_rollout_among_ours_has_a_status_of_its_own() {
        let kinds = Kinds::standard();
        assert_eq!(kinds.get(ROLLOUTS).status, StatusWrites::Apart);
        assert!(kinds.get(ROLLOUTS).scale.is_some());
        for id in [ANALYSIS_RUNS, ANALYSIS_TEMPLATES, EXPERIMENTS] {
            assert_eq!(kinds.get(id).status, StatusWrites::Together);
        }
    }
}
