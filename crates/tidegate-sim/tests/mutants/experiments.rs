//! Broken controllers that carry an Experiment out wrongly, and are seen to.

use tidegate_core::plan::EXPERIMENTS;

use super::*;

/// One version for a while; a Service of somebody else is there.
const TRIED: &str = "
about: What broken controllers break of an Experiment.
experiment: { templates: [{ name: a }], spec: { duration: 30s } }
objects:
  - apiVersion: v1
    kind: Service
    metadata: { name: taken }
    spec: { selector: { app: other }, ports: [{ port: 80 }] }
ends: Successful
";

/// A person ends it; its pods stay for their delay.
const ENDED: &str = "
about: What broken controllers break of an Experiment that a person ends.
experiment: { templates: [{ name: a }], spec: { scaleDownDelaySeconds: 60 } }
story:
  - { when: Running, user: terminate experiment }
ends: Successful
";

/// Nothing may be made of it.
const INVALID: &str = "
about: What broken controllers break of an Experiment that is invalid.
experiment: { templates: [{ name: '' }] }
ends: InvalidSpec
";

#[test]
fn an_experiment_that_writes_what_is_not_its_own_is_seen() {
    check_in(
        TRIED,
        |cluster, write| {
            (write.target.resource == REPLICA_SETS && write.verb == Verb::Patch).then(|| {
                let note = json!({"metadata": {"annotations": {"a": "b"}}});
                patch(cluster, (SERVICES, "taken"), note)
            })?
        },
        "S2-1",
    );
}

#[test]
fn an_experiment_that_outlasts_its_duration_is_seen() {
    check_without(TRIED, Lacks::Wakes, "L-5: a still runs");
}

#[test]
fn pods_that_outlast_their_deadline_are_seen() {
    check_without(
        ENDED,
        Lacks::Wakes,
        "L-5: try-a is there after its deadline",
    );
    check_without(ENDED, Lacks::Wakes, "L-4: the Experiment is over");
}

#[test]
fn pods_of_an_invalid_experiment_are_seen() {
    check_in(
        INVALID,
        |_, write| {
            (write.target.resource == EXPERIMENTS).then(|| Write {
                verb: Verb::Create,
                target: ObjectKey::new(SECRETS, NAMESPACE, "more"),
                guard: Guard::Absent,
                body: json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "more"}}),
                ..write.clone()
            })
        },
        "S0-19",
    );
}
