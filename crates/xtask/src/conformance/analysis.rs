//! Area `rollouts-analysis`: metrics, arguments, templates, verdicts and history of AnalysisRuns
//! (`rollouts-analysis.jsonl`).

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisTemplate, Argument, Metric, phase},
    rollout::{Rollout, RolloutAnalysis},
};
use tidegate_core::{
    analysis_run::{self, Ending, args, assess, rules, validate},
    experiment::assess::{is_final, template_badness},
    rollout::{
        desired::analysis_runs::{RunView, arguments, history, templates},
        snapshot::Lifetime,
    },
};
use tidegate_gocompat::expr;
use tidegate_integrations::metrics::condition;

use super::{
    Report, affinity,
    cases::{self, Case},
    experiments, objects,
};

const FILE: &str = "rollouts-analysis.jsonl";

/// Checks the file.
///
/// # Errors
/// When it is missing.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let report = cases::check_file(folder, FILE, |case| {
        let op = case.text("op")?;
        let found = answer(op, case)?;
        let recorded = &case.value["output"];
        let (ours, theirs) = (tidy(found.clone()), tidy(recorded.clone()));
        let agrees = ours == theirs || differs_on_purpose(op, &case.value, (&ours, &theirs));
        Ok((!agrees).then(|| format!("{op}: {found} instead of {recorded}")))
    })?;
    Ok(vec![report])
}

fn differs_on_purpose(op: &str, case: &Value, answers: (&Value, &Value)) -> bool {
    match op {
        "metric" => tells_another_name(case, answers),
        "fieldRef" => refuses_a_default(case, answers),
        _ => false,
    }
}

/// Of several names that nobody gave, one is told; in parts that nobody here types, members are read in
/// the order of their names.
fn tells_another_name(case: &Value, (ours, theirs): (&Value, &Value)) -> bool {
    const MEMBER: &str = "resolveError";
    let text = case["metric"].to_string();
    let is_unknown = |answer: &Value| {
        let error = answer[MEMBER].as_str();
        let told = error.and_then(|error| error.strip_prefix("failed to resolve "));
        let inner = told.and_then(|told| told.strip_prefix("{{")?.strip_suffix("}}"));
        let (Some(told), Some(inner)) = (told, inner) else {
            return false;
        };
        let name = inner.trim().trim_start_matches("args.");
        let mut given = case["args"].as_array().into_iter().flatten();
        text.contains(told) && given.all(|argument| argument["name"] != name)
    };
    let without = |answer: &Value| {
        let mut answer = answer.clone();
        answer[MEMBER] = Value::Null;
        answer
    };
    is_unknown(ours) && is_unknown(theirs) && without(ours) == without(theirs)
}

/// The template is not completed with members that the user left out; both refuse the path.
fn refuses_a_default(case: &Value, (ours, theirs): (&Value, &Value)) -> bool {
    let args = case["args"].as_array().into_iter().flatten();
    let mut paths =
        args.filter_map(|argument| argument["valueFrom"]["fieldRef"]["fieldPath"].as_str());
    paths.any(|path| {
        let names = |answer: &Value| {
            let error = answer["error"].as_str();
            error.is_some_and(|error| error.contains(path))
        };
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        let is_left_out = case["rollout"].pointer(&pointer).is_none();
        path.starts_with("spec.template.") && is_left_out && names(ours) && names(theirs)
    })
}

/// Go's nil lists and maps are as good as empty ones and as absent ones.
fn tidy(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, member)| (name, tidy(member)))
                .filter(|(_, member)| !is_empty(member))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(tidy).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn answer(op: &str, case: &Case) -> Result<Value> {
    let case = &case.value;
    match op {
        "order" => Ok(order(case)),
        "metric" => metric(case),
        "mergeArgs" => merge_args(case),
        "fieldRef" => field_ref(case),
        "templates" => many_templates(case),
        "evaluate" => evaluate(case),
        "run" => {
            let run: AnalysisRun = serde_json::from_value(case["run"].clone())?;
            Ok(json!({"terminating": analysis_run::ending(&run) == Ending::Yes}))
        }
        "collect" => collect(case),
        "affinity" => affinity::answer(case),
        "experiment" => experiments::answer(case),
        "scaleDown" => objects::scale_down(case),
        "resourceVersion" => Ok(objects::resource_version(case)),
        "names" => objects::names(case),
        _ => anyhow::bail!("no operation is called {op}"),
    }
}

