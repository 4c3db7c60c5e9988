//! A controller that takes back what a deletion has left without an owner, and is seen to.

use super::*;

/// Every watch lags behind for as long as it may.
const BLIND: Faults<'_> = Faults {
    cuts: &[],
    lags: &[usize::MAX],
};

const STORY: &str = include_str!("../../scenarios/lifecycle/deleted_without_its_pods.yaml");

#[test]
fn a_controller_that_takes_back_what_was_let_go_is_seen() {
    let broken = Broken {
        tamper: None,
        lacks: Some(Lacks::Doubt),
    };
    check_swept(STORY, &BLIND, broken, "S0-20");
}
