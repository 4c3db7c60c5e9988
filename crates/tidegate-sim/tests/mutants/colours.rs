//! Broken controllers that go on with a blue-green update that was not judged, and are seen to.

use super::*;

/// Two colours that are judged before and after the switch, with a while to look at the new one.
const JUDGED_COLOURS: &str = "
about: What broken controllers break of two colours that are judged.
rollout: { blueGreen: { autoPromotionSeconds: 60, prePromotionAnalysis: { templates: [{ templateName: good }] }, postPromotionAnalysis: { templates: [{ templateName: good }] } } }
objects:
  - apiVersion: argoproj.io/v1alpha1
    kind: AnalysisTemplate
    metadata: { name: good }
    spec: { metrics: [{ name: success, interval: 5s, count: 2, initialDelay: 5s, successCondition: 'result[0] >= 0.99', failureCondition: 'result[0] < 0.9', provider: { prometheus: { address: 'http://prometheus:9090', query: up } } }] }
story:
  - { metrics: { says: 1 } }
  - { when: Healthy, user: set image v2 }
ends: Healthy v2
";

/// A preview of one pod that grows once somebody promotes it, and cannot.
const GROWS: &str = "
about: What broken controllers break of a small preview.
rollout: { blueGreen: { autoPromotionEnabled: false, previewReplicaCount: 1 } }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused, pods: { of: v2, become: pending } }
  - { user: promote }
  - { after: 10s, user: set image v3 }
ends: Paused v1
";

#[test]
fn an_unbroken_controller_breaks_no_colours() {
    for story in [JUDGED_COLOURS, GROWS] {
        assert_eq!(play(story, Broken::default()), Vec::<String>::new());
    }
}

/// The hash of the new version, while it is not the stable one.
fn new_hash(cluster: &Cluster) -> Option<&str> {
    let status = status(cluster);
    let new = fields::text(status, &["currentPodHash"]);
    let stable = fields::text(status, &["stableRS"]);
    (!stable.is_empty() && new != stable).then_some(new)
}

/// What users get.
fn active(cluster: &Cluster) -> &str {
    let service = cluster.get(kinds::SERVICES, NAMESPACE, "web-active");
    let path = ["spec", "selector", "rollouts-pod-template-hash"];
    service.map_or("", |service| fields::text(service, &path))
}

fn runs(cluster: &Cluster) -> usize {
    let runs = cluster.in_namespace(kinds::ANALYSIS_RUNS, Some(NAMESPACE));
    runs.count()
}

#[test]
fn a_promotion_before_the_last_verdict_is_seen() {
    check_in(
        JUDGED_COLOURS,
        |cluster, write| {
            let new = new_hash(cluster)?;
            let switched = active(cluster) == new && write.target.resource == ROLLOUTS;
            switched.then(|| note(cluster, &json!({ "stableRS": new })))?
        },
        "S1-3: a version is promoted: no postPromotionAnalysis",
    );
}

#[test]
fn a_promotion_without_users_is_seen() {
    check_in(
        COLOURS,
        |cluster, write| {
            let new = new_hash(cluster)?;
            (write.target.resource == ROLLOUTS && active(cluster) != new)
                .then(|| note(cluster, &json!({ "stableRS": new })))?
        },
        "S1-3: a version is promoted, and users are not on it",
    );
}

/// Users are switched to the new version once an AnalysisRun has this phase.
fn switch_once(cluster: &Cluster, write: &Write, phase: &str) -> Option<Write> {
    let new = new_hash(cluster)?;
    let mut runs = cluster.in_namespace(kinds::ANALYSIS_RUNS, Some(NAMESPACE));
    let judged = runs.any(|run| run["status"]["phase"] == phase);
    let early = write.target.resource == ROLLOUTS && active(cluster) != new;
    (judged && early).then(|| point(cluster, "web-active", new))?
}

#[test]
fn a_switch_after_a_failed_analysis_is_seen() {
    check_in(
        &JUDGED_COLOURS.replace("says: 1", "says: 0"),
        |cluster, write| switch_once(cluster, write, "Failed"),
        "S1-5: users are switched to it",
    );
}

#[test]
fn a_switch_without_a_verdict_is_seen() {
    check_in(
        &JUDGED_COLOURS.replace("says: 1", "says: 0.95"),
        |cluster, write| switch_once(cluster, write, "Inconclusive"),
        "S1-6: users are switched to it",
    );
}

#[test]
fn a_switch_by_an_earlier_attempts_verdict_is_seen() {
    let again =
        "  - { when: Paused, user: abort }\n  - { after: 5s, user: retry }\nends: Healthy v2";
    let story = JUDGED_COLOURS.replace("ends: Healthy v2", again);
    assert_eq!(play(&story, Broken::default()), Vec::<String>::new());
    let broken = Broken {
        tamper: Some(|cluster, write| {
            // The second attempt has its own analysis by then.
            let again = (runs(cluster) == 2).then_some(write)?;
            switch_once(cluster, again, "Successful")
        }),
        lacks: None,
    };
    let broken = play(&story, broken);
    let unjudged = "no prePromotionAnalysis was successful";
    let seen = |one: &String| one.starts_with("S0-9") && one.ends_with(unjudged);
    assert!(broken.iter().any(seen), "{broken:?}");
}

#[test]
fn a_preview_that_grows_for_the_version_before_is_seen() {
    check_in(
        GROWS,
        |_, write| {
            let mut kept = write.clone();
            let status = kept.body["status"].as_object_mut()?;
            status.get("currentPodHash")?;
            let colours = status.get_mut("blueGreen")?.as_object_mut()?;
            colours.remove("scaleUpPreviewCheckPoint")?;
            Some(kept)
        },
        "S1-10: a new version begins with the old scaleUpPreviewCheckPoint",
    );
}

#[test]
fn a_verdict_that_outlives_its_version_is_seen() {
    let next = "  - { when: Paused, user: set image v3 }\nends: Healthy v3";
    check_in(
        &JUDGED_COLOURS.replace("ends: Healthy v2", next),
        |_, write| {
            let mut kept = write.clone();
            let status = kept.body["status"].as_object_mut()?;
            status.get("currentPodHash")?;
            let colours = status.get_mut("blueGreen")?.as_object_mut()?;
            colours.remove("prePromotionAnalysisRunStatus")?;
            Some(kept)
        },
        "S1-10: a new version begins with the old prePromotionAnalysisRunStatus",
    );
}

#[test]
fn sizes_that_change_while_the_preview_service_is_missing_are_seen() {
    let story = COLOURS.replace("user: scale 5", "user: { delete: Service web-preview }");
    check_in(
        &story,
        |cluster, write| {
            let preview = cluster.get(kinds::SERVICES, NAMESPACE, "web-preview");
            let missing = preview.is_none() && write.target.resource == ROLLOUTS;
            missing.then(|| scale(cluster, "currentPodHash", 5))?
        },
        "S0-17",
    );
}
