//! One flaw at a time in a manifest that is otherwise right.

mod strategies;

use std::sync::Arc;

use serde_json::json;

use super::*;

/// A manifest without a flaw.
fn sound() -> Value {
    json!({
        "metadata": {"name": "shop", "namespace": "prod"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "web", "image": "shop:1"}]}},
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
        },
    })
}

/// The sound manifest with one member replaced; `path` is a JSON pointer.
fn with(path: &str, value: Value) -> Value {
    let mut manifest = sound();
    let (parent, name) = path.rsplit_once('/').unwrap();
    manifest.pointer_mut(parent).unwrap()[name] = value;
    manifest
}

fn read(manifest: Value) -> Rollout {
    serde_json::from_value(manifest).unwrap()
}

fn check(path: &str, value: Value) -> Vec<String> {
    messages(manifest(&read(with(path, value))))
}

fn messages(findings: Vec<Finding>) -> Vec<String> {
    findings
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn a_sound_manifest_has_no_findings() {
    assert!(manifest(&read(sound())).is_empty());
}

#[test]
fn limits_must_not_be_negative_and_fit_together() {
    assert_eq!(
        check("/spec/replicas", json!(-1)),
        ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]
    );
    assert_eq!(
        check("/spec/minReadySeconds", json!(600)),
        ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"]
    );
}

#[test]
fn the_selector_must_select_the_templates_pods() {
    let findings = check("/spec/template/metadata/labels", json!({"app": "other"}));
    assert_eq!(
        findings,
        [
            "spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not \
          match template `labels`"
        ]
    );
    let findings = check("/spec/selector", Value::Null);
    assert_eq!(
        findings[0],
        "spec.selector: Required value: Rollout has missing field '.spec.selector'"
    );
}

#[test]
fn a_container_needs_a_name_and_an_image() {
    let findings = check("/spec/template/spec/containers", json!([{}]));
    assert_eq!(
        findings,
        [
            "spec.template.spec.containers[0].name: Required value",
            "spec.template.spec.containers[0].image: Required value"
        ]
    );
}

#[test]
fn requests_stay_within_limits() {
    let resources = json!({"limits": {"cpu": "500m"}, "requests": {"cpu": "1"}});
    let findings = check("/spec/template/spec/containers/0/resources", resources);
    assert_eq!(
        findings,
        [
            "spec.template.spec.containers[0].resources.requests: Invalid value: \"1\": must be less \
          than or equal to cpu limit of 500m"
        ]
    );
}

#[test]
fn exactly_one_strategy_is_wanted() {
    assert_eq!(
        check("/spec/strategy", json!({})),
        [
            "spec.strategy.strategy: Required value: Rollout has missing field \
          '.spec.strategy.canary or .spec.strategy.blueGreen'"
        ]
    );
    let both = json!({"canary": {}, "blueGreen": {"activeService": "a"}});
    assert_eq!(check("/spec/strategy", both).len(), 1);
}

#[test]
fn a_step_is_of_one_known_kind() {
    let steps = |value: Value| check("/spec/strategy/canary/steps", value);
    assert!(steps(json!([{"setCanaryScale": null, "pause": {"duration": "5m"}}])).is_empty());
    assert_eq!(steps(json!([{}])).len(), 1);
    assert_eq!(steps(json!([{"setWeight": 5, "pause": {}}])).len(), 1);
    assert_eq!(
        steps(json!([{"setWeight": 101}])),
        [
            "spec.strategy.steps[0].setWeight: Invalid value: 101: SetWeight needs to be between 0 \
          and 100"
        ]
    );
    assert_eq!(
        steps(json!([{"pause": {"duration": "1 day"}}])),
        [
            "spec.strategy.steps[0].pause.duration: Invalid value: -1: Duration needs to be greater \
          than 0"
        ]
    );
}

#[test]
fn a_router_needs_both_services() {
    let routing = json!({"nginx": {"stableIngress": "web"}});
    let findings = check("/spec/strategy/canary/trafficRouting", routing);
    assert_eq!(findings.len(), 2);
    assert!(findings[0].starts_with("spec.strategy.stableService: Invalid value: \"\": "));
}

#[test]
fn surge_and_unavailable_must_not_both_be_zero() {
    let mut canary = json!({"maxSurge": "0%", "maxUnavailable": 0});
    let findings = check("/spec/strategy/canary", canary.clone());
    assert_eq!(
        findings,
        [
            "spec.strategy.maxSurge: Invalid value: \"0%\": MaxSurge and MaxUnavailable both can not \
          be zero"
        ]
    );
    canary["maxSurge"] = Value::Null;
    assert!(
        check("/spec/strategy/canary", canary).is_empty(),
        "the default is 25%"
    );
}

