//! The cluster that a command talks to, in raw requests, so that fields nobody here knows survive.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use futures::{Stream, StreamExt};
use http::{Method, Request};
use kube::{Client, Config};
use serde_json::Value;
pub use tidegate_controller::connection::ConnectionArgs;
use tidegate_controller::{
    connection, path,
    wire::{self, Event, Item},
};
use tidegate_core::plan::Resource;

/// Flags that scripts give and that change nothing here.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct IgnoredArgs {
    /// Accepted for kubectl's sake; nothing is cached
    #[arg(long, global = true)]
    pub cache_dir: Option<PathBuf>,
    /// Accepted for kubectl's sake
    #[arg(long, short = 'v', global = true)]
    pub kloglevel: Option<u32>,
    /// Accepted for the plugin's sake
    #[arg(long, global = true)]
    pub loglevel: Option<String>,
}

/// A cluster and the namespace that commands act in.
#[derive(Clone)]
pub struct Cluster {
    /// The connection.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
    /// Where the API server is.
    pub server: String,
}

/// What a list says.
#[derive(Debug)]
pub struct Listing {
    /// The objects; one that cannot be read hides no other.
    pub items: Vec<Item>,
    /// The version of the list.
    pub version: String,
}

/// How a change is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// JSON merge patch (RFC 7386).
    Merge,
    /// JSON patch (RFC 6902).
    Json,
}

impl Patch {
    fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
        }
    }
}

impl Cluster {
    /// Connects as the flags, the environment or the pod's own account say.
    ///
    /// # Errors
    /// When no usable cluster is named.
    pub async fn connect(args: &ConnectionArgs) -> anyhow::Result<Self> {
        Self::new(connection::config(args).await?)
    }

    /// The cluster of a configuration.
    ///
    /// # Errors
    /// When certificates or credentials of the configuration cannot be used.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        let namespace = config.default_namespace.clone();
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config)
            .with_context(|| format!("cannot connect to the API server {server}"))?;
        Ok(Self {
            client,
            namespace,
            server,
        })
    }

    /// One object.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn get(&self, resource: &Resource, name: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, &self.object(resource, name), None)
            .await
    }

    /// All objects of a kind that a label selector names, in this namespace or in all.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<Listing> {
        let request =
            Request::get(with_query(path::of_kind(resource, namespace), query)).body(Vec::new())?;
        let answer = self.client.request_text(request).await;
        let text = answer.map_err(|error| self.plain(error))?;
        let page = wire::page(&text).map_err(|error| self.plain(kube::Error::SerdeError(error)))?;
        Ok(Listing {
            items: page.items.into_iter().map(wire::item).collect(),
            version: page.version,
        })
    }

    /// Replaces an object.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn put(
        &self,
        resource: &Resource,
        name: &str,
        object: &Value,
    ) -> anyhow::Result<Value> {
        let body = ("application/json", object);
        self.send(Method::PUT, &self.object(resource, name), Some(body))
            .await
    }

    /// Patches an object.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn patch(
        &self,
        resource: &Resource,
        name: &str,
        (kind, patch): (Patch, &Value),
    ) -> anyhow::Result<Value> {
        let body = (kind.content_type(), patch);
        self.send(Method::PATCH, &self.object(resource, name), Some(body))
            .await
    }

    /// Patches the status, or the whole object where there is no status subresource (ACT-06).
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn patch_status(
        &self,
        resource: &Resource,
        name: &str,
        patch: &Value,
    ) -> anyhow::Result<Value> {
        match self.patch_status_only(resource, name, patch).await {
            Err(error) if is_not_found(&error) => {
                self.patch(resource, name, (Patch::Merge, patch)).await
            }
            answer => answer,
        }
    }

    /// Patches the status subresource.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn patch_status_only(
        &self,
        resource: &Resource,
        name: &str,
        patch: &Value,
    ) -> anyhow::Result<Value> {
        let uri = format!("{}/status", self.object(resource, name));
        let body = (Patch::Merge.content_type(), patch);
        self.send(Method::PATCH, &uri, Some(body)).await
    }

    /// Changes from a version on.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn watch(
        &self,
        resource: &Resource,
        namespace: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<Event>> + use<>> {
        let mut all = vec![("watch", "true")];
        all.extend(query);
        let request =
            Request::get(with_query(path::of_kind(resource, namespace), &all)).body(Vec::new())?;
        let events = wire::events(&self.client, request).await;
        let events = events.map_err(|error| self.plain(error))?;
        let cluster = self.clone();
        Ok(events.map(move |event| event.map_err(|error| cluster.plain(error))))
    }

    fn object(&self, resource: &Resource, name: &str) -> String {
        format!("{}/{name}", path::of_kind(resource, &self.namespace))
    }

    async fn send(
        &self,
        method: Method,
        uri: &str,
        body: Option<(&str, &Value)>,
    ) -> anyhow::Result<Value> {
        let request = Request::builder().method(method).uri(uri);
        let request = match body {
            Some((content_type, body)) => request
                .header("content-type", content_type)
                .body(body.to_string().into_bytes()),
            None => request.body(Vec::new()),
        };
        let answer = self.client.request_text(request?).await;
        let text = answer.map_err(|error| self.plain(error))?;
        let item =
            wire::object(&text).map_err(|error| self.plain(kube::Error::SerdeError(error)))?;
        item.map_err(|unreadable| anyhow!("{unreadable}"))
    }

    /// What the server said, as it is; anything else with what to look at.
    fn plain(&self, error: kube::Error) -> anyhow::Error {
        if let kube::Error::Api(status) = &error {
            let message = status.message.clone();
            return anyhow::Error::from(error).context(message);
        }
        let server = &self.server;
        let mut cause: &dyn std::error::Error = &error;
        // The layers above only repeat that a request failed.
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        anyhow!(
            "cannot talk to the API server {server}: {cause}; check --kubeconfig, --context and --server"
        )
    }
}

/// Whether the server answered 404.
pub fn is_not_found(error: &anyhow::Error) -> bool {
    code(error) == Some(404)
}

/// Whether the server answered 409.
pub fn is_conflict(error: &anyhow::Error) -> bool {
    code(error) == Some(409)
}

fn code(error: &anyhow::Error) -> Option<u16> {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

fn with_query(path: String, query: &[(&str, &str)]) -> String {
    let set = query.iter().filter(|(_, value)| !value.is_empty());
    let text = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(set)
        .finish();
    if text.is_empty() {
        path
    } else {
        format!("{path}?{text}")
    }
}
