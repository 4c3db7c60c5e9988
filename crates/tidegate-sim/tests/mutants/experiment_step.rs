//! Broken controllers that lose the traffic of an Experiment, or the Experiment itself, and are seen to.

use tidegate_core::plan::{EXPERIMENTS, VIRTUAL_SERVICES};

use super::*;

/// A step that gives traffic to both versions side by side.
const TRIED: &str = "
about: What broken controllers break of an experiment.
rollout: { router: istio, steps: [{ experiment: { duration: 20s, scaleDownDelaySeconds: 3, templates: [{ name: base, specRef: stable, weight: 5 }, { name: new, specRef: canary, weight: 10 }] } }] }
story:
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

/// The first Experiment.
fn tried(cluster: &Cluster) -> Option<&Value> {
    let mut all = cluster.in_namespace(kinds::EXPERIMENTS, Some(NAMESPACE));
    all.next().map(|one| &**one)
}

/// What its first version's ReplicaSet and Service are called.
fn base(cluster: &Cluster) -> Option<String> {
    Some(format!("{}-base", fields::name(tried(cluster)?)))
}

/// Whether it has traffic.
fn has_traffic(cluster: &Cluster) -> bool {
    let weights = ["canary", "weights", "additional"];
    !fields::list(status(cluster), &weights).is_empty()
}

fn is_over(cluster: &Cluster) -> bool {
    tried(cluster).is_some_and(|one| one["status"]["phase"] == "Successful")
}

#[test]
fn an_unbroken_controller_tries_without_harm() {
    assert_eq!(play(TRIED, Broken::default()), Vec::<String>::new());
}

#[test]
fn pods_that_go_before_their_traffic_are_seen() {
    check_in(
        TRIED,
        |cluster, _| {
            let body = json!({"spec": {"replicas": 0}});
            has_traffic(cluster).then(|| patch(cluster, (REPLICA_SETS, &base(cluster)?), body))?
        },
        "S0-14: ReplicaSet",
    );
}

#[test]
fn a_service_that_goes_before_its_traffic_is_seen() {
    check_in(
        TRIED,
        |cluster, _| {
            let write = patch(cluster, (SERVICES, &base(cluster)?), Value::Null)?;
            has_traffic(cluster).then_some(Write {
                verb: Verb::Delete,
                ..write
            })
        },
        "S0-14: Service",
    );
}

#[test]
fn an_experiment_that_goes_before_its_traffic_is_seen() {
    check_in(
        TRIED,
        |cluster, _| {
            let name = fields::name(tried(cluster)?).to_owned();
            let write = patch(cluster, (EXPERIMENTS, &name), Value::Null)?;
            has_traffic(cluster).then_some(Write {
                verb: Verb::Delete,
                ..write
            })
        },
        "S0-14: Experiment",
    );
}

#[test]
fn traffic_for_an_experiment_without_pods_is_seen() {
    check_in(
        TRIED,
        |cluster, write| {
            let host = base(cluster)?;
            let grows = write.target.resource == REPLICA_SETS && write.target.name == host;
            let to =
                |host: &str, weight: u8| json!({"destination": {"host": host}, "weight": weight});
            let route = json!([to("web-stable", 95), to("web-canary", 0), to(&host, 5)]);
            let body = json!({"spec": {"http": [{"name": "primary", "route": route}]}});
            (grows && write.verb == Verb::Patch)
                .then(|| patch(cluster, (VIRTUAL_SERVICES, "web"), body))?
        },
        "S0-14: Service",
    );
}

#[test]
fn two_experiments_of_one_step_are_seen() {
    check_in(
        TRIED,
        |cluster, write| {
            let one = tried(cluster)?;
            let mut body = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment"});
            let name = format!("{}-1", fields::name(one));
            for member in [
                "name",
                "namespace",
                "labels",
                "annotations",
                "ownerReferences",
            ] {
                body["metadata"][member] = one["metadata"][member].clone();
            }
            body["metadata"]["name"] = json!(name);
            body["spec"] = one["spec"].clone();
            let target = ObjectKey::new(EXPERIMENTS, NAMESPACE, &name);
            let is_new = direct::get(cluster, &target).is_none();
            (is_new && write.target.resource == ROLLOUTS).then(|| Write {
                verb: Verb::Create,
                guard: Guard::Absent,
                target,
                body,
                ..write.clone()
            })
        },
        "S1-14",
    );
}

#[test]
fn an_experiment_whose_name_says_nothing_is_seen() {
    check_in(
        TRIED,
        |_, write| {
            let mut write = write.clone();
            let creates = write.target.resource == EXPERIMENTS && write.verb == Verb::Create;
            "web-any".clone_into(&mut write.target.name);
            write.body["metadata"]["name"] = json!("web-any");
            creates.then_some(write)
        },
        "S1-14",
    );
}

#[test]
fn pods_that_stay_after_an_experiment_are_seen() {
    check_in(
        TRIED,
        |cluster, write| {
            let shrinks = write.body["spec"]["replicas"] == 0;
            let body = json!({"metadata": {"annotations": {"kept": "yes"}}});
            let name = write.target.name.clone();
            (shrinks && is_over(cluster)).then(|| patch(cluster, (REPLICA_SETS, &name), body))?
        },
        "L-8",
    );
}

#[test]
fn an_experiment_that_goes_on_after_its_step_is_seen() {
    let story = TRIED
        .replace("duration: 20s, ", "")
        .replace("ends: ", "  - { after: 15s, user: abort }\nends: ")
        .replace("Healthy v2", "Degraded v1");
    check_in(
        &story,
        |cluster, write| {
            let ends = write.body["spec"]["terminate"] == true;
            ends.then(|| note(cluster, &json!({})))?
        },
        "L-8",
    );
}

#[test]
fn a_step_that_is_left_before_its_experiment_is_over_is_seen() {
    check_in(
        TRIED,
        |cluster, write| {
            let runs = has_traffic(cluster) && !is_over(cluster);
            let tells = write.target.resource == EXPERIMENTS;
            (runs && tells).then(|| note(cluster, &json!({"currentStepIndex": 1})))?
        },
        "S1-2",
    );
}

#[test]
fn a_new_version_that_keeps_the_experiment_of_the_old_one_is_seen() {
    let story = TRIED
        .replace("ends: ", "  - { after: 10s, user: set image v3 }\nends: ")
        .replace("Healthy v2", "Healthy v3");
    check_in(
        &story,
        |_, write| {
            let renews = write.body["status"].get("currentPodHash").is_some();
            let mut write = write.clone();
            let canary = write.body["status"].get_mut("canary")?.as_object_mut()?;
            (canary.remove("currentExperiment").is_some() && renews).then_some(write)
        },
        "S1-10",
    );
}
