//! AnalysisRuns of one metric, and what its measurement must come to.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_testbed::bench::Bench;

/// Where they are.
pub(crate) const RUNS: &str = "/apis/argoproj.io/v1alpha1/namespaces/production/analysisruns";
/// By which an object says which controller sees to it.
const INSTANCE: &str = "argo-rollouts.argoproj.io/controller-instance-id";

/// A metric, and what its one measurement must come to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What is asked; `provider` makes a provider of it.
    asks: Value,
    /// When it is a success; always if it is empty.
    #[serde(default)]
    condition: String,
    /// The phase.
    is: String,
    /// The value of a measurement; of one in error, a part of what it says.
    told: String,
}

impl Case {
    /// Without a condition.
    pub(crate) fn new(name: &str, asks: Value, (phase, told): (&str, &str)) -> Self {
        Self {
            name: name.to_owned(),
            asks,
            condition: String::new(),
            is: phase.to_owned(),
            told: told.to_owned(),
        }
    }

    /// Those of a YAML file, each asked of the provider that this makes of what it asks.
    pub(crate) fn read(text: &str, provider: impl Fn(Value) -> Value) -> Result<Vec<Self>> {
        let mut cases: Vec<Self> = serde_saphyr::from_str(text).context("cases are YAML")?;
        for case in &mut cases {
            case.asks = provider(case.asks.take());
        }
        Ok(cases)
    }

    fn differs(&self, run: &Value) -> Option<String> {
        let measurement = &run["status"]["metricResults"][0]["measurements"][0];
        let text = |name: &str| measurement[name].as_str().unwrap_or_default();
        let fits = if self.is == "Error" {
            text("message").contains(&self.told)
        } else {
            text("value") == self.told
        };
        let is_so = fits && measurement["phase"] == self.is;
        let Self { name, is, told, .. } = self;
        (!is_so).then(|| format!("{name}: not {is} {told:?} but {:#}\n", run["status"]))
    }
}

/// Creates a run of one metric; unless the metric says otherwise, one error ends it.
pub(crate) async fn create(
    bench: &Bench,
    (name, instance): (&str, &str),
    metric: &Value,
) -> Result<()> {
    let mut metric = metric.clone();
    metric["name"] = json!("measured");
    if metric["consecutiveErrorLimit"].is_null() {
        metric["consecutiveErrorLimit"] = json!(0);
    }
    let mut metadata = json!({"name": name});
    if !instance.is_empty() {
        metadata["labels"] = json!({INSTANCE: instance});
    }
    let run = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": metadata, "spec": {"metrics": [metric]}});
    bench.create(RUNS, &run).await?;
    Ok(())
}

/// Waits until a run has come to its end; gives it.
pub(crate) async fn ended(bench: &Bench, name: &str) -> Result<Value> {
    let uri = format!("{RUNS}/{name}");
    let has_ended = |run: &Value| {
        let phase = run["status"]["phase"].as_str().unwrap_or_default();
        !["", "Pending", "Running"].contains(&phase)
    };
    bench.until(&uri, "end", has_ended).await?;
    bench.get(&uri).await
}

/// Lets all of them be measured at once, by the controller of an instance.
pub(crate) async fn check(bench: &Bench, instance: &str, cases: &[Case]) -> Result<()> {
    for case in cases {
        let metric = json!({"provider": case.asks, "successCondition": case.condition});
        create(bench, (&case.name, instance), &metric).await?;
    }
    let mut differences = String::new();
    for case in cases {
        let run = ended(bench, &case.name).await?;
        differences.extend(case.differs(&run));
    }
    ensure!(differences.is_empty(), "{differences}");
    Ok(())
}