/// How phases of analyses, and of the versions of an Experiment, compare.
fn order(case: &Value) -> Value {
    let mut answer = case["output"].clone();
    let name = |which: &str| case[which].as_str().unwrap_or_default().to_owned();
    let (first, second) = (name("a"), name("b"));
    let is_worse = assess::badness(&second) > assess::badness(&first);
    answer["analysisCompleted"] = json!(analysis_run::is_completed(&first));
    answer["analysisIsWorse"] = json!(is_worse);
    answer["analysisWorst"] = json!(if is_worse { &second } else { &first });
    let is_worse = template_badness(&second) > template_badness(&first);
    answer["templateCompleted"] = json!(is_final(&first));
    answer["templateIsWorse"] = json!(is_worse);
    answer["templateWorst"] = json!(if is_worse { second } else { first });
    answer
}

fn metric(case: &Value) -> Result<Value> {
    let metric: Metric = serde_json::from_value(case["metric"].clone())?;
    let mut answer = Map::new();
    let limit = assess::consecutive_error_limit(&metric);
    answer.insert("consecutiveErrorLimit".to_owned(), json!(limit));
    let count = match (analysis_run::effective_count(&metric), &metric.count) {
        (None, _) => json!("unlimited"),
        // A count that is given keeps its form.
        (Some(count), Some(given)) if given.to_string() == count.to_string() => {
            serde_json::to_value(given)?
        }
        (Some(count), _) => json!(count),
    };
    answer.insert("effectiveCount".to_owned(), count);
    if let Err(error) = validate::metric(&metric) {
        answer.insert("invalid".to_owned(), json!(error));
    }
    if !case["args"].is_null() {
        let given: Vec<Argument> = serde_json::from_value(case["args"].clone())?;
        let values: BTreeMap<String, String> = given
            .into_iter()
            .filter_map(|argument| Some((argument.name, argument.value?)))
            .collect();
        match args::resolve(&metric, &values) {
            Ok(metric) => answer.insert("resolved".to_owned(), serde_json::to_value(metric)?),
            Err(error) => answer.insert("resolveError".to_owned(), json!(error)),
        };
    }
    Ok(Value::Object(answer))
}

fn merge_args(case: &Value) -> Result<Value> {
    let incoming: Vec<Argument> = serde_json::from_value(case["incoming"].clone())?;
    let template: Vec<Argument> = serde_json::from_value(case["template"].clone())?;
    Ok(match arguments::merge(&incoming, &template) {
        Ok(args) => json!({"args": args}),
        Err(error) => json!({"error": error}),
    })
}

fn field_ref(case: &Value) -> Result<Value> {
    let rollout: Rollout = serde_json::from_value(case["rollout"].clone())?;
    let hashes = arguments::Hashes {
        latest: "newhash",
        stable: "stablehash",
    };
    let given = serde_json::from_value::<Vec<_>>(case["args"].clone())?;
    Ok(match arguments::given(&given, hashes, &rollout) {
        Ok(args) => json!({"args": args}),
        Err(_) if case["output"].get("panic").is_some() => case["output"].clone(),
        Err(error) => json!({"error": error}),
    })
}

fn many_templates(case: &Value) -> Result<Value> {
    let read = |name: &str| -> Result<Vec<AnalysisTemplate>> {
        Ok(serde_json::from_value(case[name].clone())?)
    };
    let mut all = read("templates")?;
    all.extend(read("clusterTemplates")?);
    let specs: Vec<_> = all.iter().map(|template| &template.spec).collect();
    let flat = match templates::flatten(&specs) {
        Ok(flat) => flat,
        Err(error) => return Ok(json!({"error": error, "flattenError": error})),
    };
    let list = |name: &str| {
        if case[name].is_null() {
            json!([])
        } else {
            case[name].clone()
        }
    };
    let given: Vec<Argument> = serde_json::from_value(list("args"))?;
    let analysis = RolloutAnalysis {
        dry_run: serde_json::from_value(list("dryRun"))?,
        measurement_retention: serde_json::from_value(list("measurementRetention"))?,
        ..RolloutAnalysis::default()
    };
    let run = match templates::run_spec(&specs, &analysis, &given) {
        Ok(run) => run,
        Err(error) => return Ok(json!({"flat": flat, "error": error})),
    };
    let (dry_run, kept) = (run.dry_run, run.measurement_retention);
    let mut answer = json!({
        "flat": flat,
        "run": {
            "metrics": run.metrics, "args": run.args, "dryRun": dry_run, "measurementRetention": kept,
        },
    });
    match rules::dry_run(&dry_run, &flat.metrics) {
        Ok(names) => {
            let names = names.into_iter().map(|name| (name, json!(true)));
            answer["dryRunMetrics"] = Value::Object(names.collect());
        }
        Err(error) => answer["dryRunError"] = json!(error),
    }
    match rules::retention(&kept, &flat.metrics) {
        Ok(limits) => {
            let limits = limits.into_iter().map(|(name, limit)| {
                let rule = kept
                    .iter()
                    .find(|rule| rule.limit.to_string() == limit.to_string());
                (name, json!(rule))
            });
            answer["retention"] = Value::Object(limits.collect());
        }
        Err(error) => answer["retentionError"] = json!(error),
    }
    Ok(answer)
}

