//! The cluster that a command talks to: kubectl's connection flags (CLI-002), and raw requests, so
//! that fields nobody here knows survive.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use futures::{Stream, StreamExt};
use http::{HeaderName, HeaderValue, Method, Request};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use tidegate_controller::wire::{self, Event, Item};
use tidegate_core::plan::Resource;

/// kubectl's connection flags.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of kubectl's")]
pub struct ConnectionArgs {
    /// Path to the kubeconfig file
    #[arg(long, global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig context to use
    #[arg(long, global = true)]
    pub context: Option<String>,
    /// The kubeconfig cluster to use
    #[arg(long, global = true)]
    pub cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, global = true)]
    pub user: Option<String>,
    /// The namespace for this request
    #[arg(long, short, global = true)]
    pub namespace: Option<String>,
    /// Address and port of the API server
    #[arg(long, short, global = true)]
    pub server: Option<String>,
    /// Bearer token for authentication
    #[arg(long, global = true)]
    pub token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true)]
    pub impersonate: Option<String>,
    /// Group to impersonate, may be repeated
    #[arg(long = "as-group", global = true)]
    pub impersonate_group: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true)]
    pub impersonate_uid: Option<String>,
    /// Path to the certificate of the authority that signed the server's
    #[arg(long, global = true)]
    pub certificate_authority: Option<PathBuf>,
    /// Path to a client certificate
    #[arg(long, global = true)]
    pub client_certificate: Option<PathBuf>,
    /// Path to a client key
    #[arg(long, global = true)]
    pub client_key: Option<PathBuf>,
    /// Do not check the server's certificate
    #[arg(long, global = true)]
    pub insecure_skip_tls_verify: bool,
    /// Name to check the server's certificate against
    #[arg(long, global = true)]
    pub tls_server_name: Option<String>,
    /// How long to wait for one request, such as 10s; 0 waits forever
    #[arg(long, global = true, default_value = "0")]
    pub request_timeout: String,
    /// Accepted for kubectl's sake; nothing is cached
    #[arg(long, global = true)]
    pub cache_dir: Option<PathBuf>,
    /// Do not ask for compressed answers
    #[arg(long, global = true)]
    pub disable_compression: bool,
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
        Self::new(config(args).await?)
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
        let request = Request::get(with_query(path(resource, namespace), query)).body(Vec::new())?;
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
        let request = Request::get(with_query(path(resource, namespace), &all)).body(Vec::new())?;
        let events = wire::events(&self.client, request).await;
        let events = events.map_err(|error| self.plain(error))?;
        let cluster = self.clone();
        Ok(events.map(move |event| event.map_err(|error| cluster.plain(error))))
    }

    fn object(&self, resource: &Resource, name: &str) -> String {
        format!("{}/{name}", path(resource, &self.namespace))
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

fn path(resource: &Resource, namespace: &str) -> String {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    if namespace.is_empty() {
        format!("{root}/{}", resource.plural)
    } else {
        format!("{root}/namespaces/{namespace}/{}", resource.plural)
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

async fn config(args: &ConnectionArgs) -> anyhow::Result<Config> {
    let options = KubeConfigOptions {
        context: args.context.clone(),
        cluster: args.cluster.clone(),
        user: args.user.clone(),
    };
    let named = args.context.is_some() || args.cluster.is_some() || args.user.is_some();
    let mut config = match &args.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .with_context(|| {
                    format!("the kubeconfig {} names no usable cluster", path.display())
                })?
        }
        None if named => Config::from_kubeconfig(&options)
            .await
            .context("the kubeconfig has no such context, cluster or user")?,
        None => match (Config::infer().await, &args.server) {
            (Ok(config), _) => config,
            (Err(_), Some(server)) => Config::new(server.parse().context("--server is no URL")?),
            (Err(error), None) => {
                return Err(anyhow::Error::from(error)
                    .context("no cluster: give --kubeconfig or --server, or set KUBECONFIG"));
            }
        },
    };
    override_with(&mut config, args)?;
    Ok(config)
}

fn override_with(config: &mut Config, args: &ConnectionArgs) -> anyhow::Result<()> {
    if let Some(server) = &args.server {
        config.cluster_url = server
            .parse()
            .with_context(|| format!("--server {server} is no URL"))?;
    }
    if let Some(namespace) = args.namespace.as_ref().filter(|name| !name.is_empty()) {
        config.default_namespace.clone_from(namespace);
    }
    if let Some(token) = &args.token {
        // Nothing of the kubeconfig may come before the flag.
        let auth = &mut config.auth_info;
        (auth.auth_provider, auth.username, auth.exec) = (None, None, None);
        auth.token = Some(token.clone().into());
    }
    if args.impersonate.is_some() {
        config.auth_info.impersonate.clone_from(&args.impersonate);
    }
    if !args.impersonate_group.is_empty() {
        config.auth_info.impersonate_groups = Some(args.impersonate_group.clone());
    }
    if let Some(uid) = &args.impersonate_uid {
        let value = HeaderValue::from_str(uid).context("--as-uid is no header value")?;
        config
            .headers
            .push((HeaderName::from_static("impersonate-uid"), value));
    }
    if let Some(path) = &args.certificate_authority {
        config.root_cert = Some(certificates(path)?);
        config.root_cert_file = None;
    }
    if let Some(path) = &args.client_certificate {
        config.auth_info.client_certificate_data = None;
        config.auth_info.client_certificate = Some(path.to_string_lossy().into_owned());
    }
    if let Some(path) = &args.client_key {
        config.auth_info.client_key_data = None;
        config.auth_info.client_key = Some(path.to_string_lossy().into_owned());
    }
    config.accept_invalid_certs |= args.insecure_skip_tls_verify;
    if args.tls_server_name.is_some() {
        config.tls_server_name.clone_from(&args.tls_server_name);
    }
    config.disable_compression |= args.disable_compression;
    config.connect_timeout = Some(Duration::from_secs(10));
    if let Some(timeout) = timeout(&args.request_timeout)? {
        config.read_timeout = Some(timeout);
    }
    Ok(())
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let unusable = || format!("--certificate-authority {} is unusable", path.display());
    let found = CertificateDer::pem_file_iter(path).with_context(unusable)?;
    found
        .map(|certificate| Ok(certificate.with_context(unusable)?.to_vec()))
        .collect()
}

fn timeout(text: &str) -> anyhow::Result<Option<Duration>> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok((seconds > 0).then(|| Duration::from_secs(seconds)));
    }
    match tidegate_gocompat::duration::parse(text) {
        Ok(duration) => match u64::try_from(duration.nanoseconds()) {
            Ok(0) => Ok(None),
            Ok(nanoseconds) => Ok(Some(Duration::from_nanos(nanoseconds))),
            Err(_) => bail!("--request-timeout {text} is negative"),
        },
        Err(_) => bail!("--request-timeout {text} is no duration, such as 10s or 1m"),
    }
}
