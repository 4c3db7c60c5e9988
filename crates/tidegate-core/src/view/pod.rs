//! Pods in the tree; their status reads as kubectl's does. Keeps CLI-108.

use jiff::Timestamp;
use tidegate_api::workload::{ContainerStatus, ContainerTerminated, Pod};

use super::{Icon, Info, Kind, Mark, Node, age, is_owned_by};

/// The pods of the owner with this uid, oldest first.
pub(super) fn views(replica_set: &str, pods: &[Pod], now: Timestamp) -> Vec<Node> {
    let mut owned: Vec<&Pod> = pods
        .iter()
        .filter(|pod| is_owned_by(&pod.metadata, replica_set))
        .collect();
    owned.sort_by_key(|pod| (pod.metadata.creation_timestamp, pod.metadata.name.as_str()));
    owned.into_iter().map(|pod| view(pod, now)).collect()
}

fn view(pod: &Pod, now: Timestamp) -> Node {
    let report = report(pod);
    let total = pod.spec.containers.len();
    let mut info = vec![Info::Text(format!("ready:{}/{total}", report.ready))];
    if report.restarts > 0 {
        info.push(Info::Text(format!("restarts:{}", report.restarts)));
    }
    Node {
        kind: Kind::Pod,
        name: pod.metadata.name.clone(),
        status: Some(Mark {
            icon: icon(&report.word),
            text: report.word,
        }),
        age: age(pod.metadata.creation_timestamp, now),
        info,
        children: Vec::new(),
    }
}

/// One word for a pod, and two counts.
struct Report {
    word: String,
    ready: usize,
    restarts: i32,
}

fn report(pod: &Pod) -> Report {
    let status = &pod.status;
    let word = if status.reason.is_empty() {
        &status.phase
    } else {
        &status.reason
    };
    let mut report = initialising(pod).unwrap_or_else(|| serving(pod, word));
    if pod.metadata.deletion_timestamp.is_some() {
        let lost = status.reason == "NodeLost";
        let word = if lost { "Unknown" } else { "Terminating" };
        word.clone_into(&mut report.word);
    }
    report
}

/// The first init container that is not through, if there is one.
fn initialising(pod: &Pod) -> Option<Report> {
    let mut restarts: i32 = 0;
    for (index, container) in pod.status.init_container_statuses.iter().enumerate() {
        restarts = restarts.saturating_add(container.restart_count);
        let state = &container.state;
        let word = match (&state.terminated, &state.waiting) {
            (Some(ended), _) if ended.exit_code == 0 => continue,
            (Some(ended), _) => ending(ended),
            (None, _) if is_sidecar(pod, container) && state.running.is_some() => {
                if container.ready {
                    continue;
                }
                // A sidecar that runs and is not ready ends the search without a word of its own.
                return None;
            }
            (None, Some(waiting))
                if !waiting.reason.is_empty() && waiting.reason != "PodInitializing" =>
            {
                waiting.reason.clone()
            }
            (None, _) => format!("{index}/{}", pod.spec.init_containers.len()),
        };
        return Some(Report {
            word: format!("Init:{word}"),
            ready: 0,
            restarts,
        });
    }
    None
}

fn is_sidecar(pod: &Pod, container: &ContainerStatus) -> bool {
    pod.spec
        .init_containers
        .iter()
        .any(|init| init.name == container.name && init.restart_policy == "Always")
}

fn serving(pod: &Pod, word: &str) -> Report {
    let mut report = Report {
        word: word.to_owned(),
        ready: 0,
        restarts: 0,
    };
    for container in pod.status.container_statuses.iter().rev() {
        report.restarts = report.restarts.saturating_add(container.restart_count);
        let state = &container.state;
        let waiting = state.waiting.as_ref().map(|waiting| &waiting.reason);
        if let Some(reason) = waiting.filter(|reason| !reason.is_empty()) {
            report.word.clone_from(reason);
        } else if let Some(ended) = &state.terminated {
            report.word = ending(ended);
        } else if container.ready && state.running.is_some() {
            report.ready += 1;
        }
    }
    if report.word == "Completed" && report.ready > 0 {
        "Running".clone_into(&mut report.word);
    }
    report
}

fn ending(ended: &ContainerTerminated) -> String {
    if !ended.reason.is_empty() {
        return ended.reason.clone();
    }
    if ended.signal == 0 {
        format!("ExitCode:{}", ended.exit_code)
    } else {
        format!("Signal:{}", ended.signal)
    }
}

fn icon(word: &str) -> Icon {
    if word.starts_with("Init:") {
        return Icon::Progressing;
    }
    if word.starts_with("Signal:") || word.starts_with("ExitCode:") {
        return Icon::Bad;
    }
    if word.ends_with("Error") || word.starts_with("Err") {
        return Icon::Warning;
    }
    match word {
        "Pending" | "Terminating" | "ContainerCreating" => Icon::Progressing,
        "Running" | "Completed" => Icon::Ok,
        "Failed" | "InvalidImageName" | "CrashLoopBackOff" => Icon::Bad,
        "ImagePullBackOff" | "RegistryUnavailable" => Icon::Warning,
        "Unknown" => Icon::Unknown,
        _ => Icon::None,
    }
}