fn evaluate(case: &Value) -> Result<Value> {
    let metric: Metric = serde_json::from_value(case["metric"].clone())?;
    let result = expr::Value::from_json(&case["result"]).context("a result")?;
    let now = Timestamp::UNIX_EPOCH;
    Ok(match condition::evaluate(&metric, &result, now) {
        Ok(phase) => json!({"phase": phase}),
        Err(error) => json!({"phase": phase::ERROR, "error": error}),
    })
}

fn collect(case: &Value) -> Result<Value> {
    let runs = case["runs"].as_array().context("runs")?;
    let runs = runs
        .iter()
        .map(|run| {
            Ok(RunView::new(&Arc::new(serde_json::from_value(
                run.clone(),
            )?)))
        })
        .collect::<Result<Vec<RunView>>>()?;
    let runs: Vec<&RunView> = runs.iter().collect();
    let sets = case["rss"].as_array().context("rss")?;
    let versions: Vec<(&str, Lifetime)> = sets
        .iter()
        .filter_map(|set| Some((set["hash"].as_str()?, Lifetime::Alive)))
        .collect();
    let limit = |index: usize| {
        let limit = case["limits"][index].as_i64().context("a limit")?;
        Ok::<i32, anyhow::Error>(i32::try_from(limit)?)
    };
    let limits = history::Limits {
        successful: limit(0)?,
        unsuccessful: limit(1)?,
    };
    let mut answer = case["output"].clone();
    let mut gone: Vec<&str> = history::surplus(&runs, &versions, limits)
        .into_iter()
        .map(|(run, _)| run.name.as_str())
        .collect();
    gone.sort_unstable();
    answer["deletedRuns"] = json!(gone);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_unknown_name_of_the_same_metric_may_be_told() {
        let case = json!({"metric": {"a": "{{args.one}} {{ args.two }}"}, "args": []});
        let told = |name: &str| json!({"resolveError": format!("failed to resolve {name}")});
        let agree = |case: &Value, ours: &Value, theirs: &Value| {
            differs_on_purpose("metric", case, (ours, theirs))
        };
        let (one, two) = (told("{{args.one}}"), told("{{ args.two }}"));
        assert!(agree(&case, &one, &two));
        assert!(!agree(&case, &one, &told("{{args.three}}")));
        assert!(!agree(&case, &one, &json!({"resolved": {}})));
        let given = json!({"metric": case["metric"], "args": [{"name": "one"}]});
        assert!(!agree(&given, &one, &two));
    }

    #[test]
    fn a_member_of_the_template_that_was_left_out_may_be_refused_otherwise() {
        let reference = |path: &str| json!({"valueFrom": {"fieldRef": {"fieldPath": path}}});
        let case = |path: &str| json!({"args": [reference(path)], "rollout": {"spec": {"template": {"a": [{"b": 1}]}}}});
        let error = |path: &str| json!({"error": format!("no {path}")});
        let agree = |asked: &str, told: &str| {
            let (ours, theirs) = (error(asked), error(told));
            differs_on_purpose("fieldRef", &case(asked), (&ours, &theirs))
        };
        assert!(agree("spec.template.a[0].c", "spec.template.a[0].c"));
        assert!(!agree("spec.template.a[0].b", "spec.template.a[0].b"));
        assert!(!agree("spec.template.a[0].c", "spec.other"));
        assert!(!agree("spec.replicas", "spec.replicas"));
    }
}
