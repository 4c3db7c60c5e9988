//! The controller's flags: upstream's names and defaults (OPS-01, OPS-02).

mod routers;

use std::time::Duration;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, parser::ValueSource};
use tidegate_core::leadership::Terms;

pub use self::routers::RouterArgs;
use crate::{ask::Network, connection::ConnectionArgs, flags, server::Rate};

/// The burst that goes with a rate if none is given; upstream's default.
const BURST: f64 = 80.0;
/// The rate that goes with a burst if none is given; upstream's default.
const QPS: f64 = 40.0;

/// Progressive delivery for Kubernetes.
#[derive(Clone, Debug, Parser)]
#[command(name = "rollouts-controller", version)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
pub struct Args {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// User name for basic authentication to the API server.
    #[arg(long)]
    pub username: Option<String>,
    /// Password for basic authentication to the API server.
    #[arg(long)]
    pub password: Option<String>,
    /// Proxy for requests to the API server.
    #[arg(long)]
    pub proxy_url: Option<String>,
    /// Watch one namespace only: the one of --namespace or of the kubeconfig's context.
    #[arg(long)]
    pub namespaced: bool,
    /// Only objects with this `argo-rollouts.argoproj.io/controller-instance-id` (QUE-02); empty:
    /// only objects without that label.
    #[arg(long, default_value = "")]
    pub instance_id: String,
    /// Run only these controllers; analysis is the only one that can be named. Default: all.
    #[arg(long, value_delimiter = ',', value_parser = ["analysis"])]
    pub controllers: Vec<String>,
    /// Seconds between two looks at each object although nothing changed.
    #[arg(long, default_value_t = 900)]
    pub rollout_resync: u64,
    /// Workers for Rollouts.
    #[arg(long, default_value_t = 10)]
    pub rollout_threads: usize,
    /// Workers for AnalysisRuns.
    #[arg(long, default_value_t = 30)]
    pub analysis_threads: usize,
    /// Workers for Experiments.
    #[arg(long, default_value_t = 10)]
    pub experiment_threads: usize,
    /// No effect: changes of Services are looked at by the workers of their Rollouts.
    #[arg(long, default_value_t = 10)]
    pub service_threads: usize,
    /// No effect: changes of Ingresses are looked at by the workers of their Rollouts.
    #[arg(long, default_value_t = 10)]
    pub ingress_threads: usize,
    /// Workers for ephemeral metadata.
    #[arg(long, default_value_t = 10)]
    pub ephemeral_metadata_threads: usize,
    /// Tries of a change of a pod's ephemeral metadata.
    #[arg(long, default_value_t = 3)]
    pub ephemeral_metadata_update_pod_retries: u32,
    /// Requests to the API server per second. Default: as fast as it answers, 64 at once.
    #[arg(long, allow_negative_numbers = true)]
    pub qps: Option<f64>,
    /// Requests to the API server at once after a rest, with --qps. Default: 80.
    #[arg(long)]
    pub burst: Option<u32>,
    /// Port of /metrics; 0 takes any free one.
    #[arg(long, aliases = ["metricsPort", "metricsport"], default_value_t = 8090)]
    pub metrics_port: u16,
    /// Port of /healthz; 0 takes any free one.
    #[arg(long, aliases = ["healthzPort", "healthzport"], default_value_t = 8080)]
    pub healthz_port: u16,
    /// No effect: there is nothing of Go's to profile.
    #[arg(long, default_value = "")]
    pub enable_pprof_address: String,
    /// Log level: debug, info, warn or error.
    #[arg(long, default_value = "info", value_parser = crate::telemetry::level)]
    pub loglevel: String,
    /// Log format: text or json.
    #[arg(long, default_value = "")]
    pub logformat: String,
    /// From 1 on, log the requests of the client library, too.
    #[arg(long, default_value_t = 0)]
    pub kloglevel: u32,
    /// Elect a leader among the replicas: only one works, the others stand by.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = flags::truth)]
    pub leader_elect: bool,
    /// How long the others wait after the last sign of life of a leader.
    #[arg(long, default_value = "15s", value_parser = flags::duration)]
    pub leader_election_lease_duration: Duration,
    /// How long a leader that cannot renew its Lease goes on.
    #[arg(long, default_value = "10s", value_parser = flags::duration)]
    pub leader_election_renew_deadline: Duration,
    /// Between two tries to get the Lease or to renew it.
    #[arg(long, default_value = "2s", value_parser = flags::duration)]
    pub leader_election_retry_period: Duration,
    /// Read the configuration of notifications from each Rollout's namespace, too.
    #[arg(long)]
    pub self_service_notification_enabled: bool,
    /// Networks that metrics may lead to although they are closed by default: link-local ones and those at which
    /// clouds hand out credentials.
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub metric_egress_allow: Vec<Network>,
    /// Networks that metrics may not lead to.
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub metric_egress_deny: Vec<Network>,
    /// What routers are like.
    #[command(flatten)]
    pub routers: RouterArgs,
    /// Flags that were given and have no effect yet.
    #[arg(skip)]
    pub without_effect: Vec<&'static str>,
}

