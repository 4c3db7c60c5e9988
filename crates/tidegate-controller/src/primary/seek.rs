//! The Secret that names the primary cluster: watched, so that a new one, or new credentials in it, need no restart,
//! and looked for now and then where it must not be watched.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Deserialize;
use tidegate_api::labels;
use tidegate_core::plan::{DESTINATION_RULES, SECRETS, VIRTUAL_SERVICES};

use super::{At, kubeconfig};
use crate::{
    ask,
    cluster::Cluster,
    fence::Fence,
    reconcile::Shell,
    server::{self, Rate, Server, Unanswered},
    watch::{self, Need, Scope},
};

/// Before the next look where a watch cannot go on.
const LOOK: Duration = Duration::from_secs(10);
/// Between two looks where Secrets must not be listed, or not watched: a right is given by hand, and seldom.
const LOOK_AGAIN: Duration = Duration::from_mins(5);
/// Between two tries after an error, at first.
const FIRST_DELAY: Duration = Duration::from_millis(200);

/// Where the Secret may be.
pub(crate) struct Where {
    /// What the controller works on: one namespace, or all of them if empty.
    pub(crate) scope: String,
    /// The controller's own namespace, for controllers that must not list the Secrets of all.
    pub(crate) home: String,
}

/// What a look has found.
#[derive(PartialEq, Eq)]
enum Found {
    /// No such Secret.
    Nothing,
    /// Secrets must not be listed, so there is none as far as the controller can know.
    Forbidden,
    /// One, and how many more.
    Secret(Secret, usize),
}

/// A Secret; it is never shown.
#[derive(PartialEq, Eq)]
struct Secret {
    name: String,
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: Listed,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Named,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    namespace: String,
    name: String,
}

/// A look, and from where on it can be watched.
struct Look {
    found: Found,
    seen: Option<(Scope, String)>,
}

/// Looks for the Secret for as long as the task lives, and leads Istio's reads and writes to where it says.
pub(crate) async fn seek(shell: Arc<Shell>, place: Where, (rate, fence): (Option<Rate>, Fence)) {
    let mut held = None;
    let mut delay = FIRST_DELAY;
    loop {
        let Look { found, seen } = match look(&shell.server, &place).await {
            Ok(look) => look,
            Err(error) => {
                tracing::warn!(%error, "cannot look for a primary cluster of Istio's");
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(LOOK);
                continue;
            }
        };
        delay = FIRST_DELAY;
        if found == Found::Forbidden && matches!(held, Some(Found::Secret(..))) {
            // What was found holds until somebody says otherwise.
            tracing::warn!(
                "Secrets must not be listed any more: a change of the primary cluster's would not be seen"
            );
        } else if held.as_ref() != Some(&found) {
            let at = match (&held, &found) {
                (Some(Found::Secret(secret, _)), Found::Nothing) => gone(secret),
                _ => at(&shell, &found, (rate, &fence)).await,
            };
            settle(&shell, at).await;
            held = Some(found);
        }
        wait(&shell.server, seen).await;
    }
}

