//! What happened, line by line, for people: without uids, versions and instants that vary.

mod experiments;
mod mesh;

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde_json::Value;
use tidegate_core::plan::{Event, PODS, Severity, Verb, Write};

use crate::{cluster::fields, digest::Digest};

/// Whether lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// They are.
    Lines,
    /// They are not: nobody will read them.
    Nothing,
}

/// The lines of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    keep: Keep,
    begun: Timestamp,
    lines: Vec<String>,
    /// Pod template hashes and what they are called here.
    names: BTreeMap<String, String>,
}

impl Trace {
    /// An empty trace of a run that begins now.
    pub fn new(keep: Keep, begun: Timestamp) -> Self {
        Self {
            keep,
            begun,
            lines: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    /// Gives a pod template hash the name of its image's tag.
    pub(crate) fn name(&mut self, hash: &str, tag: &str) {
        if hash.is_empty() || self.names.contains_key(hash) {
            return;
        }
        let mut name = tag.to_owned();
        while self.names.values().any(|taken| *taken == name) {
            name.push('\'');
        }
        self.names.insert(hash.to_owned(), name);
    }

    /// What a pod template hash is called here.
    pub(crate) fn name_of<'a>(&'a self, hash: &'a str) -> &'a str {
        self.names.get(hash).map_or(hash, String::as_str)
    }

    /// The pod template hash of a name.
    pub(crate) fn hash_of(&self, name: &str) -> Option<&str> {
        self.names
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(hash, _)| hash.as_str())
    }

    /// What its lines will depend on.
    pub(crate) fn digest(&self, digest: &mut Digest) {
        for (hash, name) in &self.names {
            digest.text(hash);
            digest.text(name);
        }
    }

    /// Adds a line: who, and what.
    pub(crate) fn line(&mut self, now: Timestamp, who: &str, what: impl FnOnce() -> String) {
        if self.keep == Keep::Nothing {
            return;
        }
        let mut what = what();
        for (hash, name) in &self.names {
            what = what.replace(hash, name);
        }
        let what = what.replace('\n', "↵");
        let since = elapsed(self.begun, now);
        self.lines.push(format!("{since:<8} {who:<8} {what}"));
    }

    /// The text of all lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The lines with their words only, for tests.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// The time since the beginning, such as `2m05s`.
fn elapsed(begun: Timestamp, now: Timestamp) -> String {
    let millis = now.duration_since(begun).as_millis();
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let mut text = String::new();
    if minutes > 0 {
        let _infallible = write!(text, "{minutes}m{:02}", rest / 1000);
    } else {
        let _infallible = write!(text, "{}", rest / 1000);
    }
    if rest % 1000 > 0 {
        let _infallible = write!(text, ".{:03}", rest % 1000);
    }
    text.push('s');
    text
}

/// An event in one line.
pub(crate) fn event(event: &Event) -> String {
    let severity = match event.severity {
        Severity::Normal => "",
        Severity::Warning => "Warning ",
    };
    format!("{severity}{}: {}", event.reason, event.message)
}

/// A write of the controller in one line; `old` and `new` are the object before and after.
pub(crate) fn write(write: &Write, old: Option<&Value>, new: Option<&Value>) -> String {
    let target = &write.target;
    let nothing = Value::Null;
    let (old, new) = (old.unwrap_or(&nothing), new.unwrap_or(&nothing));
    if target.resource == PODS {
        return format!("{}  because {}", pod(write.verb, old, new), write.reason);
    }
    let what = match write.verb {
        Verb::Create => format!(
            "create {target}{}",
            created(target.resource.kind.as_ref(), new)
        ),
        Verb::Delete | Verb::Evict => format!("delete {target}"),
        // Its status is no part apart.
        Verb::Patch if old["status"] != new["status"] => {
            let fault = experiments::fault(&old["status"], &new["status"]);
            return format!("{target}: {}{fault}", status(old, new));
        }
        Verb::Patch => patched(&format!("{target}"), old, new),
        Verb::PatchStatus => {
            return format!("{target}: {}", status(old, new));
        }
    };
    format!("{what}  because {}", write.reason)
}

/// What happens to a pod, which is called by its ReplicaSet.
fn pod(verb: Verb, old: &Value, new: &Value) -> String {
    let owner = fields::owners(old).first();
    let of = owner.map_or("nobody", |owner| fields::text(owner, &["name"]));
    match verb {
        Verb::Evict | Verb::Delete => format!("evict a pod of {of}"),
        Verb::Create | Verb::Patch | Verb::PatchStatus => {
            let changes = metadata_changes(&old["metadata"], &new["metadata"]);
            format!("give a pod of {of} {changes}")
        }
    }
}

/// Labels and annotations that came, changed or went.
fn metadata_changes(old: &Value, new: &Value) -> String {
    let mut words = Vec::new();
    for member in ["labels", "annotations"] {
        let (before, after) = (fields::map(old, &[member]), fields::map(new, &[member]));
        for (key, value) in after
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(value))
        {
            words.push(format!("{key}={}", value.as_str().unwrap_or_default()));
        }
        let gone = before.keys().filter(|key| !after.contains_key(*key));
        words.extend(gone.map(|key| format!("no {key}")));
    }
    words.join(", ")
}

fn created(kind: &str, new: &Value) -> String {
    match kind {
        "ReplicaSet" => {
            let replicas = fields::number(new, &["spec", "replicas"]).unwrap_or_default();
            format!(" of {replicas}")
        }
        "Ingress" => {
            canary_weight(new).map_or_else(String::new, |weight| format!(" of weight {weight}"))
        }
        _ => String::new(),
    }
}

fn patched(target: &str, old: &Value, new: &Value) -> String {
    let mut parts = Vec::new();
    let replicas = |object| fields::number(object, &["spec", "replicas"]);
    if replicas(old) != replicas(new) {
        let (from, to) = (replicas(old).unwrap_or(0), replicas(new).unwrap_or(0));
        parts.push(format!("scale {target} from {from} to {to}"));
    }
    let hash = |object| {
        fields::text(
            object,
            &["spec", "selector", tidegate_api::labels::POD_TEMPLATE_HASH],
        )
        .to_owned()
    };
    if old["spec"]["terminate"] != new["spec"]["terminate"] {
        parts.push(format!("end {target}"));
    }
    if hash(old) != hash(new) {
        let at = hash(new);
        parts.push(if at.is_empty() {
            format!("point {target} at every version")
        } else {
            format!("point {target} at {at}")
        });
    }
    if canary_weight(old) != canary_weight(new) {
        let weight = canary_weight(new).unwrap_or_default();
        parts.push(format!("weight {target} {weight}"));
    }
    parts.extend(mesh::changes(target, old, new));
    let (before, after) = (&old["spec"]["template"], &new["spec"]["template"]);
    let changes = metadata_changes(&before["metadata"], &after["metadata"]);
    if !changes.is_empty() {
        parts.push(format!("give pods of {target} {changes}"));
    }
    if before["spec"] != after["spec"] {
        parts.push(format!("change the pods' spec of {target}"));
    }
    parts.extend(annotations(target, old, new));
    if parts.is_empty() {
        parts.push(format!("change {target}"));
    }
    parts.join(", ")
}

fn annotations(target: &str, old: &Value, new: &Value) -> Option<String> {
    let path = ["metadata", "annotations"];
    let (before, after) = (fields::map(old, &path), fields::map(new, &path));
    let mut notes = Vec::new();
    for (key, value) in after {
        if before.get(key) == Some(value) || key.ends_with("canary-weight") {
            continue;
        }
        let short = key.rsplit('/').next().unwrap_or(key);
        if key == tidegate_api::labels::SCALE_DOWN_DEADLINE {
            notes.push(short.to_owned());
        } else {
            notes.push(format!("{short}={}", value.as_str().unwrap_or_default()));
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        notes.push(format!("no {}", key.rsplit('/').next().unwrap_or(key)));
    }
    (!notes.is_empty()).then(|| format!("note on {target}: {}", notes.join(", ")))
}

/// The weight that a canary Ingress carries.
fn canary_weight(ingress: &Value) -> Option<&str> {
    fields::map(ingress, &["metadata", "annotations"])
        .iter()
        .find(|(key, _)| key.ends_with("/canary-weight"))
        .and_then(|(_, value)| value.as_str())
}

/// What changed in a status.
fn status(old: &Value, new: &Value) -> String {
    let (old, new) = (&old["status"], &new["status"]);
    let mut parts = Vec::new();
    if old["phase"] != new["phase"] || old["message"] != new["message"] {
        let phase = fields::text(new, &["phase"]);
        let message = fields::text(new, &["message"]);
        parts.push(if message.is_empty() {
            phase.to_owned()
        } else {
            format!("{phase} ({message})")
        });
    }
    if old["currentStepIndex"] != new["currentStepIndex"] {
        parts.push(format!("step index {}", new["currentStepIndex"]));
    }
    if old["stableRS"] != new["stableRS"] {
        parts.push(format!("stable {}", fields::text(new, &["stableRS"])));
    }
    for (member, set, unset) in [
        ("abort", "aborted", "no longer aborted"),
        (
            "promoteFull",
            "to be promoted fully",
            "no longer to be promoted fully",
        ),
    ] {
        match (old[member] == true, new[member] == true) {
            (false, true) => parts.push(set.to_owned()),
            (true, false) => parts.push(unset.to_owned()),
            (true, true) | (false, false) => {}
        }
    }
    let pauses = |status: &Value| -> Vec<String> {
        fields::list(status, &["pauseConditions"])
            .iter()
            .map(|pause| fields::text(pause, &["reason"]).to_owned())
            .collect()
    };
    if pauses(old) != pauses(new) {
        let now = pauses(new);
        parts.push(if now.is_empty() {
            "no pause".to_owned()
        } else {
            format!("pause {}", now.join(", "))
        });
    }
    let weight = |status: &Value| status.pointer("/canary/weights/canary/weight").cloned();
    if weight(old) != weight(new) {
        let shown = weight(new).map_or_else(|| "none".to_owned(), |weight| weight.to_string());
        parts.push(format!("weight {shown}"));
    }
    parts.extend(experiments::of_a_step(old, new));
    parts.extend(analyses(old, new));
    parts.extend(colours(old, new));
    parts.extend(conditions(old, new));
    parts.extend(measurements(old, new));
    parts.extend(experiments::changes(old, new));
    parts.extend(counts(old, new));
    if parts.is_empty() {
        parts.push(others(old, new));
    }
    parts.join("; ")
}

/// The analyses of an update.
fn analyses(old: &Value, new: &Value) -> Vec<String> {
    const RUNS: [(&str, &str, &str); 4] = [
        ("canary", "currentStepAnalysisRunStatus", "step analysis"),
        (
            "canary",
            "currentBackgroundAnalysisRunStatus",
            "background analysis",
        ),
        (
            "blueGreen",
            "prePromotionAnalysisRunStatus",
            "analysis before",
        ),
        (
            "blueGreen",
            "postPromotionAnalysisRunStatus",
            "analysis after",
        ),
    ];
    let mut parts = Vec::new();
    for (strategy, member, words) in RUNS {
        let path = [strategy, member, "status"];
        let (before, after) = (fields::text(old, &path), fields::text(new, &path));
        if before != after {
            let shown = if after.is_empty() { "none" } else { after };
            parts.push(format!("{words} {shown}"));
        }
    }
    parts
}

/// What Services select, and how far a preview is.
fn colours(old: &Value, new: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    for (member, words) in [("activeSelector", "active"), ("previewSelector", "preview")] {
        let path = ["blueGreen", member];
        let (before, after) = (fields::text(old, &path), fields::text(new, &path));
        if before != after {
            let shown = if after.is_empty() { "nothing" } else { after };
            parts.push(format!("{words} {shown}"));
        }
    }
    let passed = |status: &Value| status["blueGreen"]["scaleUpPreviewCheckPoint"] == true;
    match (passed(old), passed(new)) {
        (false, true) => parts.push("check point passed".to_owned()),
        (true, false) => parts.push("no check point".to_owned()),
        (true, true) | (false, false) => {}
    }
    parts
}

fn conditions(old: &Value, new: &Value) -> Vec<String> {
    let known = fields::list(old, &["conditions"]);
    let mut parts = Vec::new();
    for condition in fields::list(new, &["conditions"]) {
        let kind = fields::text(condition, &["type"]);
        let same = |one: &&Value| {
            ["type", "status", "reason"]
                .iter()
                .all(|member| one[*member] == condition[*member])
        };
        if !known.iter().any(|one| same(&one)) {
            parts.push(format!(
                "{kind}={} {}",
                fields::text(condition, &["status"]),
                fields::text(condition, &["reason"])
            ));
        }
    }
    for condition in known {
        let kind = fields::text(condition, &["type"]);
        let stays = fields::list(new, &["conditions"])
            .iter()
            .any(|one| fields::text(one, &["type"]) == kind);
        if !stays {
            parts.push(format!("no {kind}"));
        }
    }
    parts
}

/// What an AnalysisRun has measured.
fn measurements(old: &Value, new: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    for result in fields::list(new, &["metricResults"]) {
        let name = fields::text(result, &["name"]);
        let before = fields::list(old, &["metricResults"])
            .iter()
            .find(|one| fields::text(one, &["name"]) == name);
        if before == Some(result) {
            continue;
        }
        let last = fields::list(result, &["measurements"]).last();
        let value = last.map_or("", |last| fields::text(last, &["value"]));
        let phase = last.map_or("", |last| fields::text(last, &["phase"]));
        parts.push(format!(
            "{name} {value} {phase} ({})",
            fields::text(result, &["phase"])
        ));
    }
    parts
}

fn counts(old: &Value, new: &Value) -> Option<String> {
    let words: Vec<String> = [
        ("replicas", "of"),
        ("updatedReplicas", "updated"),
        ("readyReplicas", "ready"),
        ("availableReplicas", "available"),
    ]
    .into_iter()
    .filter(|(member, _)| old[*member] != new[*member])
    .map(|(member, word)| format!("{word} {}", new[member].as_i64().unwrap_or(0)))
    .collect();
    (!words.is_empty()).then(|| format!("pods {}", words.join(" ")))
}

/// The names of members that nothing else says.
fn others(old: &Value, new: &Value) -> String {
    let (before, after) = (fields::map(old, &[]), fields::map(new, &[]));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed: Vec<&str> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(String::as_str)
        .collect();
    format!("notes {}", changed.join(", "))
}
