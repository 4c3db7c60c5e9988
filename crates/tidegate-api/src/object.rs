//! What kinds have in common: how they are called, and their metadata.

use serde::Serialize;
use serde_json::Value;

use crate::{
    analysis::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate},
    experiment::Experiment,
    meta::{ObjectMeta, OwnerReference},
    rollout::Rollout,
    workload::{Pod, ReplicaSet, Service},
};

/// A kind of the API with its names.
pub trait Object: Serialize {
    /// Group and version, such as `argoproj.io/v1alpha1`, or `v1`.
    const API_VERSION: &'static str;
    /// Kind, such as `Rollout`.
    const KIND: &'static str;
    /// Resource, such as `rollouts`.
    const PLURAL: &'static str;

    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// The object as JSON, with `apiVersion` and `kind`.
    fn to_json(&self) -> Value {
        let mut json = serde_json::to_value(self).expect("wire types have text keys only");
        if let Value::Object(members) = &mut json {
            members.insert("apiVersion".to_owned(), Self::API_VERSION.into());
            members.insert("kind".to_owned(), Self::KIND.into());
        }
        json
    }

    /// A reference that makes this object the manager of another.
    fn controller_reference(&self) -> OwnerReference {
        let metadata = self.metadata();
        OwnerReference {
            api_version: Self::API_VERSION.to_owned(),
            kind: Self::KIND.to_owned(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }
}

macro_rules! objects {
    ($($kind:ident, $version:literal, $plural:literal;)*) => { $(
        impl Object for $kind {
            const API_VERSION: &'static str = $version;
            const KIND: &'static str = stringify!($kind);
            const PLURAL: &'static str = $plural;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }
        }
    )* };
}

objects! {
    Rollout, "argoproj.io/v1alpha1", "rollouts";
    AnalysisRun, "argoproj.io/v1alpha1", "analysisruns";
    AnalysisTemplate, "argoproj.io/v1alpha1", "analysistemplates";
    ClusterAnalysisTemplate, "argoproj.io/v1alpha1", "clusteranalysistemplates";
    Experiment, "argoproj.io/v1alpha1", "experiments";
    ReplicaSet, "apps/v1", "replicasets";
    Service, "v1", "services";
    Pod, "v1", "pods";
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_says_what_it_is() {
        let mut rollout = Rollout::default();
        rollout.metadata.name = "door".to_owned();
        rollout.metadata.uid = "u-1".to_owned();
        assert_eq!(
            rollout.to_json(),
            json!({
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Rollout",
                "metadata": {"name": "door", "uid": "u-1"},
                "spec": {"strategy": {}},
                "status": {"canary": {}, "blueGreen": {}},
            })
        );
        let owner = rollout.controller_reference();
        assert_eq!(
            (owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str()),
            ("Rollout", "door", "u-1")
        );
    }
}
