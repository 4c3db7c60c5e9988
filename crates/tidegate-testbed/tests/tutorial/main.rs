//! `docs/tutorial.md`, followed to the letter on a real control plane: every manifest is saved and applied,
//! every command run, and what it shows compared with what the page shows.
//!
//! Played are the pods (by the model's kubelet, which runs the scripts of Jobs for real), the network
//! between them, users, and what a cluster has besides: Istio's kinds, and a metrics server. The controller
//! and Prometheus are their true programs with the rights and the configuration that the page gives them.

mod document;
mod network;
mod picture;
mod usage;
mod walk;

use std::fs;

use anyhow::{Result, ensure};
use jiff::SignedDuration;
use tidegate_testbed::{
    bench::{self, Bench},
    kubelet::Scripts,
};

use self::{network::Network, walk::Walk};

/// What the page must show, whatever else it does.
const COMMANDS: [&str; 9] = [
    "get rollout api-server -n production -w",
    "argo rollouts set image api-server",
    "argo rollouts promote api-server -n production",
    "argo rollouts promote api-server -n production --full",
    "argo rollouts abort api-server -n production",
    "argo rollouts retry rollout api-server -n production",
    "argo rollouts undo api-server -n production",
    "argo rollouts undo api-server -n production --to-revision=3",
    "kubectl get analysisrun -n production -l rollouts-pod-template-hash",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_shows_what_its_reader_will_see() -> Result<()> {
    let page = fs::read_to_string(bench::root().join("docs/tutorial.md"))?;
    let parts = document::parts(&page)?;
    for command in COMMANDS {
        let is_shown = parts.iter().any(|part| match part {
            document::Part::Run { command: run, .. } => {
                run.trim_end().ends_with(command) || run.contains(&format!("{command} "))
            }
            document::Part::Save { .. } | document::Part::Add { .. } => false,
        });
        ensure!(is_shown, "docs/tutorial.md does not show: {command}");
    }
    let network = Network::start().await?;
    let proxy = vec![("http_proxy".to_owned(), network.url())];
    let bench = Bench::start_with("tutorial", |options| {
        options.installed = None;
        options.namespaces = vec!["default".to_owned()];
        options.scripts = Scripts::Run(proxy);
        options.timing.probe_second = SignedDuration::from_millis(50);
        options.timing.job_start = SignedDuration::from_millis(300);
    });
    let Some(bench) = bench.await? else {
        return Ok(());
    };
    let mut walk = Walk::begin(bench, network).await?;
    for part in &parts {
        walk.follow(part).await?;
    }
    Ok(())
}
