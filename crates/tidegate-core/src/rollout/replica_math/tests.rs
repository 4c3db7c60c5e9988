//! Roundings, and what they must never do.

use super::{basic::approximate, *};

#[track_caller]
fn check(replicas: i32, weight: i32, surge: i32, expected: (i32, i32)) {
    let counts = approximate(replicas, (weight, 100), surge);
    assert_eq!((counts.canary, counts.stable), expected);
}

#[test]
fn weights_are_rounded_to_the_closest_pods_and_ties_go_to_the_canary() {
    check(10, 20, 0, (2, 8));
    check(3, 50, 0, (2, 1));
    check(5, 50, 1, (3, 3));
    check(10, 0, 1, (0, 10));
    check(10, 100, 1, (10, 0));
}

#[test]
fn a_weight_between_the_edges_leaves_a_pod_on_either_side() {
    check(10, 1, 0, (1, 9));
    check(10, 99, 0, (9, 1));
    check(1, 5, 1, (1, 1));
}

#[test]
fn any_text_is_a_percentage_and_two_nothings_become_one_unavailable() {
    let text = |text: &str| IntOrString::String(text.to_owned());
    assert_eq!(
        fenceposts(Some(&text("2")), Some(&IntOrString::Int(0)), 10),
        (1, 0)
    );
    assert_eq!(
        fenceposts(Some(&IntOrString::Int(0)), Some(&text("5%")), 10),
        (0, 1)
    );
    assert_eq!(fenceposts(None, None, 10), (3, 2));
    assert_eq!(fenceposts(Some(&text("a")), None, 10), (0, 0));
}
