//! `undo NAME [--to-revision N]`: puts an earlier pod template back (ACT-13, CLI-308).

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_api::{
    labels,
    pod_template::{
        anti_affinity::Rule,
        ephemeral::{self, Injected},
    },
    rollout::Rollout,
};
use tidegate_core::plan::{DEPLOYMENTS, POD_TEMPLATES, REPLICA_SETS, ROLLOUTS, Resource};

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, Patch};

/// Rolls back to the previous revision, or to the one that is named.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "ROLLOUT_NAME")]
    pub name: String,
    /// The revision to go back to; 0 is the last one before the newest
    #[arg(long, default_value_t = 0)]
    pub to_revision: i64,
}

/// # Errors
/// When there is no such revision or the template cannot be put back.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let cluster = Cluster::connect(connection).await?;
    let rollout = cluster.get(&ROLLOUTS, &args.name).await?;
    let sets = cluster
        .list(
            &REPLICA_SETS,
            &cluster.namespace,
            &[("labelSelector", &labels_of(&rollout))],
        )
        .await
        .with_context(|| format!("failed to retrieve replica sets from rollout {}", args.name))?;
    let mut known = Vec::new();
    for item in sets.items {
        match item {
            Ok(set) => known.push(set),
            Err(unreadable) => writeln!(streams.err, "replicaset {unreadable}")?,
        }
    }
    let mut template = find(&rollout, &known, args.to_revision)?;
    remove_hash(&mut template);
    let mut current = rollout["spec"]["template"].clone();
    remove_hash(&mut current);
    // A Rollout with a workloadRef has no template of its own to compare.
    if current.is_object() && is_part_of(&current, &template) {
        write!(
            streams.out,
            "skipped rollback (current template already matches revision {})",
            args.to_revision
        )?;
        return Ok(());
    }
    restore(&cluster, &rollout, &template)
        .await
        .with_context(|| format!("failed restoring revision {}", args.to_revision))?;
    writeln!(streams.out, "rollout '{}' undo", args.name)?;
    Ok(())
}

/// Puts a template in the place of the one there is.
async fn restore(cluster: &Cluster, rollout: &Value, template: &Value) -> anyhow::Result<()> {
    let (resource, name) = target(rollout)?;
    let place = if resource == POD_TEMPLATES {
        "/template"
    } else {
        "/spec/template"
    };
    let patch = json!([{"op": "replace", "path": place, "value": template}]);
    cluster
        .patch(&resource, &name, (Patch::Json, &patch))
        .await?;
    Ok(())
}

/// Narrows a list to what the Rollout may own; whether it does, its owner says. Expressions are left
/// out: they only would narrow it more.
fn labels_of(rollout: &Value) -> String {
    let labels = rollout["spec"]["selector"]["matchLabels"].as_object();
    let pairs: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    pairs.join(",")
}

/// The template of the revision that is asked for; 0 is the second newest.
fn find(rollout: &Value, sets: &[Value], to_revision: i64) -> anyhow::Result<Value> {
    let uid = &rollout["metadata"]["uid"];
    let mut revisions: Vec<(i64, &Value)> = sets
        .iter()
        .filter(|set| {
            set["metadata"]["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|owner| owner["controller"] == true && owner["uid"] == *uid)
        })
        .filter_map(|set| {
            let revision = match set["metadata"]["annotations"][labels::REVISION].as_str() {
                Some(text) => text.parse().ok()?,
                None => 0,
            };
            Some((revision, set))
        })
        .collect();
    revisions.sort_by_key(|(revision, _)| -revision);
    let named = revisions
        .iter()
        .find(|(revision, _)| *revision == to_revision);
    let found = match to_revision {
        0 => revisions.get(1),
        _ => named,
    };
    let found = found.with_context(|| match to_revision {
        1.. => format!("unable to find specified revision {to_revision} in history"),
        _ => format!(
            "no revision found for rollout {}",
            rollout["metadata"]["name"]
        ),
    })?;
    Ok(own_template(rollout, found.1))
}

/// The template as its user wrote it: without the metadata of a role and without the rule that kept it
/// away from another version. Upstream puts both into the Rollout, which makes another version of it.
fn own_template(rollout: &Value, set: &Value) -> Value {
    let mut template = set["spec"]["template"].clone();
    let notes = BTreeMap::<String, String>::deserialize(&set["metadata"]["annotations"]);
    if let Some(injected) = Injected::read(&notes.unwrap_or_default()) {
        template = ephemeral::without(&template, &injected);
    }
    let rule = Rollout::deserialize(rollout).ok();
    let rule = rule.and_then(|rollout| Rule::of(&rollout));
    if let Some(rule) = rule
        && let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(affinity) = spec.remove("affinity")
    {
        let own = rule.removed_from(&affinity);
        if !own.is_null() {
            spec.insert("affinity".to_owned(), own);
        }
    }
    template
}

fn remove_hash(template: &mut Value) {
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(labels::POD_TEMPLATE_HASH);
    }
}

