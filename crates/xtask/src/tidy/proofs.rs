//! Proofs: what COMPATIBILITY.md says is kept or fixed is named by a test.

use std::{collections::BTreeSet, ffi::OsStr, path::Path};

use super::{Complaints, File, documents};

/// Families whose every behaviour a test names: the life of a Rollout, its strategies, what people ask of it, and
/// what is refused.
const PROVEN: [&str; 17] = [
    "QUE", "RSI", "WLR", "REV", "SCL", "AVL", "EPH", "STS", "PDL", "RBK", "DUR", "EVT", "CAN",
    "TRF", "BG", "ACT", "VAL",
];

/// Of the routers, those of NGINX and Istio.
const ROUTERS: [&str; 2] = ["TR-1", "TR-3"];

/// Every rule about proofs.
pub(super) fn all(files: &[File]) -> Complaints {
    let Some(table) = documents::text(files, "COMPATIBILITY.md") else {
        return Complaints::new();
    };
    let named: BTreeSet<&str> = files
        .iter()
        .filter_map(tested)
        .flat_map(documents::ids)
        .collect();
    documents::rows(table)
        .filter(|(id, here)| {
            is_to_be_proven(id) && (here.starts_with("kept") || here.starts_with("fixed"))
        })
        .filter(|(id, _)| !named.contains(id))
        .map(|(id, _)| {
            format!("COMPATIBILITY.md: no test names {id}, which it says is kept or fixed")
        })
        .collect()
}

fn is_to_be_proven(id: &str) -> bool {
    let family = id.split_once('-').map_or(id, |(family, _)| family);
    PROVEN.contains(&family) || ROUTERS.iter().any(|router| id.starts_with(router))
}

/// The part of a file that is tests: scenarios, cases, comparisons with recorded answers, and what follows the
/// code of a file. Traces are not: they show what happened, whatever should have.
fn tested(file: &File) -> Option<&str> {
    const WHOLE: [&str; 4] = [
        "/tests/",
        "/scenarios/",
        "/tests.rs",
        "/xtask/src/conformance",
    ];
    let is_trace = Path::new(&file.path).extension() == Some(OsStr::new("snap"));
    if is_trace || !file.path.starts_with("crates/") {
        return None;
    }
    if WHOLE.iter().any(|part| file.path.contains(part)) {
        return Some(&file.text);
    }
    let (_, tests) = file.text.split_once("#[cfg(test)]")?;
    file.is_rust().then_some(tests)
}

#[cfg(test)]
mod tests {
    use super::{super::one, *};

    const TABLE: &str = "| CAN-05 | x | kept |\n| CAN-06 | x | not yet |\n| MP-103 | x | kept |\n";

    fn complaints(path: &str, text: &str) -> Complaints {
        let mut files = one("COMPATIBILITY.md", TABLE);
        files.extend(one(path, text));
        all(&files)
    }

    #[test]
    fn a_behaviour_that_no_test_names_is_told() {
        let code = "crates/tidegate-core/src/x.rs";
        assert_eq!(complaints(code, "/// Keeps CAN-05.\n").len(), 1);
        let tested = "fn x() {}\n#[cfg(test)]\nmod tests {\n/// Keeps CAN-05.\n}\n";
        assert!(complaints(code, tested).is_empty());
    }

    #[test]
    fn a_scenario_names_behaviours_and_its_trace_does_not() {
        let scenario = "crates/tidegate-sim/scenarios/a/b";
        assert!(complaints(&format!("{scenario}.yaml"), "# Keeps CAN-05.\n").is_empty());
        assert_eq!(complaints(&format!("{scenario}.snap"), "CAN-05\n").len(), 1);
    }
}
