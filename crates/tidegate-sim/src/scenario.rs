//! A scenario: what is there, what people and pods do, and how it ends. One YAML file each.

mod api;
mod experiment;
mod objects;

use anyhow::{Context, bail};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use self::api::{Answers, Api};
use self::objects::{destination_rule, ingress, service, virtual_service};
use crate::actors::jobs;

/// Where every scenario plays.
pub const NAMESPACE: &str = "default";
/// What the Rollout of the short form is called.
const NAME: &str = "web";

/// A scenario as it is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// A Rollout in short form, with the Services and the Ingress that it needs.
    #[serde(default)]
    rollout: Option<Short>,
    /// An Experiment in short form.
    #[serde(default)]
    experiment: Option<experiment::Short>,
    /// Whole objects, which are there from the start.
    #[serde(default)]
    pub objects: Vec<Value>,
    /// Manifests, relative to the repository's root, which are there from the start.
    #[serde(default)]
    pub files: Vec<String>,
    /// Objects that the short form would bring but that are missing, such as `Service web-canary`, and
    /// `Istio`, if the cluster does not have it.
    #[serde(default)]
    without: Vec<String>,
    /// How many controllers stand for election by a Lease. Without it there is one that does without.
    #[serde(default)]
    pub contenders: u32,
    /// What happens, in order.
    #[serde(default)]
    pub story: Vec<Happening>,
    /// How it ends: phase and stable version, such as `Healthy v2`; of an Experiment the phase, or
    /// `InvalidSpec`.
    pub ends: String,
}

/// A Rollout in short form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    #[serde(default = "four")]
    replicas: u32,
    #[serde(default)]
    steps: Vec<Value>,
    /// `nginx`, `istio` (by Services), `istio-subsets` (by a `DestinationRule`), or nothing.
    #[serde(default)]
    router: Option<String>,
    /// More members of `strategy.canary`.
    #[serde(default)]
    canary: Map<String, Value>,
    /// Members of `strategy.blueGreen`, in place of a canary; the Services `web-active` and
    /// `web-preview` come with it, and `previewService: null` goes without the second.
    #[serde(default, rename = "blueGreen")]
    blue_green: Option<Map<String, Value>>,
    /// More members of `spec`.
    #[serde(default)]
    spec: Map<String, Value>,
    /// Members of `workloadRef`, if the template is another object's: that object is there, too.
    #[serde(default)]
    workload: Option<Map<String, Value>>,
}

fn four() -> u32 {
    4
}

/// Something that happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Happening {
    /// When, counted from the beginning.
    #[serde(default)]
    at: Option<String>,
    /// When, counted from what happened before.
    #[serde(default)]
    after: Option<String>,
    /// A second after the phase has become this one (`Paused`), or the phase and the step index (`Paused 3`).
    #[serde(default)]
    pub when: Option<String>,
    /// A person's command, or `{apply: object}`, `{patch: "Kind name", with: …}`, `{delete: "Kind name"}`,
    /// which with `keeping: dependents` leaves what the object owns; or `{keep: "Kind name", with: …, times: N}`
    /// for a tool that takes back so often what others write, each time `within` a while, `as` this manager.
    #[serde(default)]
    pub user: Option<Value>,
    /// What becomes of pods.
    #[serde(default)]
    pub pods: Option<Pods>,
    /// What becomes of the Jobs that measure.
    #[serde(default)]
    pub jobs: Option<Jobs>,
    /// What the metric server says from now on.
    #[serde(default)]
    pub metrics: Option<Metrics>,
    /// How the API server treats the controller from now on.
    #[serde(default)]
    pub api: Option<Api>,
    /// How many pods the namespace may have from now on, or `none` for any number.
    #[serde(default)]
    pub quota: Option<Value>,
    /// What happens to the controller.
    #[serde(default)]
    pub controller: Option<Blow>,
    /// What happens to the controller that leads: it `stops`, or `sleeps 20s`.
    #[serde(default)]
    pub leader: Option<String>,
    /// What a watch of the controller's does.
    #[serde(default)]
    pub watch: Option<Watch>,
}

