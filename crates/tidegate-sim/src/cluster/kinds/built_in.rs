//! From a row of the table to a kind.

use super::{Kind, Nature, Row, ScalePaths};

/// The kinds that `kubectl get all` shows.
const ALL: [&str; 6] = [
    "Pod",
    "ReplicaSet",
    "Service",
    "Deployment",
    "Job",
    "HorizontalPodAutoscaler",
];

/// The kind that a row describes.
pub(super) fn built_in(row: &Row) -> Kind {
    let (api_version, kind, plural, short_names, scope, status, generation) = *row;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let scale = ["ReplicaSet", "Deployment"]
        .contains(&kind)
        .then(|| ScalePaths {
            spec_replicas: vec!["spec".to_owned(), "replicas".to_owned()],
            status_replicas: vec!["status".to_owned(), "replicas".to_owned()],
            selector: vec!["spec".to_owned(), "selector".to_owned()],
        });
    Kind {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_ascii_lowercase(),
        short_names: short_names
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        categories: if ALL.contains(&kind) {
            vec!["all".to_owned()]
        } else {
            Vec::new()
        },
        scope,
        status,
        scale,
        generation,
        nature: Nature::BuiltIn,
        columns: Vec::new(),
    }
}
