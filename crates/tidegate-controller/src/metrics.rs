//! What the controller tells Prometheus about itself, under upstream's names (OPS-15, OB-301 to OB-312).
//!
//! Gauges of objects are read off the caches when somebody asks. Only what cannot be read off anything is
//! counted here; what belongs to one object goes 65 s after it, so nothing grows without end.

mod histogram;
mod objects;
mod process;
mod text;

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use http::Request;
use tidegate_core::{
    gauges::Finished,
    plan::{ANALYSIS_RUNS, EXPERIMENTS, ObjectKey, ROLLOUTS, Resource, Severity},
};
use tokio::time::Instant;

pub(crate) use self::{
    histogram::{Buckets, Histogram},
    text::{Page, Type},
};
use crate::{observe::Caches, route::Queues};

/// How long the series of an object that is gone stay: Prometheus asks every minute (OB-312).
const STAY: Duration = Duration::from_secs(65);
/// Seconds that passes take (OB-304).
const PASSES: Buckets = &[0.01, 0.15, 0.25, 0.5, 1.0];
/// Seconds that updates take (OB-306).
const TOTALS: Buckets = &[
    30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0,
];
/// Seconds of them that they went on by themselves (OB-306).
const PROGRESSIONS: Buckets = &[30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0];
/// Seconds of them that they waited for people (OB-306).
const PAUSES: Buckets = &[
    0.0, 60.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0,
];
/// In the place of names that would let a counter have one series per object.
const NO_NAME: &str = "N/A";

/// Counts what happens.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    requests: BTreeMap<(Asked, u16), u64>,
    objects: BTreeMap<Owner, Object>,
    durations: BTreeMap<String, Durations>,
    leads: Option<bool>,
}

/// Kind, namespace and name.
type Owner = (Kind, String, String);

/// The kinds that are reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Rollout,
    AnalysisRun,
    Experiment,
}

/// What is counted of one object.
#[derive(Debug)]
struct Object {
    passes: Histogram,
    errors: u64,
    events: BTreeMap<(&'static str, String), u64>,
    gone: Option<Instant>,
}

#[derive(Debug)]
struct Durations {
    total: Histogram,
    progression: Histogram,
    manual_pause: Histogram,
}

/// What a request was about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    kind: String,
    namespace: String,
    verb: &'static str,
}

impl Asked {
    /// Reads it off the request's path.
    pub(crate) fn of<T>(request: &Request<T>) -> Self {
        let parts: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let rest = match parts.as_slice() {
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
            _ => &[],
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            _ => ("", rest),
        };
        let named = rest.len() > 1;
        let watches = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("watch=true"));
        let verb = match request.method().as_str() {
            "GET" if watches => "Watch",
            "GET" if named => "Get",
            "GET" => "List",
            "POST" => "Create",
            "PUT" => "Update",
            "PATCH" => "Patch",
            "DELETE" => "Delete",
            _ => "Unknown",
        };
        Self {
            kind: rest
                .first()
                .map(|kind| (*kind).to_owned())
                .unwrap_or_default(),
            namespace: namespace.to_owned(),
            verb,
        }
    }
}

impl Kind {
    /// The kind, if series tell of its objects.
    fn of(resource: &Resource) -> Option<Self> {
        if *resource == ANALYSIS_RUNS {
            Some(Self::AnalysisRun)
        } else if *resource == EXPERIMENTS {
            Some(Self::Experiment)
        } else {
            (*resource == ROLLOUTS).then_some(Self::Rollout)
        }
    }
}

impl Metrics {
    fn with<R>(&self, act: impl FnOnce(&mut Counted) -> R) -> R {
        let mut counted = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        act(&mut counted)
    }

    /// A request was answered with this code; 0 if it was not answered.
    pub(crate) fn requested(&self, asked: Asked, code: u16) {
        self.with(|counted| *counted.requests.entry((asked, code)).or_default() += 1);
    }

    /// A pass over an object took this long.
    pub(crate) fn passed(&self, about: &ObjectKey, took: Duration) {
        self.with(|counted| {
            if let Some(object) = counted.object(about) {
                object.passes.observe(took.as_secs_f64());
            }
        });
    }

    /// A pass over an object could not go to its end.
    pub(crate) fn failed(&self, about: &ObjectKey) {
        self.with(|counted| {
            if let Some(object) = counted.object(about) {
                object.errors += 1;
            }
        });
    }

    /// An event about an object is told.
    pub(crate) fn told(&self, about: &ObjectKey, severity: Severity, reason: &str) {
        let kind = match severity {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        };
        self.with(|counted| {
            if let Some(object) = counted.object(about) {
                let event = (kind, reason.to_owned());
                *object.events.entry(event).or_default() += 1;
            }
        });
    }

    /// An object is gone: its series go a little later.
    pub(crate) fn gone(&self, about: &ObjectKey) {
        self.with(|counted| {
            counted.sweep();
            if let Some(owner) = owner(about)
                && let Some(object) = counted.objects.get_mut(&owner)
            {
                object.gone = Some(Instant::now());
            }
        });
    }

    /// An update ended (DUR-04).
    pub(crate) fn finished(&self, finished: &Finished) {
        self.with(|counted| {
            let durations = counted.durations.entry(finished.status.clone());
            let durations = durations.or_insert_with(|| Durations {
                total: Histogram::new(TOTALS),
                progression: Histogram::new(PROGRESSIONS),
                manual_pause: Histogram::new(PAUSES),
            });
            durations.total.observe(text::number(finished.total));
            durations
                .progression
                .observe(text::number(finished.progression()));
            durations
                .manual_pause
                .observe(text::number(finished.manual_pause));
        });
    }