/// What a watch does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// It loses the next change of this kind, such as `ReplicaSet`.
    pub loses: String,
}

/// What becomes of pods.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pods {
    /// Of which version.
    pub of: String,
    /// What.
    pub r#become: Becoming,
}

/// What becomes of pods.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Becoming {
    /// They live as their spec says.
    Available,
    /// They are not bound.
    Pending,
    /// They run and are not ready.
    Unready,
    /// They are gone; others come in their place.
    Lost,
}

/// What becomes of the Jobs that measure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// Of which metric.
    pub of: String,
    /// What.
    pub r#become: jobs::Fate,
}

/// What the metric server says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// About which queries: a text that they contain.
    #[serde(default)]
    pub query: String,
    /// A value, or `nothing`, `down`, `slow`, `garbage`, or `{ json: …, status: … }` for an answer of any server.
    pub says: Value,
}

/// What happens to the controller.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Blow {
    /// It dies; a new one starts soon after.
    Crashes,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When the text is no scenario.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        // By way of JSON, so that objects keep the numbers that the API would see.
        let value: Value = serde_saphyr::from_str(text)?;
        Ok(serde_json::from_value(value)?)
    }

    /// Whether the cluster serves Istio's kinds from the start.
    pub fn has_istio(&self) -> bool {
        !self.without.iter().any(|what| what == "Istio")
    }

    /// Whether a watch loses something in it.
    pub fn loses(&self) -> bool {
        self.story.iter().any(|happening| happening.watch.is_some())
    }

    /// Every object that is there from the start, except those from files.
    ///
    /// # Errors
    /// When the short form names a router that it does not know.
    pub fn all_objects(&self) -> anyhow::Result<Vec<Value>> {
        let mut objects = match &self.rollout {
            Some(short) => short.objects()?,
            None => Vec::new(),
        };
        objects.retain(|object| {
            let name = &object["metadata"]["name"];
            let what = format!(
                "{} {}",
                object["kind"].as_str().unwrap_or_default(),
                name.as_str().unwrap_or_default()
            );
            !self.without.contains(&what)
        });
        // The Rollout comes last, as with `kubectl apply` of a folder that was thought through.
        let place = objects
            .iter()
            .position(|object| object["kind"] == "Rollout");
        let rollout = place.map(|place| objects.remove(place));
        objects.extend(self.objects.iter().cloned());
        objects.extend(rollout);
        objects.extend(self.experiment.as_ref().map(experiment::Short::object));
        Ok(objects)
    }
}

impl Happening {
    /// How long after the beginning, if that is fixed; `before` is when the one before it happened.
    ///
    /// # Errors
    /// When a duration cannot be read, or more than one instant is given.
    pub fn due(&self, before: SignedDuration) -> anyhow::Result<Option<SignedDuration>> {
        match (&self.at, &self.after, &self.when) {
            (Some(at), None, None) => Ok(Some(duration(at)?)),
            (None, Some(after), None) => Ok(Some(before + duration(after)?)),
            (None, None, Some(_)) => Ok(None),
            (None, None, None) => Ok(Some(before)),
            _ => bail!("a happening has one of `at`, `after` and `when`"),
        }
    }
}

fn duration(text: &str) -> anyhow::Result<SignedDuration> {
    text.parse()
        .with_context(|| format!("not a duration: {text}"))
}

