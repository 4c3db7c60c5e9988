//! A controller that goes on although somebody has changed the Rollout meanwhile, and is seen to.

use super::{guards::play_deaf, *};

const STORY: &str =
    include_str!("../../scenarios/nginx/dynamic_abort_before_the_pods_are_ready.yaml");

#[test]
fn a_controller_that_moves_traffic_without_a_look_is_seen() {
    let told = (STORY, kinds::ROLLOUTS);
    // Where the abort comes before there is anything to abort, the story ends otherwise.
    let broken = play_deaf(told, Broken::default());
    assert!(
        broken.iter().all(|one| one.starts_with("L-1")),
        "{broken:?}"
    );
    let hasty = Broken {
        tamper: None,
        lacks: Some(Lacks::Glance),
    };
    expect(&play_deaf(told, hasty), "S0-11");
}
