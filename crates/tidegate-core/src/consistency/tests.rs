//! What is missed, as tables of what was held, what was listed and what is held later.

use super::*;

/// Objects by name, with their versions: `web 7, api 9`.
fn objects(text: &str) -> BTreeMap<Key, u64> {
    let all = text.split(", ").filter(|one| !one.is_empty());
    all.map(|one| {
        let (name, version) = one.split_once(' ').unwrap();
        let key = ("shop".to_owned(), name.to_owned());
        (key, version.parse().unwrap())
    })
    .collect()
}

/// What a look says after a list: objects that were held with the version up to which that was complete, those
/// of the list with its version, and those that are held now, again with theirs.
fn told(
    (held, complete): (&str, u64),
    (listed, version): (&str, u64),
    (later, reached): (&str, u64),
    patience: Patience,
) -> String {
    let mut comparison = Comparison::new(objects(held), complete);
    for (key, version) in objects(listed) {
        comparison.list(key, version);
    }
    let mut doubts = comparison.end(version);
    let later = objects(later);
    match doubts.look(reached, |key| later.get(key).copied(), patience) {
        Some(Missed {
            key: (_, name),
            what,
        }) => format!("{name}: {what}"),
        None if doubts.are_settled() => "nothing".to_owned(),
        None => "not yet".to_owned(),
    }
}

fn soon(held: (&str, u64), listed: (&str, u64), later: (&str, u64)) -> String {
    told(held, listed, later, Patience::Lasts)
}

#[test]
fn a_cache_that_holds_what_is_listed_has_missed_nothing() {
    let held = ("api 3, web 7", 7);
    assert_eq!(soon(held, ("api 3, web 7", 20), held), "nothing");
    assert_eq!(soon(("", 7), ("", 20), ("", 7)), "nothing");
    // Nothing has to be waited for, however far behind the list the cache is.
    assert!(
        Comparison::new(BTreeMap::new(), 0)
            .end(u64::MAX)
            .are_settled()
    );
}

#[test]
fn what_changes_meanwhile_is_no_fault() {
    for (what, held, listed, later) in [
        (
            "changed before the list",
            ("web 7", 7),
            ("web 9", 9),
            ("web 9", 9),
        ),
        ("changed after it", ("web 7", 7), ("web 7", 8), ("web 9", 9)),
        ("changed again", ("web 7", 7), ("web 9", 9), ("web 12", 12)),
        ("made before the list", ("", 7), ("web 9", 9), ("web 9", 9)),
        ("made after it", ("", 7), ("", 8), ("web 9", 9)),
        ("made and gone again", ("", 7), ("web 9", 9), ("", 11)),
        ("gone before the list", ("web 7", 7), ("", 9), ("", 9)),
        ("gone after it", ("web 7", 7), ("web 7", 8), ("", 9)),
        (
            "made anew before it",
            ("web 7", 7),
            ("web 9", 9),
            ("web 9", 9),
        ),
        ("made anew after it", ("web 7", 7), ("", 9), ("web 11", 11)),
        ("changed, then gone", ("web 7", 7), ("web 9", 9), ("", 12)),
    ] {
        assert_eq!(soon(held, listed, later), "nothing", "{what}");
    }
}

#[test]
fn what_the_cache_cannot_know_yet_is_looked_at_again() {
    for (held, listed, later, at_last) in [
        (
            ("web 7", 7),
            ("web 9", 9),
            ("web 7", 8),
            "web: a change of it",
        ),
        (("", 7), ("web 9", 9), ("", 8), "web: its arrival"),
        (("web 7", 7), ("", 9), ("web 7", 8), "web: its deletion"),
    ] {
        assert_eq!(soon(held, listed, later), "not yet");
        assert_eq!(told(held, listed, later, Patience::IsOver), at_last);
    }
}

#[test]
fn what_a_complete_cache_lacks_was_missed() {
    for (missed, held, listed, later) in [
        (
            "web: its arrival",
            ("api 3", 9),
            ("api 3, web 7", 9),
            ("api 3", 9),
        ),
        (
            "web: a change of it",
            ("web 5", 9),
            ("web 7", 9),
            ("web 5", 9),
        ),
        (
            "web: a change of it",
            ("web 5", 6),
            ("web 7", 9),
            ("web 5", 9),
        ),
        (
            "web: its deletion",
            ("api 3, web 5", 9),
            ("api 3", 9),
            ("api 3, web 5", 9),
        ),
        // Whatever became of it later: it was there, and the cache did not know.
        ("web: its arrival", ("", 9), ("web 7", 9), ("", 12)),
        // The cache need not have come as far as the list.
        ("web: its arrival", ("", 9), ("web 7", 20), ("", 9)),
        (
            "web: a change of it",
            ("web 5", 9),
            ("web 7", 20),
            ("web 5", 9),
        ),
        // The first in the order of names stands for all.
        ("api: its arrival", ("", 9), ("api 3, web 7", 9), ("", 9)),
    ] {
        assert_eq!(
            soon(held, listed, later),
            missed,
            "{held:?} {listed:?} {later:?}"
        );
    }
}

#[test]
fn a_later_event_heals_by_itself() {
    assert_eq!(soon(("", 9), ("web 7", 9), ("web 12", 12)), "nothing");
    assert_eq!(soon(("web 5", 9), ("web 7", 9), ("web 12", 12)), "nothing");
}

#[test]
fn a_list_that_is_older_than_the_cache_says_nothing() {
    let held = ("api 3, web 9", 9);
    assert_eq!(soon(held, ("old 2, web 7", 8), held), "nothing");
}

#[test]
fn kinds_are_checked_one_after_the_other_and_in_time() {
    let kinds = [
        "rollouts",
        "replicasets",
        "services",
        "ingresses",
        "analysisruns",
    ];
    let periods: std::collections::BTreeSet<Duration> = kinds.into_iter().map(period).collect();
    assert_eq!(periods.len(), kinds.len());
    let longest = periods.last().unwrap();
    assert!(*longest + PATIENCE < Duration::from_mins(10), "{longest:?}");
    assert_eq!(period("rollouts"), period("rollouts"));
}

#[test]
fn an_own_write_that_a_complete_cache_does_not_hold_was_lost() {
    let web = || ("shop".to_owned(), "web".to_owned());
    let mut expected = Expected::default();
    expected.written(web(), 7, Some(5));
    assert_eq!(expected.lost(6), None, "the watch has not come that far");
    assert_eq!(expected.lost(7), Some((web(), 7)));
    expected.told(&web(), 6);
    assert_eq!(expected.lost(8), Some((web(), 7)), "that was older");
    expected.told(&web(), 9);
    assert_eq!(expected.lost(9), None);
    // What is held already, and what nobody holds, is not waited for.
    expected.written(web(), 7, Some(7));
    expected.written(web(), 7, None);
    assert_eq!(expected.lost(u64::MAX), None);
    // The last of two counts, and a list settles all that it can know of.
    expected.written(web(), 12, Some(9));
    expected.written(web(), 11, Some(9));
    expected.listed(11);
    assert_eq!(expected.lost(12), Some((web(), 12)));
    expected.listed(12);
    assert_eq!(expected.lost(12), None);
}
