//! Who leads, as tables of what is seen and what follows.

use super::*;

const TERMS: Terms = Terms {
    lease: Duration::from_secs(15),
    renew: Duration::from_secs(10),
    retry: Duration::from_secs(2),
};

fn me() -> Candidate {
    Candidate {
        identity: "me".to_owned(),
        terms: TERMS,
    }
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05.678901234Z".parse().unwrap()
}

fn held_by(holder: &str) -> Claim {
    Claim {
        holder: holder.to_owned(),
        duration_seconds: 15,
        acquired: Some("2026-01-01T00:00:00.000000Z".to_owned()),
        renewed: Some("2026-01-01T00:01:00.000000Z".to_owned()),
        transitions: 3,
    }
}

/// What is done about a Lease of this holder that was seen unchanged from `since` on, in words.
fn at(holder: Option<&str>, since: u64, renewed: Option<u64>, monotonic: u64) -> &'static str {
    let seen = Seen {
        claim: holder.map(held_by),
        since: Duration::from_secs(since),
        renewed: renewed.map(Duration::from_secs),
    };
    match next(&me(), &seen, Duration::from_secs(monotonic), now()) {
        Move::Create(_) => "create",
        Move::Update(claim) if claim.transitions == 3 => "renew",
        Move::Update(_) => "take over",
        Move::Follow => "follow",
        Move::Lost => "lost",
    }
}

#[test]
fn what_is_done_about_a_lease() {
    // (holder, unchanged since, our last renewal, the time now): what is done. Keeps OPS-04.
    for (holder, since, renewed, monotonic, expected) in [
        (None, 0, None, 0, "create"),
        // Another one's: for as long as it is seen to be renewed, whatever times it has written.
        (Some("other"), 100, None, 100, "follow"),
        (Some("other"), 100, None, 114, "follow"),
        (Some("other"), 100, None, 115, "take over"),
        // It was let go: at once.
        (Some(""), 100, None, 100, "take over"),
        // Ours; also if the answer to our own claim was lost.
        (Some("me"), 100, Some(100), 102, "renew"),
        (Some("me"), 100, None, 100, "renew"),
        (Some("me"), 100, Some(100), 109, "renew"),
        // S2-6: too late, whatever the Lease says.
        (Some("me"), 100, Some(100), 110, "lost"),
        (None, 100, Some(100), 110, "lost"),
        (Some(""), 100, Some(100), 110, "lost"),
        // Somebody took it away, or removed it, or let it go in our name.
        (Some("other"), 105, Some(104), 105, "lost"),
        (Some("other"), 100, Some(104), 200, "lost"),
        (None, 105, Some(104), 105, "create"),
        (Some(""), 105, Some(104), 105, "take over"),
    ] {
        assert_eq!(
            at(holder, since, renewed, monotonic),
            expected,
            "{holder:?} unchanged since {since}, renewed at {renewed:?}, at {monotonic}"
        );
    }
}

#[test]
fn a_renewal_changes_nothing_but_its_time() {
    let seen = Seen {
        claim: Some(held_by("me")),
        since: Duration::ZERO,
        renewed: Some(Duration::ZERO),
    };
    let expected = Claim {
        renewed: Some("2026-01-02T03:04:05.678901Z".to_owned()),
        ..held_by("me")
    };
    let renewal = next(&me(), &seen, Duration::from_secs(2), now());
    assert_eq!(renewal, Move::Update(expected));
}

#[test]
fn a_lease_keeps_what_is_not_about_leading() {
    let mut lease = json!({
        "metadata": {"name": "lock", "labels": {"a": "b"}},
        "spec": {"holderIdentity": "other", "strategy": "OldestEmulationVersion"},
    });
    held_by("me").put_into(&mut lease);
    assert_eq!(lease["spec"]["holderIdentity"], "me");
    assert_eq!(lease["spec"]["strategy"], "OldestEmulationVersion");
    assert_eq!(lease["metadata"]["labels"]["a"], "b");
    assert_eq!(Claim::of_lease(&lease), held_by("me"));
    assert_eq!(Claim::of_lease(&json!({})), Claim::default());
}

#[test]
fn who_lets_go_is_followed_at_once() {
    let released = held_by("other").released(now());
    assert_eq!(
        (released.holder.as_str(), released.duration_seconds),
        ("", 1)
    );
    assert_eq!(released.transitions, 3);
}

#[test]
fn every_instance_has_a_lock_of_its_own() {
    assert_eq!(lock_name(""), "argo-rollouts-controller-lock");
    assert_eq!(lock_name("blue"), "argo-rollouts-controller-lock-blue");
}

#[test]
fn terms_under_which_two_could_lead_are_refused() {
    assert_eq!(TERMS.check(), Ok(()));
    for (lease, renew, retry, flag) in [
        (10, 10, 2, "lease-duration must be greater"),
        (15, 2, 2, "renew-deadline must be greater"),
        (0, 0, 0, "at least 1s"),
        (15, 10, 0, "retry-period must be more"),
    ] {
        let terms = Terms {
            lease: Duration::from_secs(lease),
            renew: Duration::from_secs(renew),
            retry: Duration::from_secs(retry),
        };
        let sentence = terms.check().unwrap_err();
        assert!(sentence.contains(flag), "{sentence}");
    }
}