/// Flags of upstream's that are taken and have no effect (yet): they say so at the start.
const WITHOUT_EFFECT: [(&str, &str); 18] = [
    ("service_threads", "--service-threads"),
    ("ingress_threads", "--ingress-threads"),
    ("ephemeral_metadata_threads", "--ephemeral-metadata-threads"),
    (
        "ephemeral_metadata_update_pod_retries",
        "--ephemeral-metadata-update-pod-retries",
    ),
    ("enable_pprof_address", "--enable-pprof-address"),
    (
        "self_service_notification_enabled",
        "--self-service-notification-enabled",
    ),
    (
        "aws_target_group_binding_api_version",
        "--aws-target-group-binding-api-version",
    ),
    ("alb_tag_key_resource_id", "--alb-tag-key-resource-id"),
    ("ambassador_api_version", "--ambassador-api-version"),
    ("traffic_split_api_version", "--traffic-split-api-version"),
    ("traefik_api_group", "--traefik-api-group"),
    ("traefik_api_version", "--traefik-api-version"),
    ("ingress_api_version", "--ingress-api-version"),
    ("appmesh_crd_version", "--appmesh-crd-version"),
    ("alb_ingress_classes", "--alb-ingress-classes"),
    ("nginx_ingress_classes", "--nginx-ingress-classes"),
    ("aws_verify_target_group", "--aws-verify-target-group"),
    ("alb_verify_weight", "--alb-verify-weight"),
];

impl Args {
    /// The flags of this process; ends it with a sentence if they cannot be read.
    pub fn from_command_line() -> Self {
        let mut command = flags::as_go_reads_them(Self::command());
        let matches = command.clone().get_matches();
        let read = Self::read(&matches).and_then(|args| {
            args.terms().check().map_err(|sentence| {
                command.error(clap::error::ErrorKind::ValueValidation, sentence)
            })?;
            Ok(args)
        });
        read.unwrap_or_else(|error| error.exit())
    }

