//! Broken controllers that write what is not theirs, or without need, and are seen to.

use super::*;

#[test]
fn a_write_to_what_is_not_ours_is_seen() {
    check(
        |cluster, write| {
            pauses(cluster).then(|| Write {
                target: ObjectKey::new(SECRETS, NAMESPACE, "somebody-elses"),
                ..write.clone()
            })
        },
        "S2-1",
    );
}

#[test]
fn what_is_made_for_nobody_is_seen() {
    check(
        |_, write| {
            let mut lost = write.clone();
            let metadata = lost.body["metadata"].as_object_mut()?;
            metadata.remove("ownerReferences")?;
            Some(lost)
        },
        "S2-1",
    );
}

#[test]
fn a_service_that_nobody_named_is_seen() {
    let other = "
objects:
  - { apiVersion: v1, kind: Service, metadata: { name: other }, spec: { selector: { app: web }, ports: [{ port: 80 }] } }
story:";
    check_in(
        &STORY.replace("story:", other),
        |cluster, _| {
            let note = json!({"metadata": {"annotations": {"note": "none"}}});
            pauses(cluster).then(|| patch(cluster, (SERVICES, "other"), note))?
        },
        "S2-1",
    );
}

#[test]
fn a_write_without_a_guard_is_seen() {
    check(
        |_, write| {
            (write.verb == Verb::Patch).then(|| Write {
                guard: Guard::Absent,
                ..write.clone()
            })
        },
        "S2-2",
    );
}

#[test]
fn a_write_that_changes_nothing_is_seen() {
    check(
        |cluster, _| {
            pauses(cluster).then(|| patch(cluster, (SERVICES, "web-stable"), json!({})))?
        },
        "H-1",
    );
}

#[test]
fn a_controller_that_spins_is_seen() {
    check(
        |cluster, write| {
            let version = cluster.version().to_string();
            (write.target.resource == ROLLOUTS && pauses(cluster))
                .then(|| note(cluster, &json!({ "message": version })))?
        },
        "H-4",
    );
}

#[test]
fn a_controller_that_does_not_wait_for_its_own_writes_is_seen() {
    let faults = Faults {
        cuts: &[],
        lags: &[1],
        losses: Losses::None,
    };
    let broken = Broken {
        tamper: None,
        lacks: Some(Lacks::Ledger),
    };
    check_swept(STORY, &faults, broken, "S2-3");
}

/// A guard that is made when the write is sent, not when it is decided.
fn late_guard(cluster: &Cluster, write: &Write) -> Option<Write> {
    let fresh = patch(
        cluster,
        (write.target.resource.clone(), &write.target.name),
        Value::Null,
    )?;
    (write.verb != Verb::Create).then(|| Write {
        guard: fresh.guard,
        ..write.clone()
    })
}

/// Every watch lags behind for as long as it may.
const BLIND: Faults<'_> = Faults {
    cuts: &[],
    lags: &[usize::MAX],
    losses: Losses::None,
};

#[test]
fn an_object_that_took_anothers_place_is_seen() {
    let service = "apiVersion: v1, kind: Service, metadata: { name: web-canary }, spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }";
    let swap = format!(
        "  - {{ when: Paused 1, user: scale 5 }}\n  - {{ after: 1s, user: {{ delete: Service web-canary }} }}\n  - {{ user: {{ apply: {{ {service} }} }} }}\n  - {{ user: abort }}\nends:"
    );
    let story = STORY
        .replace("  - { at: 30s, user: abort }\n", "")
        .replace("ends:", &swap);
    let broken = Broken {
        tamper: Some(late_guard),
        lacks: None,
    };
    check_swept(&story, &BLIND, broken, "S2-4");
}

/// A person ends a pause, and just then pods fall ill, so that there is something to write.
const RESUMED: &str = "
about: What broken controllers break of a person's word.
rollout: { router: nginx, steps: [{ setWeight: 25 }, { pause: {} }, { setWeight: 50 }, { pause: {} }] }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused 1, user: promote }
  - { pods: { of: v2, become: unready } }
  - { after: 20s, pods: { of: v2, become: available } }
ends: Paused v1
";

/// A person gives a Deployment another count, just when the Rollout that takes its place is to shrink it.
const MIGRATED: &str = "
about: What broken controllers break of a Deployment's count.
rollout: { replicas: 6, workload: { scaleDown: progressively }, spec: { replicas: 0, minReadySeconds: 5 } }
story:
  - { at: 5s, user: scale 2 }
  - { at: 11s, user: { patch: Deployment web, with: { spec: { replicas: 5 } } } }
  - { at: 15s, user: scale 6 }
ends: Healthy v1
";