/// Whether everything that `part` says, `whole` says too: what the API added by default is no change.
fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Null, _) => true,
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(name, value)| {
            is_part_of(value, whole.get(name).unwrap_or(&Value::Null))
                || (is_empty(value) && !whole.contains_key(name))
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.is_empty()
                || (part.len() == whole.len()
                    && part
                        .iter()
                        .zip(whole)
                        .all(|(part, whole)| is_part_of(part, whole)))
        }
        (Value::String(part), _) if part.is_empty() => true,
        (part, whole) => part == whole,
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
}

/// The object whose template is put back: the Rollout or what its workloadRef names.
fn target(rollout: &Value) -> anyhow::Result<(Resource, String)> {
    let reference = &rollout["spec"]["workloadRef"];
    let name = |object: &Value| object["name"].as_str().unwrap_or_default().to_owned();
    if reference.is_null() {
        return Ok((ROLLOUTS, name(&rollout["metadata"])));
    }
    let resource = match reference["kind"].as_str().unwrap_or_default() {
        "Deployment" => DEPLOYMENTS,
        "ReplicaSet" => REPLICA_SETS,
        "PodTemplate" => POD_TEMPLATES,
        kind => bail!("workload of type {kind} is not supported"),
    };
    Ok((resource, name(reference)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(revision: &str, image: &str) -> Value {
        json!({
            "metadata": {
                "annotations": {labels::REVISION: revision},
                "ownerReferences": [{"controller": true, "uid": "u"}],
            },
            "spec": {"template": {"metadata": {"labels": {labels::POD_TEMPLATE_HASH: "x"}}, "spec": {"image": image}}},
        })
    }

    #[track_caller]
    fn check(to_revision: i64, expected: Result<&str, &str>) {
        let rollout = json!({"metadata": {"name": "web", "uid": "u"}});
        let sets = [set("2", "b"), set("10", "c"), set("1", "a")];
        let found = find(&rollout, &sets, to_revision)
            .map(|template| {
                template["spec"]["image"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn without_a_number_the_second_newest_revision_comes_back() {
        check(0, Ok("b"));
    }

    #[test]
    fn a_revision_can_be_named() {
        check(1, Ok("a"));
        check(7, Err("unable to find specified revision 7 in history"));
        check(-1, Err("no revision found for rollout \"web\""));
    }

    #[test]
    fn what_was_injected_is_not_put_back() {
        let rollout = json!({
            "metadata": {"name": "web", "uid": "u"},
            "spec": {"strategy": {"canary": {"antiAffinity":
                {"requiredDuringSchedulingIgnoredDuringExecution": {}}}}},
        });
        let mut stored = set("1", "a");
        let template = stored["spec"]["template"].clone();
        stored["metadata"]["annotations"][labels::EPHEMERAL_METADATA] =
            json!(r#"{"labels":{"role":"stable"}}"#);
        stored["spec"]["template"]["metadata"]["labels"]["role"] = json!("stable");
        stored["spec"]["template"]["spec"]["affinity"] =
            Rule::Required.added_to(&Value::Null, ("shop", "x"));
        assert_eq!(find(&rollout, &[stored], 1).unwrap(), template);
    }

    #[test]
    fn defaults_of_the_api_are_no_difference() {
        let short = json!({"spec": {"containers": [{"image": "a", "resources": {}}]}});
        let long = json!({"spec": {"containers": [{"image": "a", "imagePullPolicy": "Always"}], "dnsPolicy": "ClusterFirst"}});
        assert!(is_part_of(&short, &long));
        assert!(!is_part_of(&long, &short));
    }
}
