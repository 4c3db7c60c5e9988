//! Broken controllers that fight with a tool, or build on what it takes away, and are seen to.

use super::*;

/// A tool that takes the hash off the stable Service.
const FOUGHT: &str = "
about: What broken controllers break while a tool takes their writes back.
rollout: { router: nginx, steps: [{ setWeight: 25 }, { pause: { duration: 3s } }] }
story:
  - { when: Healthy, user: set image v2 }
  - { when: Paused 1, user: { keep: Service web-stable, with: { spec: { selector: { rollouts-pod-template-hash: null } } }, times: 5 } }
ends: Healthy v2
";

#[test]
fn a_controller_that_gives_way_breaks_nothing() {
    assert_eq!(play(FOUGHT, Broken::default()), Vec::<String>::new());
}

#[test]
fn a_controller_that_fights_back_at_once_is_seen() {
    let expected = "S2-11: Service web-stable is written again after";
    check_without(FOUGHT, Lacks::BackOff, expected);
}

#[test]
fn a_stage_that_rests_on_what_is_taken_back_is_seen() {
    let expected = "S2-11: a stage rests on Service web-stable";
    check_without(FOUGHT, Lacks::Mistrust, expected);
}
