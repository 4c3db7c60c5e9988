//! A controller that goes on although a conflict has told it that somebody changed the Rollout, and is seen to.

use super::{guards::play_deaf, *};

const STORY: &str = include_str!("../../scenarios/canary/abort_before_the_pods_are_ready.yaml");

#[test]
fn a_controller_that_scales_what_was_aborted_meanwhile_is_seen() {
    let told = (STORY, kinds::ROLLOUTS);
    // Where the abort comes before there is anything to abort, the story ends otherwise.
    let broken = play_deaf(told, Broken::default());
    assert!(
        broken.iter().all(|one| one.starts_with("L-1")),
        "{broken:?}"
    );
    let stubborn = Broken {
        tamper: None,
        lacks: Some(Lacks::Hindsight),
    };
    expect(&play_deaf(told, stubborn), "S1-23");
}
