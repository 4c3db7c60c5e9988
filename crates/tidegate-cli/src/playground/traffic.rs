//! Who asks whom, and what they are told: requests that an imagined crowd sends to the cluster's
//! Ingresses, as the counters that a real one's pods would show. Follows from the cluster alone.

use serde_json::Value;
use tidegate_sim::cluster::{
    Cluster, fields,
    kinds::{INGRESSES, PODS, SERVICES},
    selector::LabelSelector,
};

use super::promql::{Counter, Labels};

/// Requests a second that reach an Ingress.
const CROWD: f64 = 100.0;
/// Where NGINX is told the canary's share.
const CANARY: &str = "nginx.ingress.kubernetes.io/canary";
const WEIGHT: &str = "nginx.ingress.kubernetes.io/canary-weight";
/// An image with this in its tag answers with errors, and late.
const BAD: &str = "bad";

/// Of a hundred thousand answers of one version: how many are errors, and how many take at most so
/// many milliseconds.
struct Manners {
    errors: f64,
    within: [(&'static str, f64); 5],
}

const OF_ALL: f64 = 100_000.0;
const WELL: Manners = Manners {
    errors: 100.0,
    within: [
        ("50", 80_000.0),
        ("100", 97_000.0),
        ("250", 99_800.0),
        ("1000", 100_000.0),
        ("+Inf", 100_000.0),
    ],
};
const BADLY: Manners = Manners {
    errors: 12_000.0,
    within: [
        ("50", 40_000.0),
        ("100", 60_000.0),
        ("250", 80_000.0),
        ("1000", 99_500.0),
        ("+Inf", 100_000.0),
    ],
};

/// The counters of every Service of a namespace that is asked and has a pod to answer.
pub(super) fn counters(cluster: &Cluster, namespace: &str) -> Vec<Counter> {
    let mut counters = Vec::new();
    for service in cluster.in_namespace(SERVICES, Some(namespace)) {
        let name = fields::name(service);
        let requests = CROWD * share(cluster, namespace, name);
        if let Some(bad) = bad_share(cluster, namespace, service) {
            for (manners, requests) in [(&WELL, requests * (1.0 - bad)), (&BADLY, requests * bad)] {
                add(&mut counters, name, manners, requests);
            }
        }
    }
    counters
}

/// Adds what one version contributes to a Service's counters.
fn add(counters: &mut Vec<Counter>, service: &str, manners: &Manners, requests: f64) {
    let errors = requests * manners.errors / OF_ALL;
    let mut count = |name, label: &str, value: &str, rate| {
        let labels = [("service", service), (label, value)];
        let labels: Labels = labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let same = |known: &&mut Counter| known.name == name && known.labels == labels;
        match counters.iter_mut().find(same) {
            Some(known) => known.rate += rate,
            None => counters.push(Counter { name, labels, rate }),
        }
    };
    count("http_requests_total", "status", "200", requests - errors);
    count("http_requests_total", "status", "500", errors);
    for (bound, share) in manners.within {
        let rate = requests * share / OF_ALL;
        count(
            "http_request_duration_milliseconds_bucket",
            "le",
            bound,
            rate,
        );
    }
}

/// Which share of an Ingress' requests a Service gets.
fn share(cluster: &Cluster, namespace: &str, service: &str) -> f64 {
    let ingresses = || cluster.in_namespace(INGRESSES, Some(namespace));
    let canary = |ingress: &Value| annotation(ingress, CANARY) == "true";
    let weight = |ingress: &Value| annotation(ingress, WEIGHT).parse().unwrap_or(0.0) / 100.0;
    let mut share: f64 = 0.0;
    for ingress in ingresses().filter(|ingress| leads_to(ingress, service)) {
        share += if canary(ingress) {
            weight(ingress)
        } else {
            let taken: f64 = ingresses()
                .filter(|other| canary(other) && hosts(other).any(|host| leads_from(ingress, host)))
                .map(|other| weight(other))
                .sum();
            1.0 - taken
        };
    }
    share.clamp(0.0, 1.0)
}

fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    fields::text(object, &["metadata", "annotations", name])
}

fn hosts(ingress: &Value) -> impl Iterator<Item = &str> {
    fields::list(ingress, &["spec", "rules"])
        .iter()
        .map(|rule| fields::text(rule, &["host"]))
}

fn leads_from(ingress: &Value, host: &str) -> bool {
    hosts(ingress).any(|other| other == host)
}

fn leads_to(ingress: &Value, service: &str) -> bool {
    fields::list(ingress, &["spec", "rules"])
        .iter()
        .any(|rule| {
            fields::list(rule, &["http", "paths"])
                .iter()
                .any(|path| fields::text(path, &["backend", "service", "name"]) == service)
        })
}

/// Which share of a Service's ready pods run a bad version; `None` without ready pods.
fn bad_share(cluster: &Cluster, namespace: &str, service: &Value) -> Option<f64> {
    let selector = fields::map(service, &["spec", "selector"]);
    if selector.is_empty() {
        return None;
    }
    let selector = LabelSelector::of_labels(selector);
    let (mut all, mut bad) = (0.0, 0.0);
    for pod in cluster.in_namespace(PODS, Some(namespace)) {
        if selector.matches(pod)
            && fields::condition(pod, "Ready") == "True"
            && !fields::is_deleting(pod)
        {
            all += 1.0;
            if runs_bad_image(pod) {
                bad += 1.0;
            }
        }
    }
    (all > 0.0).then(|| bad / all)
}

fn runs_bad_image(pod: &Value) -> bool {
    fields::list(pod, &["spec", "containers"])
        .iter()
        .any(|container| {
            let image = fields::text(container, &["image"]);
            let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
            tag.contains(BAD)
        })
}