/// Plays a story once for each look for work, from which on the watch of a kind stands still.
pub(super) fn play_deaf((story, kind): (&str, kinds::KindId), broken: Broken) -> Vec<String> {
    let scenario = Arc::new(Scenario::read(story).expect("the story can be read"));
    let begin = || {
        let read = |path: &str| -> anyhow::Result<String> { anyhow::bail!("no {path}") };
        World::new(&scenario, Keep::Nothing, read).expect("the story can begin")
    };
    let mut undisturbed = begin();
    undisturbed.run().expect("the story has an end");
    let looks = 0..undisturbed.looks();
    let broken = looks.flat_map(|look| {
        let mut world = begin();
        world.break_controller(broken);
        world.hold_back(look, kind, usize::MAX);
        let _restless = world.run();
        world.violations().to_vec()
    });
    broken.collect()
}

#[test]
fn a_persons_word_that_is_overwritten_is_seen() {
    for told in [(RESUMED, kinds::ROLLOUTS), (MIGRATED, kinds::DEPLOYMENTS)] {
        assert_eq!(play_deaf(told, Broken::default()), Vec::<String>::new());
        let late = Broken {
            tamper: Some(late_guard),
            // A look would tell it.
            lacks: Some(Lacks::Glance),
        };
        let broken = play_deaf(told, late);
        expect(&broken, "S1-8: web is written on version");
    }
}

#[test]
fn a_weight_that_goes_to_and_fro_is_seen() {
    check(
        |cluster, write| {
            let ingress = cluster.get(kinds::INGRESSES, NAMESPACE, "web-web-canary")?;
            let notes = &ingress["metadata"]["annotations"];
            let other = if notes["nginx.ingress.kubernetes.io/canary-weight"] == "25" {
                "20"
            } else {
                "25"
            };
            (write.target.resource == ROLLOUTS && pauses(cluster)).then(|| weigh(cluster, other))?
        },
        "S2-10",
    );
}

#[test]
fn a_phase_that_goes_to_and_fro_is_seen() {
    check(
        |cluster, write| {
            let other = if status(cluster)["phase"] == "Paused" {
                "Progressing"
            } else {
                "Paused"
            };
            (write.target.resource == ROLLOUTS && pauses(cluster))
                .then(|| note(cluster, &json!({ "phase": other })))?
        },
        "S2-10: status.phase",
    );
}

#[test]
fn a_controller_without_patience_is_seen() {
    let broken = Broken {
        tamper: Some(|cluster, write| {
            // Somebody is always faster.
            let mut late = write.clone();
            let pausing = pauses(cluster) && write.verb != Verb::Create;
            late.guard = Guard::Version {
                uid: "1".to_owned(),
                resource_version: "1".to_owned(),
            };
            pausing.then_some(late)
        }),
        lacks: Some(Lacks::Patience),
    };
    expect(&play(STORY, broken), "S2-12");
}

#[test]
fn a_name_that_the_server_makes_up_is_seen() {
    let faults = Faults {
        cuts: &[],
        lags: &[],
        losses: Losses::None,
    };
    let broken = Broken {
        tamper: Some(|_, write| {
            let mut nameless = write.clone();
            let metadata = nameless.body["metadata"].as_object_mut()?;
            let created = write.verb == Verb::Create && write.target.resource == REPLICA_SETS;
            metadata.remove("name");
            metadata.insert("generateName".to_owned(), json!("web-"));
            created.then_some(nameless)
        }),
        lacks: None,
    };
    check_swept(STORY, &faults, broken, "S2-8");
}

/// A watch loses that a person goes on.
const UNHEARD: &str = "
about: What broken controllers break of a word that was lost.
rollout: { router: nginx, steps: [{ setWeight: 25 }, { pause: {} }, { setWeight: 50 }] }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused 1, watch: { loses: Rollout } }
  - { user: promote }
ends: Healthy v2
";

#[test]
fn a_controller_that_never_checks_its_caches_is_seen() {
    assert_eq!(play(UNHEARD, Broken::default()), Vec::<String>::new());
    check_without(UNHEARD, Lacks::Checks, "L-1");
}

/// Who leads sleeps for longer than its Lease lasts, and wakes up with work that is due.
const ASLEEP: &str = "
about: What broken controllers break of a Lease.
contenders: 2
rollout: { router: nginx, steps: [{ setWeight: 25 }, { pause: { duration: 10s } }, { setWeight: 50 }] }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused 1, leader: sleeps 12s }
ends: Healthy v2
";

#[test]
fn a_fence_that_does_not_close_is_seen() {
    assert_eq!(play(ASLEEP, Broken::default()), Vec::<String>::new());
    check_without(ASLEEP, Lacks::Fence, "S2-6");
}
