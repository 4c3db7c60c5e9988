//! Broken controllers that skip what an update waits for, and are seen to.

use super::*;

#[test]
fn a_canary_that_leads_to_the_wrong_service_is_seen() {
    check(
        |cluster, write| {
            let weighs = write.target.resource == INGRESSES && write.verb == Verb::Patch;
            let service = json!({"name": "web-stable", "port": {"number": 80}});
            let path = json!({"path": "/", "pathType": "Prefix", "backend": {"service": service}});
            let rule = json!({"host": "web.example", "http": {"paths": [path]}});
            let body = json!({"spec": {"rules": [rule]}});
            weighs.then(|| patch(cluster, (INGRESSES, "web-web-canary"), body))?
        },
        "S1-2",
    );
}

#[test]
fn a_weight_that_rises_while_paused_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| weigh(cluster, "26"))?,
        "S1-7",
    );
}

#[test]
fn steps_for_what_is_stable_already_are_seen() {
    let story = "
about: What broken controllers break on the way back.
rollout: { steps: [{ setWeight: 25 }, { pause: {} }] }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused, user: set image v1 }
ends: Healthy v1
";
    check_in(
        story,
        |cluster, write| {
            let status = status(cluster);
            let returns = !status["stableRS"].is_null()
                && write.body["status"]["currentPodHash"] == status["stableRS"];
            let mut write = write.clone();
            write.body["status"]["currentStepIndex"] = json!(0);
            returns.then_some(write)
        },
        "S1-11",
    );
}

#[test]
fn a_collision_with_itself_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"collisionCount": 1})))?,
        "S2-9",
    );
}

#[test]
fn a_step_index_that_leaps_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 3})))?,
        "S1-1",
    );
}

#[test]
fn a_new_version_that_leaps_as_if_it_were_an_old_one_is_seen() {
    check_in(
        &STORY.replace(
            "router: nginx,",
            "router: nginx, spec: { rollbackWindow: { revisions: 3 } },",
        ),
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 4})))?,
        "S1-1",
    );
}

#[test]
fn a_step_index_that_goes_back_is_seen() {
    check_in(
        JUDGED,
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 0})))?,
        "S1-1",
    );
}

#[test]
fn a_step_index_past_the_end_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let ended = status(cluster)["currentStepIndex"] == 4;
            (ended && write.verb == Verb::PatchStatus)
                .then(|| note(cluster, &json!({"currentStepIndex": 5})))?
        },
        "S1-1",
    );
}

#[test]
fn a_timed_pause_that_ends_early_is_seen() {
    // Something to write for while it pauses.
    let story = JUDGED.replace("ends:", "  - { when: Paused 1, user: scale 8 }\nends:");
    check_in(
        &story,
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 2})))?,
        "S1-2: step 1 is left: 1s of a pause of 30s",
    );
}

#[test]
fn an_analysis_that_nobody_waited_for_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let measures = status(cluster)["currentStepIndex"] == 2;
            (measures && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({"currentStepIndex": 3})))?
        },
        "S1-2: step 2 is left: no AnalysisRun",
    );
}

#[test]
fn a_weight_without_its_pods_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let begun = status(cluster)["currentStepIndex"] == 0;
            let scales = write.target.resource == REPLICA_SETS && write.verb == Verb::Patch;
            (begun && !scales && write.verb == Verb::PatchStatus)
                .then(|| note(cluster, &json!({"currentStepIndex": 1})))?
        },
        "S1-2: step 0 is left",
    );
}

#[test]
fn a_pause_that_nobody_ended_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 2})))?,
        "S1-2",
    );
}

#[test]
fn a_weight_that_is_not_declared_is_seen() {
    check(
        |cluster, write| {
            let begun = status(cluster)["currentStepIndex"] == 0;
            let weighs = write.target.resource == INGRESSES && write.verb == Verb::Patch;
            (begun && weighs).then(|| weigh(cluster, "24"))?
        },
        "S1-2",
    );
}

#[test]
fn a_promotion_while_paused_is_seen() {
    check(
        |cluster, _| {
            let new = status(cluster)["currentPodHash"].clone();
            pauses(cluster).then(|| note(cluster, &json!({ "stableRS": new })))?
        },
        "S1-7",
    );
}

#[test]
fn a_promotion_on_the_way_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let status = status(cluster);
            let begun =
                status["currentStepIndex"] == 0 && status["stableRS"] != status["currentPodHash"];
            let new = status["currentPodHash"].clone();
            (begun && write.verb == Verb::PatchStatus)
                .then(|| note(cluster, &json!({ "stableRS": new })))?
        },
        "S1-3",
    );
}

#[test]
fn a_promotion_without_pods_is_seen() {
    check_in(
        &STORY.replace("user: abort", "user: promote --full"),
        |cluster, write| {
            let status = status(cluster);
            let asked = status["promoteFull"] == true;
            let new = status["currentPodHash"].clone();
            (asked && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({ "stableRS": new })))?
        },
        "S1-22: a version is promoted with 1 of 4 pods",
    );
}

#[test]
fn a_full_promotion_without_an_end_is_seen() {
    check_in(
        &STORY.replace("user: abort", "user: promote --full"),
        |_, write| {
            let mut kept = write.clone();
            kept.body["status"].as_object_mut()?.remove("promoteFull")?;
            Some(kept)
        },
        "S1-22: a full promotion goes on",
    );
}

