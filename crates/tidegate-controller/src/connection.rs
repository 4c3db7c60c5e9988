//! kubectl's connection flags (CLI-002, OPS-01): which API server, and as whom.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use http::{HeaderName, HeaderValue};
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

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
    /// Do not ask for compressed answers
    #[arg(long, global = true)]
    pub disable_compression: bool,
}

/// The connection that the flags, the environment or the pod's own account say.
///
/// # Errors
/// When no usable cluster is named, or a flag cannot be used.
pub async fn config(args: &ConnectionArgs) -> anyhow::Result<Config> {
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
