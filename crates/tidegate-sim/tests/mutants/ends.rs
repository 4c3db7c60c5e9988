//! Broken controllers that do not come to the end of the story, and are seen to.

use super::*;

#[test]
fn traffic_that_stays_after_an_abort_is_seen() {
    check(
        |cluster, write| {
            let aborted = status(cluster)["abort"] == true;
            let routes = [SERVICES, INGRESSES].contains(&write.target.resource);
            (aborted && routes).then(|| patch(cluster, (SERVICES, "web-stable"), json!({})))?
        },
        "L-2",
    );
}

#[test]
fn an_end_that_is_not_the_storys_is_seen() {
    let story = STORY.replace("ends: Degraded v1", "ends: Healthy v2");
    let broken = play(&story, Broken::default());
    assert!(
        broken.iter().any(|one| one.starts_with("L-1")),
        "{broken:?}"
    );
}

#[test]
fn an_update_that_never_ends_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let promotes = write.body["status"].get("stableRS").is_some();
            let second = !fields::text(status(cluster), &["stableRS"]).is_empty();
            (promotes && second).then(|| note(cluster, &json!({})))?
        },
        "L-1: it ends Progressing v1",
    );
}

#[test]
fn a_controller_that_claims_to_be_done_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let scales = write.target.resource == REPLICA_SETS && write.verb == Verb::Patch;
            let begun = status(cluster)["currentStepIndex"] == 4;
            (scales && begun).then(|| note(cluster, &json!({"phase": "Healthy"})))?
        },
        "L-1: it is Healthy",
    );
}

#[test]
fn a_crash_that_makes_a_difference_is_seen() {
    // What it writes depends on when the write before was, and so on when it died.
    let tamper: Tamper = |cluster, write| {
        let last = cluster.changes_since(0).ok()?.last()?.at;
        let mut changed = write.clone();
        let points = write.target.resource == SERVICES && write.verb == Verb::Patch;
        changed.body["metadata"]["annotations"]["since"] = json!(last.as_millisecond().to_string());
        points.then_some(changed)
    };
    let broken = Broken {
        tamper: Some(tamper),
        lacks: None,
    };
    let read = |path: &str| -> anyhow::Result<String> { anyhow::bail!("no {path}") };
    let faults = Faults {
        cuts: &[Cut::CrashBefore, Cut::CrashAfter],
        lags: &[],
        losses: Losses::None,
    };
    let equal = sweep_with(STORY, &faults, Broken::default(), read)
        .expect("a good controller ends as it should");
    assert_eq!(equal.cuts, equal.writes * faults.cuts.len());
    let error = sweep_with(STORY, &faults, broken, read).expect_err("it ends otherwise");
    assert!(format!("{error:#}").contains("S2-7"), "{error:#}");
}

#[test]
fn a_controller_that_does_not_hear_is_seen() {
    check_without(STORY, Lacks::Ears, "L-3");
}

#[test]
fn a_controller_that_writes_because_it_has_started_is_seen() {
    check_without(
        STORY,
        Lacks::Rest,
        "S0-18: a controller that starts at rest writes",
    );
}

#[test]
fn a_controller_that_does_not_wait_for_its_lists_is_seen() {
    let crash = "  - { when: Paused 1, controller: crashes }\n  - { at: 30s, user: abort }\n";
    let story = STORY.replace("  - { at: 30s, user: abort }\n", crash);
    assert_eq!(play(&story, Broken::default()), Vec::<String>::new());
    let expected = "is written before every kind was listed";
    let broken = Broken {
        tamper: None,
        lacks: Some(Lacks::Sync),
    };
    let broken = play(&story, broken);
    let seen = |one: &String| one.starts_with("S0-18") && one.ends_with(expected);
    assert!(broken.iter().any(seen), "{broken:?}");
}

#[test]
fn a_controller_that_does_not_wake_is_seen() {
    check_without(JUDGED, Lacks::Wakes, "L-5");
}

#[test]
fn a_preview_that_waits_on_is_seen() {
    let story = COLOURS
        .replace("autoPromotionEnabled: false", "autoPromotionSeconds: 60")
        .replace("  - { when: Paused, user: scale 5 }\n", "")
        .replace("  - { after: 10s, user: promote }\n", "");
    assert_eq!(play(&story, Broken::default()), Vec::<String>::new());
    check_without(&story, Lacks::Wakes, "L-5: a preview");
}

#[test]
fn an_aborted_version_that_stays_is_seen() {
    check_without(STORY, Lacks::Wakes, "L-5: web-");
}

#[test]
fn an_update_that_is_stuck_in_silence_is_seen() {
    let story = "
about: What broken controllers break of an update that is stuck.
rollout: { router: nginx, steps: [{ setWeight: 25 }], spec: { progressDeadlineSeconds: 60 } }
story:
  - { pods: { of: v2, become: pending } }
  - { when: Healthy, user: set image v2 }
ends: Degraded v1
";
    assert_eq!(play(story, Broken::default()), Vec::<String>::new());
    check_without(story, Lacks::Wakes, "L-5: the progress deadline");
}

#[test]
fn a_restart_that_never_begins_is_seen() {
    let story = "
about: What broken controllers break of a restart.
rollout: { steps: [{ setWeight: 25 }] }
story:
  - { when: Healthy, user: restart --in 20s }
ends: Healthy v1
";
    assert_eq!(play(story, Broken::default()), Vec::<String>::new());
    check_without(story, Lacks::Wakes, "L-5: no pod is restarted");
}

#[test]
fn what_is_left_of_a_superseded_version_is_seen() {
    let story = JUDGED.replace("ends:", "  - { when: Paused 1, user: set image v3 }\nends:");
    check_in(
        &story.replace("Healthy v2", "Healthy v3"),
        |cluster, write| {
            let status = status(cluster);
            let used = ["stableRS", "currentPodHash"]
                .map(|member| format!("web-{}", fields::text(status, &[member])));
            let drains = write.target.resource == REPLICA_SETS
                && write.body["spec"]["replicas"] == 0
                && !used.contains(&write.target.name);
            drains.then(|| patch(cluster, (REPLICA_SETS, &write.target.name), json!({})))?
        },
        "L-4",
    );
}