/// Until there may be something else to find.
async fn wait(server: &Server, seen: Option<(Scope, String)>) {
    let Some((scope, version)) = seen else {
        tokio::time::sleep(LOOK_AGAIN).await;
        return;
    };
    match watch::until_news(server, &scope, version).await {
        Ok(()) => {}
        Err(kube::Error::Api(status)) if status.code == 403 => {
            tracing::info!(
                "Secrets must not be watched: whether one names a primary cluster of Istio's is asked now and then"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(error) => {
            let error = server::chain(&error);
            tracing::debug!(%error, "the watch of Secrets cannot go on");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A Secret may be deleted by mistake, or to be made anew, and the own cluster may have objects of the same names:
/// nothing is written there unless somebody means it.
fn gone(secret: &Secret) -> At {
    let sentence = format!(
        "Secret {}, which named the primary cluster, is gone or has lost its label {}: put it back, or restart the \
         controller to have Istio's objects in its own cluster",
        secret.name,
        labels::PRIMARY_CLUSTER
    );
    tracing::warn!("{sentence}");
    At::Nowhere(sentence)
}

/// Versions of another cluster are other numbers: what was noted of the last one is void.
async fn settle(shell: &Shell, at: At) {
    shell.mesh.move_to(at);
    let mut ledger = shell.ledger.lock().await;
    for resource in [VIRTUAL_SERVICES, DESTINATION_RULES] {
        ledger.forget_kind(&resource);
    }
}

async fn look(server: &Server, place: &Where) -> Result<Look, Unanswered> {
    let mut namespaces = vec![&place.scope];
    if place.home != place.scope {
        namespaces.push(&place.home);
    }
    for namespace in namespaces {
        match list(server, namespace, &place.home).await {
            Err(Unanswered::Refused(refused)) if refused.code == 403 => {}
            found => return found,
        }
    }
    Ok(Look {
        found: Found::Forbidden,
        seen: None,
    })
}

async fn list(server: &Server, namespace: &str, home: &str) -> Result<Look, Unanswered> {
    let scope = Scope {
        resource: SECRETS,
        namespace: namespace.to_owned(),
        labels: format!("{}=true", labels::PRIMARY_CLUSTER),
        need: Need::IfServed,
    };
    let path = ask::list_path(&SECRETS, namespace, &scope.labels);
    let text = ask::text(server, path).await?;
    // What cannot be read is not quoted.
    let list: List = serde_json::from_str(&text)
        .map_err(|_| Unanswered::Lost("the answer is no list of Secrets".to_owned()))?;
    let seen = Some((scope, list.metadata.resource_version.clone()));
    Ok(Look {
        found: first(list, home),
        seen,
    })
}

/// The first of the Secrets with the label. Keeps TR-303.
///
/// Differs from upstream: those of the controller's own namespace come before others, because whoever may write
/// there has the controller in hand already.
fn first(List { mut items, .. }: List, home: &str) -> Found {
    items.sort_by_key(|Item { metadata, .. }| {
        let is_elsewhere = metadata.namespace != home;
        (
            is_elsewhere,
            metadata.namespace.clone(),
            metadata.name.clone(),
        )
    });
    let others = items.len().saturating_sub(1);
    match items.into_iter().next() {
        None => Found::Nothing,
        Some(Item { metadata, data }) => Found::Secret(
            Secret {
                name: format!("{}/{}", metadata.namespace, metadata.name),
                data,
            },
            others,
        ),
    }
}

/// Where that leads.
async fn at(shell: &Shell, found: &Found, (rate, fence): (Option<Rate>, &Fence)) -> At {
    let (secret, others) = match found {
        Found::Nothing => return At::Own,
        Found::Forbidden => {
            tracing::info!(
                "Secrets must not be listed, so none is looked for that names a primary cluster of Istio's"
            );
            return At::Own;
        }
        Found::Secret(secret, others) => (secret, *others),
    };
    let name = &secret.name;
    if others > 0 {
        tracing::warn!(secret = %name, others, "more than one Secret names a primary cluster of Istio's: the first one counts");
    }
    match cluster(secret).await {
        Ok((key, client, remote)) => {
            let address = remote.address();
            tracing::info!(secret = %name, %key, %address, "Istio's objects are in the primary cluster");
            let server = Server::new(client, rate, Arc::clone(&shell.metrics));
            At::Primary(Box::new(Cluster::new(server, fence)), Arc::new(remote))
        }
        Err(why) => {
            let sentence = format!(
                "Secret {name} names no primary cluster that can be used: {why}: correct it, or take the label {} off",
                labels::PRIMARY_CLUSTER
            );
            tracing::error!("{sentence}");
            At::Nowhere(sentence)
        }
    }
}

/// Upstream takes any of several keys; here it is the first.
async fn cluster(secret: &Secret) -> Result<(String, kube::Client, super::Remote), String> {
    let Some((key, coded)) = secret.data.first_key_value() else {
        return Err("it has no key with a kubeconfig".to_owned());
    };
    let text = ask::decode(coded).unwrap_or_default();
    let (client, remote) = kubeconfig::connect(&secret.name, &text)
        .await
        .map_err(|why| format!("its key {key}: {why}"))?;
    Ok((key.clone(), client, remote))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_first(names: &[(&str, &str)], expected: Option<(&str, usize)>) {
        let items: Vec<_> = names
            .iter()
            .map(|(namespace, name)| json!({"metadata": {"namespace": namespace, "name": name}}))
            .collect();
        let list = serde_json::from_value(json!({"items": items})).unwrap();
        let found = match first(list, "argo-rollouts") {
            Found::Secret(secret, others) => Some((secret.name, others)),
            Found::Nothing | Found::Forbidden => None,
        };
        let expected = expected.map(|(name, others)| (name.to_owned(), others));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_secret_counts_but_for_one_of_the_controller_s_own_namespace() {
        check_first(&[], None);
        check_first(&[("mesh", "b"), ("mesh", "a")], Some(("mesh/a", 1)));
        check_first(
            &[("argo-rollouts", "z"), ("a", "a"), ("mesh", "a")],
            Some(("argo-rollouts/z", 2)),
        );
    }

    async fn why(data: &[(&str, &str)]) -> Option<String> {
        let data = data
            .iter()
            .map(|(key, coded)| ((*key).to_owned(), (*coded).to_owned()));
        let secret = Secret {
            name: "mesh/primary".to_owned(),
            data: data.collect(),
        };
        cluster(&secret).await.err()
    }

    /// Differs from upstream, which panics without a key and takes any of several.
    #[tokio::test]
    async fn a_secret_without_a_kubeconfig_is_told_and_the_first_key_counts() {
        let nothing = "it has no key with a kubeconfig";
        assert_eq!(why(&[]).await.as_deref(), Some(nothing));
        let empty = "its key a: it is empty";
        let both = [("b", "aHVudGVyMg=="), ("a", "")];
        assert_eq!(why(&both).await.as_deref(), Some(empty));
    }
}