    /// This process takes part in an election; whether it leads.
    pub(crate) fn leads(&self, standing: crate::leader::Standing) {
        let leads = standing == crate::leader::Standing::Leads;
        self.with(|counted| counted.leads = Some(leads));
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn page(&self, caches: &Caches, queues: &Queues) -> String {
        let mut page = Page::default();
        objects::tell(&mut page, caches);
        queues.tell_metrics(&mut page);
        process::tell(&mut page);
        self.with(|counted| {
            counted.sweep();
            counted.tell(&mut page);
        });
        page.into_text()
    }
}

fn owner(about: &ObjectKey) -> Option<Owner> {
    let kind = Kind::of(&about.resource)?;
    Some((kind, about.namespace.clone(), about.name.clone()))
}

impl Counted {
    fn object(&mut self, about: &ObjectKey) -> Option<&mut Object> {
        let object = self.objects.entry(owner(about)?);
        Some(object.or_insert_with(|| Object {
            passes: Histogram::new(PASSES),
            errors: 0,
            events: BTreeMap::new(),
            gone: None,
        }))
    }

    /// Forgets what has been gone for long enough.
    fn sweep(&mut self) {
        self.objects
            .retain(|_, object| object.gone.is_none_or(|at| at.elapsed() < STAY));
    }

    fn tell(&self, page: &mut Page) {
        self.tell_objects(page);
        for (status, durations) in &self.durations {
            for (name, help, histogram) in [
                (
                    "rollout_duration_seconds",
                    "How long updates took, from beginning to end",
                    &durations.total,
                ),
                (
                    "rollout_progression_duration_seconds",
                    "How long updates took, without waiting for people",
                    &durations.progression,
                ),
                (
                    "rollout_manual_pause_duration_seconds",
                    "How long updates waited for people",
                    &durations.manual_pause,
                ),
            ] {
                histogram.tell(page, (name, help), &[("status", status)]);
            }
        }
        for ((asked, code), count) in &self.requests {
            let code = code.to_string();
            let labels = [
                ("kind", asked.kind.as_str()),
                ("namespace", &asked.namespace),
                ("name", NO_NAME),
                ("verb", asked.verb),
                ("status_code", &code),
            ];
            let family = page.family(
                "controller_clientset_k8s_request_total",
                "Requests to the API server",
                Type::Counter,
            );
            family.sample(&labels, *count);
        }
        if let Some(leads) = self.leads {
            let family = page.family(
                "leader_election_master_status",
                "Whether this process leads",
                Type::Gauge,
            );
            family.sample(
                &[("name", "argo-rollouts-controller-lock")],
                u64::from(leads),
            );
        }
    }

    fn tell_objects(&self, page: &mut Page) {
        for ((kind, namespace, name), object) in &self.objects {
            let labels = [("namespace", namespace.as_str()), ("name", name)];
            let (passes, errors) = match kind {
                Kind::Rollout => ("rollout_reconcile", "rollout_reconcile_error"),
                Kind::AnalysisRun => ("analysis_run_reconcile", "analysis_run_reconcile_error"),
                Kind::Experiment => ("experiment_reconcile", "experiment_reconcile_error"),
            };
            object
                .passes
                .tell(page, (passes, "Seconds that passes took"), &labels);
            if object.errors > 0 {
                let family = page.family(errors, "Passes that failed", Type::Counter);
                family.sample(&labels, object.errors);
            }
            if *kind == Kind::Rollout {
                for ((severity, reason), count) in &object.events {
                    let labels = [labels[0], labels[1], ("type", severity), ("reason", reason)];
                    let help = "Events about Rollouts";
                    let family = page.family("rollout_events_total", help, Type::Counter);
                    family.sample(&labels, *count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, uri: &str) -> (String, String, &'static str) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let asked = Asked::of(&request);
        (asked.kind, asked.namespace, asked.verb)
    }

    #[test]
    fn a_request_is_counted_by_what_it_is_about() {
        let rollouts = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts";
        let say = |kind: &str, namespace: &str, verb| (kind.to_owned(), namespace.to_owned(), verb);
        assert_eq!(
            asked("PATCH", &format!("{rollouts}/web/status")),
            say("rollouts", "shop", "Patch")
        );
        assert_eq!(
            asked("GET", "/api/v1/services?limit=500"),
            say("services", "", "List")
        );
        assert_eq!(
            asked("GET", "/api/v1/services?watch=true"),
            say("services", "", "Watch")
        );
        assert_eq!(
            asked("GET", "/api/v1/namespaces/shop/secrets/key"),
            say("secrets", "shop", "Get")
        );
        assert_eq!(asked("GET", "/version"), say("", "", "List"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_counted_of_an_object_goes_after_it() {
        let metrics = Metrics::default();
        let web = ObjectKey::new(ROLLOUTS, "shop", "web");
        metrics.passed(&web, Duration::from_millis(20));
        metrics.gone(&web);
        let known = || {
            metrics.with(|counted| {
                counted.sweep();
                counted.objects.len()
            })
        };
        tokio::time::advance(Duration::from_secs(64)).await;
        assert_eq!(known(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(known(), 0);
    }
}