#[test]
fn an_analysis_of_an_earlier_attempt_is_seen_to_be_one() {
    let again = "  - { when: Paused 1 }\n  - { after: 70s, user: abort }\n  - { after: 30s, user: retry }\nends:";
    let story = JUDGED
        .replace("{ setWeight: 50 }]", "{ setWeight: 50 }, { pause: {} }]")
        .replace("ends:", again);
    check_in(
        &story,
        |cluster, write| {
            let second = cluster
                .in_namespace(kinds::ANALYSIS_RUNS, Some(NAMESPACE))
                .any(|run| run["status"]["phase"] == "Successful");
            let measures = status(cluster)["currentStepIndex"] == 2;
            (second && measures && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({"currentStepIndex": 3})))?
        },
        "S1-2: step 2 is left: no AnalysisRun",
    );
}

/// The story of an analysis that comes to this verdict.
fn judged_as(says: &str) -> String {
    JUDGED
        .replace("says: 1", &format!("says: {says}"))
        .replace(
            "successCondition: 'result[0] >= 0.99'",
            "initialDelay: 5s, successCondition: 'result[0] >= 0.99', failureCondition: 'result[0] < 0.9'",
        )
}

/// Whether an AnalysisRun has this phase.
fn is_judged(cluster: &Cluster, phase: &str) -> bool {
    let mut runs = cluster.in_namespace(kinds::ANALYSIS_RUNS, Some(NAMESPACE));
    runs.any(|run| run["status"]["phase"] == phase)
}

#[test]
fn an_update_that_outlives_a_failed_analysis_is_seen() {
    check_in(
        &judged_as("0"),
        |cluster, write| {
            (is_judged(cluster, "Failed") && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({"currentStepIndex": 3})))?
        },
        "S1-5",
    );
}

#[test]
fn an_update_that_does_not_wait_for_a_verdict_is_seen() {
    check_in(
        &judged_as("0.95"),
        |cluster, write| {
            (is_judged(cluster, "Inconclusive") && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({"currentStepIndex": 3})))?
        },
        "S1-6",
    );
}

#[test]
fn an_abort_that_is_taken_back_is_seen() {
    check(
        |cluster, write| {
            let aborted = status(cluster)["abort"] == true;
            (aborted && write.target.resource == ROLLOUTS)
                .then(|| note(cluster, &json!({"abort": false})))?
        },
        "S1-9: the abort is taken back",
    );
}

#[test]
fn an_abort_without_a_reason_is_seen() {
    check_in(
        &STORY.replace("at: 30s, user: abort", "when: Paused 1, user: scale 5"),
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"abort": true})))?,
        "S1-9: the controller aborts without",
    );
}

#[test]
fn a_new_version_that_keeps_the_old_pause_is_seen() {
    check_in(
        &STORY.replace("user: abort", "user: set image v3"),
        |_, write| {
            let mut kept = write.clone();
            let status = kept.body["status"].as_object_mut()?;
            status.get("currentPodHash")?;
            status.remove("pauseConditions")?;
            Some(kept)
        },
        "S1-10",
    );
}

#[test]
fn a_step_index_behind_the_steps_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"currentStepIndex": 9})))?,
        "S1-12",
    );
}

#[test]
fn a_deadline_that_passes_early_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let status = status(cluster);
            let begun =
                status["currentStepIndex"] == 0 && status["stableRS"] != status["currentPodHash"];
            let mut conditions = status["conditions"].clone();
            let progressing = conditions
                .as_array_mut()?
                .iter_mut()
                .find(|condition| condition["type"] == "Progressing")?;
            progressing["reason"] = json!("ProgressDeadlineExceeded");
            (begun && write.verb == Verb::PatchStatus)
                .then(|| note(cluster, &json!({ "conditions": conditions })))?
        },
        "S1-21",
    );
}

#[test]
fn an_aborted_version_that_grows_is_seen() {
    check(
        |cluster, write| {
            let aborted = status(cluster)["abort"] == true;
            (aborted && write.target.resource == ROLLOUTS)
                .then(|| scale(cluster, "currentPodHash", 3))?
        },
        "S1-23: the aborted",
    );
}

#[test]
fn a_status_that_loses_a_field_is_seen() {
    check(
        |cluster, _| pauses(cluster).then(|| note(cluster, &json!({"selector": null})))?,
        "S1-23: status.selector",
    );
}

#[test]
fn a_status_that_forgets_its_analysis_is_seen() {
    check_in(
        JUDGED,
        |cluster, write| {
            let status = status(cluster);
            let path = ["canary", "currentStepAnalysisRunStatus", "name"];
            let judged = !fields::text(status, &path).is_empty();
            let none = json!({"canary": {"currentStepAnalysisRunStatus": null}});
            (judged && write.target.resource == ROLLOUTS).then(|| note(cluster, &none))?
        },
        "S1-23: status.canary.currentStepAnalysisRunStatus",
    );
}

#[test]
fn a_new_version_that_keeps_the_old_message_is_seen() {
    check_in(
        &STORY.replace("user: abort", "user: set image v3"),
        |_, write| {
            let mut kept = write.clone();
            let status = kept.body["status"].as_object_mut()?;
            status.get("currentPodHash")?;
            status.remove("message")?;
            Some(kept)
        },
        "S1-10: a new version begins with the old message",
    );
}

#[test]
fn an_old_version_that_comes_back_with_its_old_revision_is_seen() {
    check_in(
        &STORY.replace("user: abort", "user: set image v1"),
        |_, write| {
            let mut kept = write.clone();
            let notes = kept.body["metadata"]["annotations"].as_object_mut()?;
            let patched = write.verb == Verb::Patch && write.target.resource == REPLICA_SETS;
            notes.remove(labels::REVISION).filter(|_| patched)?;
            Some(kept)
        },
        "S1-13: the new version has revision 1",
    );
}