fn findings_of(observed: &Observed) -> Vec<Finding> {
    findings(&observed.rollout, observed)
}

/// What is observed of a canary that names two Services and an analysis.
fn observed() -> Observed {
    let manifest = with(
        "/spec/strategy/canary",
        json!({"stableService": "stable", "canaryService": "canary",
            "steps": [{"analysis": {"templates": [{"templateName": "rate"}]}}]}),
    );
    let mut observed = Observed {
        rollout: Arc::new(read(manifest)),
        ..Observed::default()
    };
    for name in ["stable", "canary"] {
        let service = json!({"metadata": {"name": name}, "spec": {"selector": {"app": "shop"}}});
        let service = serde_json::from_value(service).unwrap();
        observed.services.insert(name.to_owned(), Arc::new(service));
    }
    put_template(
        &mut observed,
        "rate",
        &json!({"metrics": [{"name": "m", "interval": "10s", "count": 3}]}),
    );
    observed
}

fn put_template(observed: &mut Observed, name: &str, spec: &Value) {
    let template = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec}));
    let templates = &mut observed.analysis_templates;
    templates.insert(name.to_owned(), Arc::new(template.unwrap()));
}

#[test]
fn named_objects_that_exist_and_fit_are_fine() {
    assert!(findings_of(&observed()).is_empty());
}

/// Keeps VAL-30, and VAL-31 after it.
#[test]
fn a_missing_service_is_named_before_a_missing_template() {
    let mut observed = observed();
    observed.services.remove("canary");
    observed.analysis_templates.clear();
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.canaryService: Invalid value: \"canary\": service \"canary\" not \
             found",
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"rate\": \
             AnalysisTemplate 'rate' not found"
        ]
    );
}

/// Keeps VAL-30.
#[test]
fn a_service_must_select_the_pods_and_belong_to_nobody_else() {
    let mut observed = observed();
    let service = json!({
        "metadata": {"name": "stable",
            "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "blog"}},
        "spec": {"selector": {"tier": "web", "rollouts-pod-template-hash": "x"}}});
    let service = serde_json::from_value(service).unwrap();
    observed
        .services
        .insert("stable".to_owned(), Arc::new(service));
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.stableService: Invalid value: \"stable\": Service \"stable\" has \
             unmatch label \"tier\" in rollout",
            "spec.strategy.canary.stableService: Invalid value: \"stable\": Service \"stable\" is \
             managed by another Rollout"
        ]
    );
}

#[test]
fn a_steps_metric_must_end() {
    let mut observed = observed();
    put_template(
        &mut observed,
        "rate",
        &json!({"metrics": [{"name": "m", "interval": "10s"}]}),
    );
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"rate\": \
          AnalysisTemplate rate has metric m which runs indefinitely. Invalid value for count: \
          <nil>"
        ]
    );
}

/// Keeps VAL-31.
#[test]
fn a_metric_names_arguments_of_its_own_template() {
    let mut observed = observed();
    let spec = json!({"metrics": [{"name": "m", "provider": {"web": {"url": "{{args.hots}}"}}}],
        "args": [{"name": "host", "value": "a"}]});
    put_template(&mut observed, "rate", &spec);
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"rate\": \
          AnalysisTemplate rate: failed to resolve {{args.hots}}"
        ]
    );
}

/// Keeps VAL-31.
#[test]
fn an_argument_has_one_value() {
    let mut observed = observed();
    let key = json!({"secretKeyRef": {"name": "token", "key": "value"}});
    let spec = json!({"metrics": [{"name": "m"}],
        "args": [{"name": "token", "value": "a", "valueFrom": key}]});
    put_template(&mut observed, "rate", &spec);
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"rate\": \
          AnalysisTemplate rate: arg 'token' has both Value and ValueFrom fields"
        ]
    );
}

/// Keeps VAL-31: what only the run knows is no number.
#[test]
fn a_count_that_is_an_argument_is_looked_up() {
    let found = |argument: &Value| {
        let mut observed = observed();
        let metric = json!({"name": "m", "interval": "10s", "count": "{{args.count}}"});
        let spec = json!({"metrics": [metric], "args": [argument]});
        put_template(&mut observed, "rate", &spec);
        messages(findings_of(&observed))
    };
    assert!(found(&json!({"name": "count", "value": "3"})).is_empty());
    let secret = json!({"secretKeyRef": {"name": "a", "key": "b"}});
    let endless = found(&json!({"name": "count", "valueFrom": secret}));
    assert_eq!(
        endless,
        [
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"rate\": \
          AnalysisTemplate rate has metric m which runs indefinitely. Invalid value for count: \
          dummy-value"
        ]
    );
}

