//! The controller's flags: upstream's names and defaults (OPS-01).

use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::flags;

/// Progressive delivery for Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "rollouts-controller", version)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
pub struct Args {
    /// Kubeconfig file; without it the environment's, then the cluster's own.
    #[arg(long)]
    pub kubeconfig: Option<std::path::PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    pub context: Option<String>,
    /// Namespace of the kubeconfig's context; with --namespaced the only one that is watched.
    #[arg(long, short)]
    pub namespace: Option<String>,
    /// Watch one namespace only.
    #[arg(long)]
    pub namespaced: bool,
    /// Only objects with this `argo-rollouts.argoproj.io/controller-instance-id` (QUE-02); empty:
    /// only objects without that label.
    #[arg(long, default_value = "")]
    pub instance_id: String,
    /// Seconds between two looks at each Rollout although nothing changed.
    #[arg(long, default_value_t = 900)]
    pub rollout_resync: u64,
    /// Workers for Rollouts.
    #[arg(long, default_value_t = 10)]
    pub rollout_threads: usize,
    /// Workers for AnalysisRuns.
    #[arg(long, default_value_t = 30)]
    pub analysis_threads: usize,
    /// Port of /healthz; 0 takes any free one.
    #[arg(long, aliases = ["healthzPort", "healthzport"], default_value_t = 8080)]
    pub healthz_port: u16,
    /// Version of Istio's `VirtualServices` and `DestinationRules` (OPS-02).
    #[arg(long, default_value = "v1alpha3")]
    pub istio_api_version: String,
    /// Classes of Ingresses that NGINX serves. Taken and not needed: each Rollout names its Ingresses.
    #[arg(long, value_delimiter = ',', default_value = "nginx")]
    pub nginx_ingress_classes: Vec<String>,
    /// Log level: debug, info, warn or error.
    #[arg(long, default_value = "info")]
    pub loglevel: String,
    /// Log format: text or json.
    #[arg(long, default_value = "")]
    pub logformat: String,
    /// Leader election between replicas is not there yet: run one replica.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = flags::truth)]
    pub leader_elect: bool,
}

impl Args {
    /// The flags of this process; ends it with a sentence if they cannot be read.
    pub fn from_command_line() -> Self {
        let matches = flags::as_go_reads_them(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Time between two looks at each Rollout.
    pub fn resync(&self) -> Duration {
        Duration::from_secs(self.rollout_resync.max(1))
    }
}
