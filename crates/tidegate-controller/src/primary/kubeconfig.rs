//! The kubeconfig in the Secret that names the primary cluster. Whoever may label a Secret must not be able to
//! run commands where the controller runs, or have its files sent elsewhere; and nothing of the file is quoted, for
//! it holds credentials.

use kube::{
    Client, Config,
    config::{AuthInfo, Cluster, KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::Remote;
use crate::cluster;

/// The way to the cluster that a kubeconfig names, and that cluster; or what is wrong with it.
pub(super) async fn connect(secret: &str, text: &str) -> Result<(Client, Remote), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let file = Kubeconfig::from_yaml(text).map_err(|error| told(&error))?;
    for named in &file.auth_infos {
        let wrong = named.auth_info.as_ref().and_then(user);
        if let Some(wrong) = wrong {
            return Err(format!("users[{}].{wrong}", named.name));
        }
    }
    for named in &file.clusters {
        let wrong = named.cluster.as_ref().and_then(authority);
        if let Some(wrong) = wrong {
            return Err(format!("clusters[{}].{wrong}", named.name));
        }
    }
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
    let config = config.map_err(|error| told(&error))?;
    let remote = Remote::new(secret, &config.cluster_url);
    let client = cluster::connect(config).map_err(|_| {
        "its server is no URL, or its certificates and keys are none in PEM, coded in base64"
            .to_owned()
    })?;
    Ok((client, remote))
}

/// What a user must not ask for.
fn user(user: &AuthInfo) -> Option<String> {
    if user.exec.is_some() {
        return Some(
            "exec would run a command beside the controller: give a token or a client certificate"
                .to_owned(),
        );
    }
    if user.auth_provider.is_some() {
        return Some(
            "auth-provider is no longer part of Kubernetes: give a token or a client certificate"
                .to_owned(),
        );
    }
    let files = [
        ("tokenFile", &user.token_file, "token"),
        (
            "client-certificate",
            &user.client_certificate,
            "client-certificate-data",
        ),
        ("client-key", &user.client_key, "client-key-data"),
    ];
    files.into_iter().find_map(file)
}

fn authority(cluster: &Cluster) -> Option<String> {
    file((
        "certificate-authority",
        &cluster.certificate_authority,
        "certificate-authority-data",
    ))
}

fn file((field, path, instead): (&str, &Option<String>, &str)) -> Option<String> {
    path.as_ref()
        .map(|_| format!("{field} names a file beside the controller: give {instead}"))
}

/// What is wrong, without a word of what the file says beyond names.
fn told(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::CurrentContextNotSet => "it has no current-context".to_owned(),
        KubeconfigError::LoadContext(name) => {
            format!("it has no context {name}, which is its current-context")
        }
        KubeconfigError::LoadClusterOfContext(name) => {
            format!("it has no cluster {name}, which its current context names")
        }
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "the server of its cluster is no URL".to_owned()
        }
        KubeconfigError::ParseProxyUrl(_) => "the proxy-url of its cluster is no URL".to_owned(),
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "the certificate-authority-data of its cluster is no certificate in PEM, coded in base64".to_owned()
        }
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            "the client certificate or key of its user is none in PEM, coded in base64".to_owned()
        }
        KubeconfigError::ParseNoProxy(_) => {
            "the controller's variable NO_PROXY cannot be read".to_owned()
        }
        KubeconfigError::Parse(_)
        | KubeconfigError::KindMismatch
        | KubeconfigError::ApiVersionMismatch
        | KubeconfigError::FindPath
        | KubeconfigError::ReadConfig(..) => "it is no kubeconfig in YAML".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connected(cluster: &str, user: &str) -> Result<String, String> {
        let text = format!(
            "current-context: c\nclusters: [{{name: k, cluster: {{{cluster}}}}}]\n\
             contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        );
        let found = connect("mesh/primary", &text).await;
        found.map(|(_, remote)| remote.address().to_owned())
    }

    #[tokio::test]
    async fn a_kubeconfig_leads_to_its_cluster() {
        let found = connected("server: 'http://primary:8001'", "token: hunter2").await;
        assert_eq!(found, Ok("http://primary:8001".to_owned()));
    }

    #[tokio::test]
    async fn nothing_is_run_and_no_file_is_read() {
        let server = "server: 'http://primary:8001'";
        for (user, field) in [
            ("exec: {command: touch}", "users[u].exec"),
            ("auth-provider: {name: gcp}", "users[u].auth-provider"),
            ("tokenFile: /token", "users[u].tokenFile"),
            ("client-certificate: /crt", "users[u].client-certificate"),
            ("client-key: /key", "users[u].client-key"),
        ] {
            let why = connected(server, user).await.unwrap_err();
            assert_eq!(why.split(' ').next(), Some(field), "{why}");
        }
        let authority = "server: 'http://primary:8001', certificate-authority: /ca";
        let why = connected(authority, "").await.unwrap_err();
        let field = "clusters[k].certificate-authority names a file beside the controller: give certificate-authority-data";
        assert_eq!(why, field);
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_and_nothing_is_quoted() {
        for (text, expected) in [
            ("", "it is empty"),
            ("users: hunter2", "it is no kubeconfig in YAML"),
            ("{token: hunter2", "it is no kubeconfig in YAML"),
            ("hunter2", "it is no kubeconfig in YAML"),
            ("kind: Config", "it has no current-context"),
            (
                "current-context: c",
                "it has no context c, which is its current-context",
            ),
        ] {
            let why = connect("mesh/primary", text).await.err();
            assert_eq!(why.as_deref(), Some(expected));
        }
        let why = connected("server: ''", "").await.unwrap_err();
        assert_eq!(why, "the server of its cluster is no URL");
        let user = "client-certificate-data: hunter2, client-key-data: hunter2";
        let why = connected("server: 'https://primary'", user)
            .await
            .unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
