//! A controller that takes back what a deletion has left without an owner, and is seen to.

use super::{guards::play_deaf, *};

const STORY: &str = include_str!("../../scenarios/lifecycle/deleted_without_its_pods.yaml");

#[test]
fn a_controller_that_takes_back_what_was_let_go_is_seen() {
    let told = (STORY, kinds::ROLLOUTS);
    assert_eq!(play_deaf(told, Broken::default()), Vec::<String>::new());
    let trusting = Broken {
        tamper: None,
        lacks: Some(Lacks::Doubt),
    };
    expect(&play_deaf(told, trusting), "S0-20");
}