/// Differs from upstream, which does not look at it (VAL-31).
#[test]
fn a_count_that_the_rollout_gives_counts() {
    let mut observed = observed();
    let metric = json!({"name": "m", "interval": "10s", "count": "{{args.count}}"});
    let spec = json!({"metrics": [metric], "args": [{"name": "count"}]});
    put_template(&mut observed, "rate", &spec);
    let mut rollout = (*observed.rollout).clone();
    let canary = rollout.spec.strategy.canary.as_mut().unwrap();
    let analysis = canary.steps[0].analysis.as_mut().unwrap();
    analysis.args = serde_json::from_value(json!([{"name": "count", "value": "3"}])).unwrap();
    observed.rollout = Arc::new(rollout);
    assert_eq!(messages(findings_of(&observed)), Vec::<String>::new());
}

#[test]
fn an_argument_needs_a_value_from_somewhere() {
    let mut observed = observed();
    let spec = json!({"metrics": [{"name": "m"}], "args": [{"name": "host"}]});
    put_template(&mut observed, "rate", &spec);
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"templateNames: \
          [rate]\": args.host was not resolved"
        ]
    );
}

#[test]
fn templates_that_name_each_other_in_a_circle_are_found_out() {
    let mut observed = observed();
    let spec = json!({"templates": [{"templateName": "rate"}]});
    put_template(&mut observed, "rate", &spec);
    let found = messages(findings_of(&observed));
    assert!(found[0].contains("break the circle"), "{found:?}");
}

#[test]
fn templates_that_are_named_again_and_again_are_looked_at_once() {
    let mut observed = observed();
    for level in 0..15 {
        let next = format!("level{}", level + 1);
        let spec = json!({"templates": vec![json!({"templateName": next}); 8]});
        let name = format!("level{level}");
        put_template(
            &mut observed,
            if level == 0 { "rate" } else { &name },
            &spec,
        );
    }
    let last = json!({"metrics": [{"name": "m", "count": 1}]});
    put_template(&mut observed, "level15", &last);
    assert!(
        findings_of(&observed).is_empty(),
        "8^15 ways lead to 16 templates"
    );
    let deeper = json!({"templates": [{"templateName": "end"}]});
    put_template(&mut observed, "level15", &deeper);
    put_template(&mut observed, "end", &last);
    let found = messages(findings_of(&observed));
    assert!(found[0].contains("more than 16 deep"), "{found:?}");
}

#[test]
fn the_depth_counts_along_the_longest_way() {
    let mut observed = observed();
    // The way over `short` is walked first; the one over `long` is too deep by what lies below.
    for level in 0..10 {
        for way in ["down", "long"] {
            let next = match (way, level) {
                ("long", 9) => "down0".to_owned(),
                _ => format!("{way}{}", level + 1),
            };
            let spec = json!({"templates": [{"templateName": next}]});
            put_template(&mut observed, &format!("{way}{level}"), &spec);
        }
    }
    put_template(
        &mut observed,
        "down10",
        &json!({"metrics": [{"name": "m"}]}),
    );
    let both = json!({"templates": [{"templateName": "down0"}, {"templateName": "long0"}]});
    put_template(&mut observed, "rate", &both);
    let found = messages(findings_of(&observed));
    assert!(found[0].contains("more than 16 deep"), "{found:?}");
}

#[test]
fn two_rules_for_dry_runs_of_one_name_are_refused() {
    let mut observed = observed();
    let spec =
        json!({"metrics": [{"name": "m"}], "dryRun": [{"metricName": "m"}, {"metricName": "m"}]});
    put_template(&mut observed, "rate", &spec);
    assert_eq!(
        messages(findings_of(&observed)),
        [
            "spec.strategy.canary.steps[0].analysis.templates: Invalid value: \"templateNames: \
          [rate]\": two Dry-Run metric rules have the same name 'm'"
        ]
    );
}

#[test]
fn routers_come_last() {
    let mut observed = observed();
    let finding = Finding {
        message: "r".to_owned(),
    };
    observed.router_findings.push(finding.clone());
    assert_eq!(findings_of(&observed), [finding]);
}

/// Keeps WLR-02: what pods run does not count.
#[test]
fn labels_and_annotations_make_a_template() {
    let pods = json!({"spec": {"containers": [{"name": "web", "image": "shop:1"}]}});
    assert!(is_empty_template(&pods));
    assert!(is_empty_template(&json!({"metadata": {"labels": {}}})));
    for member in ["labels", "annotations"] {
        assert!(!is_empty_template(
            &json!({"metadata": {member: {"app": "shop"}}})
        ));
    }
}