impl Short {
    fn objects(&self) -> anyhow::Result<Vec<Value>> {
        let labels = json!({"app": NAME});
        let mut objects = Vec::new();
        let strategy = match &self.blue_green {
            None => json!({ "canary": self.canary(&mut objects)? }),
            Some(given) => {
                let colours = colours(given);
                let roles = ["activeService", "previewService"];
                let services = roles.iter().filter_map(|role| colours.get(*role)?.as_str());
                objects.extend(services.filter(|name| !name.is_empty()).map(service));
                json!({ "blueGreen": colours })
            }
        };
        let container = json!({
            "name": NAME,
            "image": format!("{NAME}:v1"),
            "ports": [{"containerPort": 8080}],
        });
        let mut spec = Map::new();
        spec.insert("replicas".to_owned(), json!(self.replicas));
        let selector = json!({ "matchLabels": labels });
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
        if let Some(reference) = &self.workload {
            let (reference, object) = referent(reference, (&selector, &template), self.replicas);
            spec.insert("workloadRef".to_owned(), reference);
            objects.push(object);
        } else {
            spec.insert("selector".to_owned(), selector);
            spec.insert("template".to_owned(), template);
        }
        spec.insert("strategy".to_owned(), strategy);
        spec.extend(self.spec.clone());
        objects.push(json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": NAME},
            "spec": spec,
        }));
        Ok(objects)
    }

    /// The canary strategy; adds the objects that its router needs.
    fn canary(&self, objects: &mut Vec<Value>) -> anyhow::Result<Map<String, Value>> {
        let mut canary = Map::new();
        canary.insert("steps".to_owned(), json!(self.steps));
        match self.router.as_deref() {
            None => {}
            Some("nginx") => {
                let [stable, other] = ["stable", "canary"].map(|role| format!("{NAME}-{role}"));
                objects.extend([service(&stable), service(&other), ingress(&stable)]);
                canary.insert("stableService".to_owned(), json!(stable));
                canary.insert("canaryService".to_owned(), json!(other));
                let routing = json!({"nginx": {"stableIngress": NAME}});
                canary.insert("trafficRouting".to_owned(), routing);
            }
            Some("istio") => {
                let [stable, other] = ["stable", "canary"].map(|role| format!("{NAME}-{role}"));
                let to = [json!({"host": stable}), json!({"host": other})];
                objects.extend([service(&stable), service(&other), virtual_service(to)]);
                canary.insert("stableService".to_owned(), json!(stable));
                canary.insert("canaryService".to_owned(), json!(other));
                let routing =
                    json!({"istio": {"virtualService": {"name": NAME, "routes": ["primary"]}}});
                canary.insert("trafficRouting".to_owned(), routing);
            }
            Some("istio-subsets") => {
                let to = ["stable", "canary"].map(|subset| json!({"host": NAME, "subset": subset}));
                objects.extend([service(NAME), destination_rule(), virtual_service(to)]);
                let routing = json!({"istio": {
                    "virtualService": {"name": NAME, "routes": ["primary"]},
                    "destinationRule": {"name": NAME, "canarySubsetName": "canary", "stableSubsetName": "stable"},
                }});
                canary.insert("trafficRouting".to_owned(), routing);
            }
            Some(router) => bail!("the short form knows no router {router}"),
        }
        canary.extend(self.canary.clone());
        Ok(canary)
    }
}

/// A blue-green strategy with its Services; what is given as null is left out.
fn colours(given: &Map<String, Value>) -> Map<String, Value> {
    let mut colours = Map::new();
    for role in ["active", "preview"] {
        colours.insert(format!("{role}Service"), json!(format!("{NAME}-{role}")));
    }
    colours.extend(given.clone());
    colours.retain(|_, value| !value.is_null());
    colours
}

/// A `workloadRef`, and the object that it names.
fn referent(
    members: &Map<String, Value>,
    (selector, template): (&Value, &Value),
    replicas: u32,
) -> (Value, Value) {
    let kind = members.get("kind").and_then(Value::as_str);
    let kind = kind.unwrap_or("Deployment");
    let version = if kind == "PodTemplate" {
        "v1"
    } else {
        "apps/v1"
    };
    let mut reference = json!({"apiVersion": version, "kind": kind, "name": NAME});
    for (member, value) in members {
        reference[member] = value.clone();
    }
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": NAME}});
    if kind == "PodTemplate" {
        object["template"] = template.clone();
    } else {
        // A ReplicaSet that is only a place for a template has no pods.
        let replicas = if kind == "Deployment" { replicas } else { 0 };
        object["spec"] = json!({"replicas": replicas, "selector": selector, "template": template});
    }
    (reference, object)
}
