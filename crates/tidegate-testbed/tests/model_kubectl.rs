//! The real kubectl on the model cluster, as people use it beside the playground.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::json;
use tidegate_sim::{
    cluster::{Call, Cluster, kinds},
    doors::{http::Door, net},
};
use tidegate_testbed::{
    assets::{self, Program},
    bench,
};
use tokio::process::Command;

struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    /// What discovery says is kept here.
    cache: PathBuf,
}

impl Kubectl {
    async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(arguments)
            .output()
            .await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), text(&output.stderr));
        }
        Ok(text(&output.stdout))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_finds_applies_shows_patches_and_deletes_on_the_model_cluster() -> Result<()> {
    if bench::is_left_out("model-kubectl")? {
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("tidegate-model-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let door = Door::new(Cluster::new(Timestamp::now()), Box::new(Timestamp::now));
    door.with(|cluster, now| {
        let namespace = json!({"metadata": {"name": "production"}});
        let call = Call::new(now, "test");
        cluster
            .create(&call, kinds::NAMESPACES, "", namespace)
            .map(|_| ())
    })
    .context("the namespace")?;
    let (address, serving) = net::serve(Arc::clone(&door), "127.0.0.1:0".parse()?).await?;
    let kubeconfig = folder.join("kubeconfig");
    fs::write(&kubeconfig, net::kubeconfig(address, "production"))?;
    let kubectl = Kubectl {
        program: assets::find(Program::Kubectl)?,
        kubeconfig,
        cache: folder.join("cache"),
    };

    let resources = kubectl.run(&["api-resources"]).await?;
    for kind in ["Rollout", "AnalysisRun", "ReplicaSet", "Ingress", "Pod"] {
        let is_told = |line: &str| line.split_whitespace().last() == Some(kind);
        assert!(resources.lines().any(is_told), "{kind}: {resources}");
    }
    let example = bench::root().join("examples/api-server");
    let example = example.to_string_lossy();
    let applied = kubectl.run(&["apply", "-f", &example]).await?;
    assert!(
        applied.contains("rollout.argoproj.io/api-server created"),
        "{applied}"
    );
    let again = kubectl.run(&["apply", "-f", &example]).await?;
    // The definition fills in the protocol of a port, and kubectl compares lists as a whole: as on any cluster.
    for line in again.lines() {
        let filled_in = line == "rollout.argoproj.io/api-server configured";
        assert!(filled_in || line.ends_with(" unchanged"), "{again}");
    }
    let shown = kubectl.run(&["get", "ro,svc,ing,at"]).await?;
    for name in [
        "rollout.argoproj.io/api-server",
        "service/api-server-canary",
        "ingress.networking.k8s.io/api-server-ingress",
        "analysistemplate.argoproj.io/success-rate-analysis",
    ] {
        assert!(shown.contains(name), "{name}: {shown}");
    }
    changes(&kubectl).await?;
    serving.abort();
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// What is patched is so, and what is deleted is gone.
async fn changes(kubectl: &Kubectl) -> Result<()> {
    let arguments = [
        "patch",
        "rollout",
        "api-server",
        "--type=merge",
        "-p",
        r#"{"spec":{"replicas":2}}"#,
    ];
    kubectl.run(&arguments).await?;
    let path = "-o=jsonpath={.spec.replicas}";
    assert_eq!(kubectl.run(&["get", "ro", "api-server", path]).await?, "2");
    let described = kubectl.run(&["describe", "ro", "api-server"]).await?;
    assert!(described.contains("Kind:         Rollout"), "{described}");
    let deleted = kubectl.run(&["delete", "ro", "api-server"]).await?;
    assert!(
        deleted.starts_with("rollout.argoproj.io \"api-server\" deleted"),
        "{deleted}"
    );
    assert_eq!(kubectl.run(&["get", "ro", "-o=name"]).await?, "");
    Ok(())
}
