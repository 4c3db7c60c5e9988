//! Doors: one file writes to the cluster, one calls the outside, and decisions see no wire objects.

use super::{Complaints, File};

const SHELL: &str = "crates/tidegate-controller/src/";
const CORE: &str = "crates/tidegate-core/src/";

/// Signs of a request that changes something.
const WRITING: [&str; 9] = [
    "Method::POST",
    "Method::PUT",
    "Method::PATCH",
    "Method::DELETE",
    "Request::post",
    "Request::put",
    "Request::patch",
    "Request::delete",
    "Api::<",
];

/// Signs of an HTTP client.
const CALLING: [&str; 3] = ["reqwest", "hyper::", "ureq"];

/// Where ReplicaSets, pods and Services may be seen as they are on the wire: before the snapshot, where manifests are
/// judged, and where people look. (Whole Rollouts are handed further, because the next status and what
/// children inherit are made of them.) Services that no Rollout names yet, or any more, are in no snapshot.
const WIRE: [&str; 8] = [
    "observed.rs",
    "rollout.rs",
    "rollout/release.rs",
    "experiment/parse.rs",
    "rollout/parse.rs",
    "rollout/pods.rs",
    "rollout/validate",
    "view",
];

/// Signs of such an object, also in the middle of a list of imports.
const OBJECTS: [&str; 6] = [
    "tidegate_api::workload",
    "workload::{",
    "workload::ReplicaSet",
    "workload::Service",
    "workload::Pod",
    "workload::Con",
];

/// Only `apply.rs` writes to the cluster.
pub(super) fn writes(files: &[File]) -> Complaints {
    only(files, SHELL, &["apply.rs"], &WRITING)
}

/// Only `ask.rs` calls the outside, and no other room of the product but the command line has a client.
pub(super) fn calls(files: &[File]) -> Complaints {
    only(files, SHELL, &["ask.rs"], &CALLING)
}

/// Behind the snapshot nobody sees ReplicaSets and Services as they are on the wire.
pub(super) fn wire(files: &[File]) -> Complaints {
    only(files, CORE, &WIRE, &OBJECTS)
}

fn only(files: &[File], room: &str, doors: &[&str], signs: &[&str]) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() && !file.path.ends_with("/tests.rs"))
    {
        let Some(inside) = file.path.strip_prefix(room) else {
            continue;
        };
        if doors.iter().any(|door| inside.starts_with(door)) {
            continue;
        }
        for (number, line) in file.code() {
            if let Some(sign) = signs.iter().find(|sign| line.contains(**sign)) {
                complaints.push(format!(
                    "{}:{number}: `{sign}` belongs in {}",
                    file.path,
                    doors.join(", ")
                ));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{super::one, *};

    #[test]
    fn a_write_beside_the_door_is_told() {
        let line = "    let request = Request::builder().method(Method::PATCH);\n";
        assert_eq!(
            writes(&one("crates/tidegate-controller/src/run.rs", line)).len(),
            1
        );
        assert!(writes(&one("crates/tidegate-controller/src/apply.rs", line)).is_empty());
    }

    #[test]
    fn a_client_beside_the_door_is_told() {
        let line = "use reqwest::Client;\n";
        assert_eq!(
            calls(&one("crates/tidegate-controller/src/run.rs", line)).len(),
            1
        );
        assert!(calls(&one("crates/tidegate-controller/src/ask.rs", line)).is_empty());
    }

    #[test]
    fn a_wire_object_behind_the_snapshot_is_told() {
        let line = "use tidegate_api::workload::ReplicaSet;\n";
        assert_eq!(
            wire(&one("crates/tidegate-core/src/rollout/canary.rs", line)).len(),
            1
        );
        assert!(wire(&one("crates/tidegate-core/src/rollout/parse.rs", line)).is_empty());
        let line = "    workload::Service,\n";
        assert_eq!(
            wire(&one("crates/tidegate-core/src/rollout/canary.rs", line)).len(),
            1
        );
    }
}
