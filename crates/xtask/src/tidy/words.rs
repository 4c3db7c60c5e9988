//! Words: vendors stay in their room, and texts speak to readers of this project.

use super::{Complaints, File};

/// Names of vendors, lower case, and as parts of our names.
const VENDORS: [&str; 18] = [
    "nginx",
    "prometheus",
    "istio",
    "alb",
    "smi",
    "ambassador",
    "app_mesh",
    "appmesh",
    "traefik",
    "apisix",
    "datadog",
    "new_relic",
    "wavefront",
    "cloud_watch",
    "graphite",
    "influxdb",
    "skywalking",
    "kayenta",
];

/// Rooms that know no vendor.
const NEUTRAL: [&str; 4] = [
    "crates/tidegate-core/src/",
    "crates/tidegate-gocompat/src/",
    "crates/tidegate-controller/src/",
    "crates/tidegate-cli/src/",
];

/// Where a vendor's name is part of what upstream says or asks, with the reason.
const NAMED: [(&str, &str); 12] = [
    (
        "crates/tidegate-core/src/plan.rs",
        "the groups of kinds that are written",
    ),
    (
        "crates/tidegate-controller/src/args.rs",
        "flags of upstream's",
    ),
    (
        "crates/tidegate-controller/src/args/routers.rs",
        "flags of upstream's",
    ),
    (
        "crates/tidegate-controller/src/served.rs",
        "what a flag of upstream's says",
    ),
    (
        "crates/tidegate-core/src/rollout/validate",
        "upstream's rules and sentences name routers",
    ),
    (
        "crates/tidegate-core/src/analysis_run/validate.rs",
        "one provider of many must be given",
    ),
    (
        "crates/tidegate-core/src/analysis_run/tests.rs",
        "metrics need a provider",
    ),
    (
        "crates/tidegate-core/src/rollout/status/base.rs",
        "a field of the status that must survive",
    ),
    (
        "crates/tidegate-controller/src/primary",
        "a Secret of upstream's says where a mesh's objects are, and sentences say of which mesh",
    ),
    (
        "crates/tidegate-controller/src/run.rs",
        "a variable of the environment",
    ),
    (
        "crates/tidegate-cli/src/commands/playground",
        "the story has a metrics server and an Ingress",
    ),
    (
        "crates/tidegate-cli/src/playground",
        "the story has a metrics server and an Ingress",
    ),
];

/// What says something of how, where or by whom a text was made, in two halves so that this file may be
/// looked at, too.
const BANNED: [(&str, &str); 10] = [
    ("sub", "agent"),
    ("/wo", "rk/"),
    ("help", "er-"),
    ("clau", "de"),
    ("anthro", "pic"),
    ("open", "ai"),
    ("chat", "gpt"),
    ("copi", "lot"),
    ("language ", "model"),
    ("this se", "ssion"),
];

/// Lists of modules by others, with names that are not ours to choose.
const FOREIGN: [&str; 3] = ["Cargo.lock", "go.sum", "go.mod"];

/// A vendor's name stands in `integrations` only, or where upstream's contract names it.
pub(super) fn vendors(files: &[File]) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let neutral = NEUTRAL.iter().any(|room| file.path.starts_with(room));
        if !neutral || NAMED.iter().any(|(path, _)| file.path.starts_with(path)) {
            continue;
        }
        for (number, line) in file.code() {
            if let Some(vendor) = vendor_in(line) {
                complaints.push(format!("{}:{number}: {vendor}", file.path));
            }
        }
    }
    complaints
}

fn vendor_in(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    let words: Vec<&str> = line
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .collect();
    VENDORS.into_iter().find(|vendor| {
        // Short names are parts of other words.
        words
            .iter()
            .any(|word| word == vendor || (vendor.len() > 3 && word.contains(vendor)))
    })
}

/// No text says how it came about.
pub(super) fn banned(files: &[File]) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files {
        if FOREIGN.iter().any(|name| file.path.ends_with(name)) {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            let line = line.to_lowercase();
            if let Some((first, second)) = BANNED
                .iter()
                .find(|(first, second)| line.contains(&format!("{first}{second}")))
            {
                complaints.push(format!("{}:{}: \"{first}{second}\"", file.path, index + 1));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{super::one, *};

    #[test]
    fn a_vendor_outside_its_room_is_told() {
        let line = "    if routing.nginx.is_some() {\n";
        assert_eq!(
            vendors(&one("crates/tidegate-core/src/rollout/canary.rs", line)).len(),
            1
        );
        assert!(vendors(&one("crates/tidegate-integrations/src/traffic.rs", line)).is_empty());
    }

    #[test]
    fn part_of_a_word_is_no_vendor() {
        assert_eq!(vendor_in("let small = album;"), None);
        assert_eq!(vendor_in("held.alb.clone()"), Some("alb"));
    }

    #[test]
    fn a_word_about_the_making_is_told() {
        for (first, second) in BANNED {
            assert_eq!(
                banned(&one("README.md", &format!("{first}{second}"))).len(),
                1
            );
        }
        assert!(banned(&one("README.md", "A canary.")).is_empty());
    }
}
