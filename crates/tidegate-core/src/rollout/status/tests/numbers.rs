//! Numbers of pods that change alone (STS-02).

use super::*;

/// What is planned `seconds` after the last note about progress, if `change` has come over one that has settled.
fn planned(seconds: i64, change: impl FnOnce(&mut RolloutSnapshot, &mut Plan)) -> Plan {
    let mut starting = replica_set("new", 1);
    (starting.ready, starting.available) = (0, 0);
    let begun = snapshot(
        rollout(&midway(0, &json!({}))),
        vec![replica_set("old", 2), starting],
    );
    let settled = next(&begun, &Draft::default(), now()).status;
    let recorded = serde_json::to_value(&*settled).unwrap();
    let mut held = snapshot(
        rollout(&recorded),
        vec![replica_set("old", 2), replica_set("new", 1)],
    );
    let noted = conditions::get(&settled, Kind::Progressing).unwrap();
    let at = noted.last_update_time.unwrap().timestamp();
    let at = at
        .checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap();
    let mut plan = Plan::default();
    change(&mut held, &mut plan);
    plan.status = Some(next(&held, &Draft::default(), at).status);
    counts::wait(&held, &mut plan, at);
    plan
}

#[test]
fn they_wait_until_ten_seconds_after_the_last_progress() {
    for (seconds, waits) in [(0, true), (9, true), (10, false), (60, false)] {
        let plan = planned(seconds, |_, _| {});
        assert_eq!(plan.status_waits, waits, "{seconds} s");
        assert_eq!(plan.wake.is_some(), waits, "{seconds} s");
    }
    let wake = planned(1, |_, _| {}).wake.unwrap();
    let again = planned(9, |_, _| {}).wake.unwrap();
    assert_eq!(wake, again, "it does not move with who looks");
}

#[test]
fn whatever_else_changes_takes_them_along() {
    let generation = planned(1, |held, _| held.generation = 3);
    assert!(!generation.status_waits);
    let events = planned(1, |_, plan| {
        plan.events
            .push(Event::normal("Told", "once the status stands".to_owned()));
    });
    assert!(!events.status_waits);
    let failure = planned(1, |held, _| held.replica_sets[1].available = 0);
    assert!(failure.status_waits, "a number as well");
    let message = planned(1, |held, _| held.replicas = 3);
    assert!(message.status_waits, "what is waited for follows from them");
    let all = planned(1, |held, _| {
        for set in &mut held.replica_sets {
            set.available = 0;
        }
    });
    assert!(!all.status_waits, "the condition Available changes");
}

/// Whoever has noted no progress yet waits for nothing.
#[test]
fn nothing_waits_without_a_note_about_progress() {
    let mut held = halfway(0, &json!({"conditions": []}));
    held.replica_sets[1].ready = 0;
    let mut plan = Plan {
        status: Some(next(&held, &Draft::default(), now()).status),
        ..Plan::default()
    };
    counts::wait(&held, &mut plan, now());
    assert!(!plan.status_waits);
}
