//! `set image NAME CONTAINER=IMAGE` (ACT-13, CLI-307).

use anyhow::{Context, bail};
use serde_json::Value;
use tidegate_core::plan::{ROLLOUTS, Resource};

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, is_conflict};

/// How often a conflict is tried again.
const ATTEMPTS: usize = 5;
/// Every list of a pod's containers.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Updates a value of a resource.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to set.
    #[command(subcommand)]
    pub what: What,
}

/// What can be set.
#[derive(clap::Subcommand, Debug)]
pub enum What {
    /// Update the image of a rollout
    Image {
        /// Which rollout
        #[arg(value_name = "ROLLOUT_NAME")]
        name: String,
        /// Which container, `*` for all, and its image
        #[arg(value_name = "CONTAINER=IMAGE", value_parser = container_and_image)]
        image: (String, String),
    },
}

fn container_and_image(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !image.contains('=') => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("give it as CONTAINER=IMAGE".to_owned()),
    }
}

/// # Errors
/// When there is no such container or the object cannot be written.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let What::Image { name, image } = args.what;
    let cluster = Cluster::connect(connection).await?;
    let (kind, name) = set_image(&cluster, &name, &image).await?;
    writeln!(streams.out, "{kind} \"{name}\" image updated")?;
    Ok(())
}

/// Sets the image; says on which object.
///
/// # Errors
/// When there is no such container or the object cannot be written.
pub(crate) async fn set_image(
    cluster: &Cluster,
    rollout: &str,
    (container, image): &(String, String),
) -> anyhow::Result<(String, String)> {
    let mut attempt = 1;
    loop {
        let (resource, mut object) = target(cluster, rollout).await?;
        replace(&mut object, container, image)?;
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match cluster.put(&resource, &name, &object).await {
            Ok(_) => return Ok((resource.kind.to_lowercase(), name)),
            Err(error) if is_conflict(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The object that holds the template: the Rollout or the Deployment that it refers to.
async fn target(cluster: &Cluster, rollout: &str) -> anyhow::Result<(Resource, Value)> {
    let object = cluster.get(&ROLLOUTS, rollout).await?;
    let reference = &object["spec"]["workloadRef"];
    if reference.is_null() {
        return Ok((ROLLOUTS, object));
    }
    let kind = reference["kind"].as_str().unwrap_or_default();
    if kind != "Deployment" {
        bail!("spec.workloadRef names a {kind}: set its image there");
    }
    let name = reference["name"]
        .as_str()
        .context("spec.workloadRef.name is not a string")?;
    let deployments = Resource::new("apps", "v1", "Deployment", "deployments");
    let object = cluster.get(&deployments, name).await?;
    Ok((deployments, object))
}

fn replace(object: &mut Value, container: &str, image: &str) -> anyhow::Result<()> {
    let mut found = false;
    for list in LISTS {
        let Some(containers) = object
            .pointer_mut(&format!("/spec/template/spec/{list}"))
            .and_then(Value::as_array_mut)
        else {
            continue;
        };
        for one in containers {
            if container == "*" || one["name"] == container {
                one["image"] = image.into();
                found = true;
            }
        }
    }
    if !found {
        bail!("unable to find container named \"{container}\"");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_means_every_container_and_unknown_fields_stay() {
        let mut object = json!({"spec": {"template": {"spec": {
            "initContainers": [{"name": "i", "image": "a"}],
            "containers": [{"name": "c", "image": "a", "later": 1}],
        }}}});
        replace(&mut object, "*", "b").unwrap();
        assert_eq!(
            object,
            json!({"spec": {"template": {"spec": {
                "initContainers": [{"name": "i", "image": "b"}],
                "containers": [{"name": "c", "image": "b", "later": 1}],
            }}}})
        );
    }

    #[test]
    fn a_container_that_is_not_there_is_named() {
        let error = replace(&mut json!({}), "web", "b").unwrap_err();
        assert_eq!(error.to_string(), "unable to find container named \"web\"");
    }
}
