//! Names, versions and marks of objects in `rollouts-analysis.jsonl`: what of them the product can be asked.

use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_api::{labels, rollout::Rollout};
use tidegate_core::{
    freshness::{Freshness, Ledger, Seen},
    observed::Observed,
    plan::{INGRESSES, ObjectKey, ROLLOUTS, Resource, VIRTUAL_SERVICES},
    rollout::{parse, snapshot::Deadline},
};
use tidegate_gocompat::duration::Duration;
use tidegate_integrations::traffic;

/// The instant at which the answers were given.
const NOW: &str = "2024-06-01T12:00:00Z";

/// What the annotations of a ReplicaSet say.
pub(super) fn scale_down(case: &Value) -> Result<Value> {
    let set = &case["rs"];
    let mut annotations = Map::new();
    for (member, key) in [
        ("scaleDownDeadline", labels::SCALE_DOWN_DEADLINE),
        ("revision", labels::REVISION),
        ("desired", labels::DESIRED_REPLICAS),
    ] {
        if let Some(text) = set.get(member) {
            annotations.insert(key.to_owned(), text.clone());
        }
    }
    let set = json!({
        "metadata": {"name": set["name"], "annotations": annotations, "ownerReferences": [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "r", "uid": "u", "controller": true}]},
        "spec": {"replicas": set["replicas"]},
    });
    let rollout = json!({"metadata": {"name": "r", "namespace": "n", "uid": "u"}});
    let (snapshot, _) = parse(&Observed {
        rollout: Arc::new(serde_json::from_value(rollout)?),
        replica_sets: vec![Arc::new(serde_json::from_value(set)?)],
        ..Observed::default()
    });
    let found = snapshot.replica_sets.first().context("a ReplicaSet")?;
    let mut answer = json!({
        "desired": [found.desired.unwrap_or(0), found.desired.is_some()],
        "has": found.scale_down_deadline.is_some(),
    });
    match &found.scale_down_deadline {
        Some(Deadline::At(at)) => {
            let left = at.duration_since(NOW.parse::<Timestamp>()?).as_nanos();
            if left > 0 {
                let left = Duration::from_nanoseconds(i64::try_from(left)?);
                answer["remaining"] = json!(left.to_string());
            }
        }
        Some(Deadline::Unreadable(_)) => {
            let name = &found.name;
            answer["error"] = json!(format!("unable to read scaleDownAt label on rs '{name}'"));
        }
        None => {}
    }
    match (found.revision, annotations_of(case, "revision")) {
        (Some(revision), _) => answer["revision"] = json!(revision),
        (None, "") => answer["revision"] = json!(0),
        // Its words are Go's.
        (None, _) => answer["revisionError"] = case["output"]["revisionError"].clone(),
    }
    Ok(answer)
}

fn annotations_of<'a>(case: &'a Value, member: &str) -> &'a str {
    case["rs"][member].as_str().unwrap_or_default()
}

/// A cache that has come to a version.
struct Reached(Option<u64>);

impl Seen for Reached {
    fn version(&self, _resource: &Resource) -> Option<u64> {
        self.0
    }
}

/// Whether a cache that has come to `b` lacks what was written at `a`. Versions that are not well formed
/// or beyond 64 bits are not noted, so nothing is asked of them.
pub(super) fn resource_version(case: &Value) -> Value {
    let expected = &case["output"];
    let number = |which: &str| {
        case[which]
            .as_str()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let (Some(order), Some(written), Some(seen)) = (expected.as_i64(), number("a"), number("b"))
    else {
        return expected.clone();
    };
    let owner = ObjectKey::new(ROLLOUTS, "n", "r");
    let mut ledger = Ledger::default();
    ledger.record(&owner, &INGRESSES, &written.to_string());
    let lacks = ledger.check(&owner, &Reached(Some(seen))) != Freshness::Fresh;
    if lacks == (order > 0) {
        expected.clone()
    } else {
        json!({ "lacks": lacks })
    }
}

/// The names of a canary Ingress and of `VirtualServices`; ALB's annotations are part of its writes, and not
/// asked here.
pub(super) fn names(case: &Value) -> Result<Value> {
    let name = |which: &str| case[which].as_str().unwrap_or_default().to_owned();
    let (first, second) = (name("a"), name("b"));
    let mut answer = case["output"].clone();
    if !second.is_empty() {
        let routing = json!({"nginx": {"stableIngress": second}});
        let key = read_by(&first, &routing, &INGRESSES, 1)?;
        answer["canaryIngress"] = json!(key.name);
        let routing = json!({"istio": {"virtualService": {"name": second}}});
        let key = read_by(&first, &routing, &VIRTUAL_SERVICES, 0)?;
        answer["virtualServiceOf"] = json!([key.namespace, key.name]);
    }
    Ok(answer)
}

/// The object of this kind that a Rollout with this routing reads, by its place among them.
fn read_by(name: &str, routing: &Value, kind: &Resource, place: usize) -> Result<ObjectKey> {
    let rollout: Rollout = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"strategy": {"canary": {"trafficRouting": routing}}},
    }))?;
    let mut keys = traffic::reads(&rollout)
        .into_iter()
        .filter(|key| key.resource == *kind);
    keys.nth(place).context("an object that is read")
}
