//! kubectl's connection flags (CLI-002, OPS-01): which API server, and as whom.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use http::{HeaderName, HeaderValue, Uri};
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
            (Err(_), Some(server)) => Config::new(address(server)?),
            (Err(error), None) => {
                return Err(anyhow::Error::from(error)
                    .context("no cluster: give --kubeconfig or --server, or set KUBECONFIG"));
            }
        },
    };
    override_with(&mut config, args)?;
    complete(&mut config)?;
    Ok(config)
}

fn address(server: &str) -> anyhow::Result<Uri> {
    let address = server.parse();
    address.with_context(|| format!("--server {server} is no URL"))
}

/// Puts a scheme before an address that has none, as in `10.0.0.1:6443`: kubectl takes it for one of
/// TLS if anything of TLS is configured.
///
/// # Errors
/// When the address is neither a URL nor a host with a port.
pub(crate) fn complete(config: &mut Config) -> anyhow::Result<()> {
    if config.cluster_url.scheme().is_some() {
        return Ok(());
    }
    let auth = &config.auth_info;
    let secured = config.accept_invalid_certs
        || config.root_cert.is_some()
        || config.root_cert_file.is_some()
        || auth.client_certificate.is_some()
        || auth.client_certificate_data.is_some();
    let scheme = if secured { "https" } else { "http" };
    let address = config.cluster_url.to_string();
    config.cluster_url = format!("{scheme}://{address}")
        .parse()
        .with_context(|| format!("the server must be a URL or host:port, and not {address}"))?;
    Ok(())
}

fn override_with(config: &mut Config, args: &ConnectionArgs) -> anyhow::Result<()> {
    if let Some(server) = &args.server {
        config.cluster_url = address(server)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(config: &mut Config, server: &str) -> String {
        config.cluster_url = server.parse().unwrap();
        complete(config).unwrap();
        config.cluster_url.to_string()
    }

    #[test]
    fn an_address_without_a_scheme_is_one_of_tls_if_anything_of_tls_is_configured() {
        let plain = || Config::new(Uri::from_static("http://x"));
        assert_eq!(
            completed(&mut plain(), "10.0.0.1:80"),
            "http://10.0.0.1:80/"
        );
        assert_eq!(completed(&mut plain(), "https://api"), "https://api/");
        let mut config = plain();
        config.accept_invalid_certs = true;
        assert_eq!(completed(&mut config, "10.0.0.1:1"), "https://10.0.0.1:1/");
        assert_eq!(completed(&mut config, "http://api"), "http://api/");
        let mut config = plain();
        config.root_cert = Some(Vec::new());
        assert_eq!(completed(&mut config, "api"), "https://api/");
        let mut config = plain();
        config.auth_info.client_certificate = Some("c.pem".to_owned());
        assert_eq!(completed(&mut config, "api:6443"), "https://api:6443/");
    }

    #[test]
    fn an_address_of_no_host_is_refused() {
        let mut config = Config::new(Uri::from_static("/api"));
        let error = complete(&mut config).unwrap_err().to_string();
        assert_eq!(error, "the server must be a URL or host:port, and not /api");
    }
}