    /// The flags that were found.
    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::from_arg_matches(matches)?;
        args.without_effect = WITHOUT_EFFECT
            .into_iter()
            .filter(|(id, _)| matches.value_source(id) == Some(ValueSource::CommandLine))
            .map(|(_, flag)| flag)
            .collect();
        Ok(args)
    }

    /// Time between two looks at each object.
    pub fn resync(&self) -> Duration {
        Duration::from_secs(self.rollout_resync.max(1))
    }

    /// The periods of leader election.
    pub fn terms(&self) -> Terms {
        Terms {
            lease: self.leader_election_lease_duration,
            renew: self.leader_election_renew_deadline,
            retry: self.leader_election_retry_period,
        }
    }

    /// Whether nothing but AnalysisRuns is worked on.
    pub fn only_analysis(&self) -> bool {
        !self.controllers.is_empty()
    }

    /// The rate of requests, if one was asked for. Differs from upstream, which limits itself to 40 a
    /// second: because its requests wait in line for one another, and a server that is too busy says so.
    pub(crate) fn rate(&self) -> Option<Rate> {
        if self.qps.is_none() && self.burst.is_none() {
            return None;
        }
        let per_second = self.qps.unwrap_or(QPS);
        (per_second > 0.0).then(|| Rate {
            per_second,
            burst: self.burst.map_or(BURST, f64::from).max(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<Args, clap::Error> {
        let line = ["rollouts-controller"].iter().chain(line);
        Args::read(&flags::as_go_reads_them(Args::command()).try_get_matches_from(line)?)
    }

    #[test]
    fn every_flag_of_upstreams_is_taken() {
        // OPS-01, OPS-02, and kubectl's.
        let line = "--rollout-resync 300 --namespaced --loglevel debug --logformat json --kloglevel 4 \
            --metricsPort 9090 --healthzPort 9080 --instance-id blue --qps 100 --burst 200 \
            --rollout-threads 5 --experiment-threads 5 --analysis-threads 5 --service-threads 5 \
            --ingress-threads 5 --ephemeral-metadata-threads 5 \
            --ephemeral-metadata-update-pod-retries 5 \
            --aws-target-group-binding-api-version elbv2.k8s.aws/v1 --alb-tag-key-resource-id a/b \
            --istio-api-version v1beta1 --ambassador-api-version x.getambassador.io/v3alpha1 \
            --traffic-split-api-version v1alpha3 --traefik-api-group traefik.io \
            --traefik-api-version traefik.containo.us/v1alpha1 --ingress-api-version networking/v1 \
            --appmesh-crd-version v1beta2 --alb-ingress-classes alb --alb-ingress-classes alb2 \
            --nginx-ingress-classes nginx --aws-verify-target-group --leader-elect=true \
            --leader-election-lease-duration 30s --leader-election-renew-deadline 20s \
            --leader-election-retry-period 1m --self-service-notification-enabled=false \
            --controllers analysis --enable-pprof-address :6060 --kubeconfig k --context c \
            --cluster c --user u -n shop --server http://x --token t --as a --as-group g --as-uid 7 \
            --certificate-authority ca --client-certificate cc --client-key ck \
            --insecure-skip-tls-verify --tls-server-name s --request-timeout 10s \
            --disable-compression --username u --password p --proxy-url http://proxy";
        let words: Vec<&str> = line.split_whitespace().collect();
        let args = read(&words).unwrap();
        assert_eq!((args.metrics_port, args.healthz_port), (9090, 9080));
        assert_eq!(args.routers.alb_ingress_classes, ["alb", "alb2"]);
        assert_eq!(args.leader_election_retry_period.as_secs(), 60);
        assert!(args.only_analysis());
        assert!(args.without_effect.contains(&"--enable-pprof-address"));
        assert!(!args.without_effect.contains(&"--qps"));
        assert!(read(&["--metricsport=1", "--alb-verify-weight"]).is_ok());
        assert!(read(&["--controllers=rollout"]).is_err());
        assert!(read(&["--leader-election-retry-period=2"]).is_err());
    }

    /// Of EVT-02, TRF-44 and BG-20 nothing is there but this.
    #[test]
    fn who_asks_for_what_is_not_there_yet_is_told() {
        let line = [
            "--aws-verify-target-group",
            "--self-service-notification-enabled",
        ];
        let mut told = read(&line).unwrap().without_effect;
        told.sort_unstable();
        assert_eq!(told, line);
    }

    #[test]
    fn what_is_not_given_is_as_upstream_has_it() {
        let args = read(&[]).unwrap();
        assert_eq!((args.metrics_port, args.healthz_port), (8090, 8080));
        assert_eq!((args.rollout_threads, args.analysis_threads), (10, 30));
        assert_eq!(args.routers.nginx_ingress_classes, ["nginx"]);
        assert_eq!(args.terms().check(), Ok(()));
        assert_eq!(args.without_effect, Vec::<&str>::new());
        assert!(args.leader_elect);
    }

    #[test]
    fn networks_are_given_by_commas() {
        let args = read(&[
            "--metric-egress-allow=169.254.0.0/16,::1",
            "--metric-egress-deny=10.0.0.0/8",
        ]);
        let args = args.unwrap();
        let networks = (
            args.metric_egress_allow.len(),
            args.metric_egress_deny.len(),
        );
        assert_eq!(networks, (2, 1));
        assert!(read(&["--metric-egress-deny=everything"]).is_err());
    }

    #[test]
    fn only_who_asks_for_a_rate_gets_one() {
        let rate = |line: &[&str]| {
            let rate = read(line).unwrap().rate();
            rate.map(|rate| (rate.per_second, rate.burst))
        };
        assert_eq!(rate(&[]), None);
        assert_eq!(rate(&["--qps=10"]), Some((10.0, 80.0)));
        assert_eq!(rate(&["--burst=10"]), Some((40.0, 10.0)));
        assert_eq!(rate(&["--qps=-1"]), None);
    }

    #[test]
    fn a_flag_without_effect_is_one_that_exists() {
        let command = Args::command();
        for (id, flag) in WITHOUT_EFFECT {
            let argument = command
                .get_arguments()
                .find(|argument| argument.get_id() == id);
            let long = argument.and_then(clap::Arg::get_long);
            assert_eq!(long.map(|long| format!("--{long}")).as_deref(), Some(flag));
        }
    }
}
