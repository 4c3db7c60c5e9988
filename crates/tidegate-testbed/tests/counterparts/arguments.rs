//! Arguments of runs: values of Secrets, and what has no value (ANA-20, ANA-26, ANA-40, MP-003, MP-004).

use anyhow::Result;
use serde_json::{Value, json};
use tidegate_testbed::bench::Bench;

use crate::{
    runs::{self, RUNS},
    servers::Server,
};

/// The value of the Secret in the namespace of the runs.
const OWN: &str = "hunter2";
/// `hunter2`, as it is written in a manifest.
const OWN_CODED: &str = "aHVudGVyMg==";
/// The value of the one in the other namespace.
const OTHER_CODED: &str = "Y29ycmVjdCBob3JzZQ==";

async fn secret(bench: &Bench, (namespace, name): (&str, &str), value: &str) -> Result<()> {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"token": value}});
    bench
        .create(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret)
        .await?;
    Ok(())
}

/// A run that shows an argument, taken from a Secret, to a server which sends it back.
async fn shows(bench: &Bench, server: &Server, (name, secret): (&str, &str)) -> Result<Value> {
    let url = format!("http://127.0.0.1:{}/mirror", server.port);
    let metric = json!({"name": "measured", "consecutiveErrorLimit": 0, "successCondition": format!("result == '{OWN}'"),
        "provider": {"web": {"url": url, "jsonPath": "{.token}",
            "headers": [{"key": "X-Token", "value": "{{args.token}}"}]}}});
    let argument =
        json!({"name": "token", "valueFrom": {"secretKeyRef": {"name": secret, "key": "token"}}});
    let run = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun", "metadata": {"name": name},
        "spec": {"args": [argument], "metrics": [metric]}});
    bench.create(RUNS, &run).await?;
    runs::ended(bench, name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_the_namespace_of_the_run_and_are_shown_to_nobody_else() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-arguments").await? else {
        return Ok(());
    };
    let server = Server::start(None).await?;
    let _controller = bench.controller(&[])?;
    secret(&bench, ("production", "own"), OWN_CODED).await?;
    secret(&bench, ("default", "other"), OTHER_CODED).await?;

    let run = shows(&bench, &server, ("own", "own")).await?;
    let measurement = &run["status"]["metricResults"][0]["measurements"][0];
    assert_eq!(measurement["phase"], "Successful", "{run:#}");
    assert_eq!(measurement["value"], "\"*****\"");
    assert_eq!(server.requests(), 1);

    // A Secret of another namespace is none, whatever name leads there.
    for (name, secret, told) in [
        ("other", "other", "secrets \"other\" not found"),
        (
            "parted",
            "default/other",
            "invalid resource name \"default/other\": [may not contain '/']",
        ),
        (
            "upwards",
            "../../default/secrets/other",
            "invalid resource name \"../../default/secrets/other\": [may not contain '/']",
        ),
        ("blank", "an other", "secrets \"an other\" not found"),
        (
            "asked-for",
            "own?pretty=true",
            "secrets \"own?pretty=true\" not found",
        ),
    ] {
        let run = shows(&bench, &server, (name, secret)).await?;
        assert_eq!(run["status"]["phase"], "Error", "{run:#}");
        let message = run["status"]["message"].as_str().unwrap_or_default();
        let told = format!("Unable to resolve metric arguments: {told}");
        assert!(message.starts_with(&told), "{message}");
        assert_eq!(run["status"]["metricResults"], Value::Null);
    }
    assert_eq!(server.requests(), 1, "nobody is asked without the Secret");

    let log = std::fs::read_to_string(bench.folder().join("controller.log"))?;
    assert!(!log.contains(OWN), "the log shows a Secret");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_between_braces_and_is_no_argument_ends_a_run_before_it_asks() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-placeholders").await? else {
        return Ok(());
    };
    let server = Server::start(None).await?;
    let _controller = bench.controller(&[])?;
    let cases = [
        (
            "no-argument",
            "{{args.version}}",
            "failed to resolve {{args.version}}",
        ),
        (
            "no-name",
            "{{ .Values.version }}",
            "failed to resolve {{ .Values.version }}",
        ),
        ("no-end", "{{args.name", "failed to resolve {{args.name\""),
        (
            "no-value",
            "{{args.empty}}",
            "argument \"empty\" was not supplied",
        ),
    ];
    for (name, placeholder, _) in cases {
        let url = format!(
            "http://127.0.0.1:{}/rate?version={placeholder}",
            server.port
        );
        let metric = json!({"name": "measured", "provider": {"web": {"url": url}}});
        let mut arguments = json!([{"name": "name", "value": "shop"}]);
        if name == "no-value" {
            arguments = json!([{"name": "empty"}]);
        }
        let run = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun", "metadata": {"name": name},
            "spec": {"args": arguments, "metrics": [metric]}});
        bench.create(RUNS, &run).await?;
    }
    for (name, _, told) in cases {
        let run = runs::ended(&bench, name).await?;
        assert_eq!(run["status"]["phase"], "Error", "{run:#}");
        let message = run["status"]["message"].as_str().unwrap_or_default();
        assert!(
            message.starts_with("Unable to resolve metric arguments: "),
            "{message}"
        );
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(server.requests(), 0);
    Ok(())
}
