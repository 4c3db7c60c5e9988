//! Rules about strategies and their steps, one flaw at a time.

use super::*;

fn blue_green(more: &Value) -> Vec<String> {
    let mut blue_green = json!({"activeService": "active", "previewService": "preview"});
    for (name, value) in more.as_object().unwrap() {
        blue_green[name] = value.clone();
    }
    check("/spec/strategy", json!({ "blueGreen": blue_green }))
}

fn canary(canary: &Value) -> Vec<String> {
    check("/spec/strategy", json!({ "canary": canary }))
}

/// Keeps VAL-06.
#[test]
fn active_and_preview_are_two_services() {
    assert!(blue_green(&json!({})).is_empty());
    assert!(blue_green(&json!({"previewService": ""})).is_empty());
    for name in ["active", ""] {
        let both = json!({"activeService": name, "previewService": name});
        assert_eq!(
            blue_green(&both),
            [format!(
                "spec.strategy.activeService: Invalid value: \"{name}\": This rollout uses the same \
                 service for the active and preview services, but two different services are required."
            )]
        );
    }
}

/// Keeps VAL-06.
#[test]
fn no_more_old_versions_wait_than_the_history_keeps() {
    assert!(blue_green(&json!({"scaleDownDelayRevisionLimit": 10})).is_empty());
    let expected = |limit: i32| {
        format!(
            "spec.strategy.scaleDownDelayRevisionLimit: Invalid value: {limit}: This rollout's revision \
             history limit can not be smaller than the rollout's scale down limit"
        )
    };
    assert_eq!(
        blue_green(&json!({"scaleDownDelayRevisionLimit": 11})),
        [expected(11)]
    );
    let mut manifest = with(
        "/spec/strategy",
        json!({"blueGreen": {"activeService": "a", "scaleDownDelayRevisionLimit": 3}}),
    );
    manifest["spec"]["revisionHistoryLimit"] = json!(2);
    assert_eq!(messages(super::manifest(&read(manifest))), [expected(3)]);
}

/// Keeps VAL-07, under either strategy.
#[test]
fn versions_keep_apart_in_one_way() {
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let given = |preferred: bool, required: bool| {
        format!(
            "spec.strategy.antiAffinity: Invalid value: \
             \"antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: {preferred} \
             antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: {required}\": AntiAffinity must \
             have exactly one strategy listed"
        )
    };
    let weight = |weight: i32| {
        format!(
            "spec.strategy.antiAffinity.weight: Invalid value: {weight}: AntiAffinity weight must be \
             between 1-100"
        )
    };
    let preferred = |weight: i32| json!({PREFERRED: {"weight": weight}});
    for (affinity, expected) in [
        (json!({REQUIRED: {}}), vec![]),
        (preferred(1), vec![]),
        (preferred(100), vec![]),
        (preferred(0), vec![weight(0)]),
        (preferred(101), vec![weight(101)]),
        (json!({}), vec![given(false, false)]),
        (
            json!({PREFERRED: {"weight": 1}, REQUIRED: {}}),
            vec![given(true, true)],
        ),
    ] {
        assert_eq!(canary(&json!({"antiAffinity": affinity})), expected);
        assert_eq!(blue_green(&json!({"antiAffinity": affinity})), expected);
    }
}

/// Keeps VAL-10.
#[test]
fn ping_and_pong_are_two_services_behind_a_router_that_can() {
    let check = |services: &Value, routing: &Value| {
        canary(&json!({"pingPong": services, "trafficRouting": routing}))
    };
    let both = json!({"pingService": "ping", "pongService": "pong"});
    let istio = json!({"istio": {"virtualService": {"name": "v"}}});
    for able in [
        istio.clone(),
        json!({"alb": {"ingress": "web", "rootService": "root", "servicePort": 80}}),
        json!({"plugins": {"acme/router": {}}}),
        Value::Null,
    ] {
        assert_eq!(check(&both, &able), Vec::<String>::new());
    }
    let smi = check(&both, &json!({"smi": {}}));
    assert_eq!(
        smi[0],
        "spec.strategy.trafficRouting.alb: Invalid value: null: Ping-pong feature works with the ALB, \
         Istio, and plugin-based traffic routers only"
    );
    let no_root = json!({"alb": {"ingress": "web", "servicePort": 80}});
    assert_eq!(
        check(&both, &no_root),
        [
            "spec.strategy.trafficRouting.alb.rootService: Invalid value: \"\": Root service field is \
          required for the configuration with ALB and ping-pong feature enabled"
        ]
    );
    let lacks = "Ping service and Pong service must to be set to use Ping-Pong feature";
    let one = json!({"pingService": "ping", "pongService": ""});
    assert_eq!(
        check(&one, &istio),
        [format!(
            "spec.strategy.pingPong.pongService: Invalid value: \"\": {lacks}"
        )]
    );
    let other = json!({"pingService": "", "pongService": "pong"});
    assert_eq!(
        check(&other, &istio),
        [format!(
            "spec.strategy.pingPong.pingService: Invalid value: \"\": {lacks}"
        )]
    );
    let same = json!({"pingService": "ping", "pongService": "ping"});
    assert_eq!(
        check(&same, &istio),
        [
            "spec.strategy.pingPong.pingService: Invalid value: \"ping\": This rollout uses the same \
          service for the ping and pong services, but two different services are required."
        ]
    );
}

/// What is said about the only step of a canary behind this router.
fn step(step: &Value, routing: &Value) -> Vec<String> {
    let mut routing = routing.clone();
    if let Some(routing) = routing.as_object_mut() {
        routing.insert("managedRoutes".to_owned(), json!([{"name": "r"}]));
    }
    canary(
        &json!({"steps": [step], "trafficRouting": routing, "stableService": "stable",
        "canaryService": "canary"}),
    )
}

fn routers() -> [(&'static str, Value); 6] {
    [
        ("istio", json!({"istio": {"virtualService": {"name": "v"}}})),
        ("alb", json!({"alb": {"ingress": "web", "servicePort": 80}})),
        ("apisix", json!({"apisix": {"route": {"name": "a"}}})),
        ("plugins", json!({"plugins": {"acme/router": {}}})),
        ("nginx", json!({"nginx": {"stableIngress": "web"}})),
        ("none", Value::Null),
    ]
}

/// Keeps VAL-16.
#[test]
fn routes_of_their_own_need_a_router_that_can() {
    let header = json!({"setHeaderRoute": {"name": "r",
        "match": [{"headerName": "h", "headerValue": {"exact": "1"}}]}});
    let mirror = json!({"setMirrorRoute": {"name": "r"}});
    for (name, routing) in routers() {
        let headers = step(&header, &routing);
        assert_eq!(
            headers.is_empty(),
            !["nginx", "none"].contains(&name),
            "{name}: {headers:?}"
        );
        let mirrors = step(&mirror, &routing);
        assert_eq!(
            mirrors.is_empty(),
            ["istio", "plugins"].contains(&name),
            "{name}: {mirrors:?}"
        );
    }
    let told = |request: &Value| step(request, &Value::Null).remove(0);
    assert!(told(&header).starts_with("spec.strategy.steps[0].setHeaderRoute: Invalid value: {"));
    assert!(
        told(&header).ends_with(
            ": SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix"
        )
    );
    assert!(
        told(&mirror)
            .ends_with(": SetMirrorRoute requires TrafficRouting, supports Istio and Plugins")
    );
}

/// Keeps VAL-16.
#[test]
fn a_header_is_matched_in_one_way() {
    const MISSED: &str = "StringMatch value missed, match value must have one of the following: exact, regex, prefix";
    const SEVERAL: &str =
        "StringMatch match value must have exactly one of the following: exact, regex, prefix";
    const EXACT: &str = "SetHeaderRoute match value invalid. ALB supports 'exact' value only";
    for (value, by_istio, by_alb) in [
        (json!({"exact": "1"}), None, None),
        (json!({"regex": "1"}), None, Some(EXACT)),
        (json!({"prefix": "1"}), None, Some(EXACT)),
        (json!({}), Some(MISSED), Some(EXACT)),
        (Value::Null, Some(MISSED), Some(MISSED)),
        (
            json!({"exact": "1", "prefix": "1"}),
            Some(SEVERAL),
            Some(EXACT),
        ),
    ] {
        let request = json!({"setHeaderRoute": {"name": "r",
            "match": [{"headerName": "h", "headerValue": value}]}});
        for (routing, expected) in [(&routers()[0].1, by_istio), (&routers()[1].1, by_alb)] {
            let found = step(&request, routing);
            let Some(expected) = expected else {
                assert_eq!(found, Vec::<String>::new());
                continue;
            };
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("spec.strategy.steps[0].setHeaderRoute.match[0]: "));
            assert!(found[0].ends_with(expected), "{found:?}");
        }
    }
}

/// Keeps VAL-16: of a request to copy, method and path are looked at and headers are not.
#[test]
fn a_request_to_copy_is_matched_in_one_way() {
    let request = |rule: Value| json!({"setMirrorRoute": {"name": "r", "match": [rule]}});
    let count = |rule: Value| step(&request(rule), &routers()[0].1).len();
    let both = json!({"exact": "1", "prefix": "1"});
    assert_eq!(
        count(json!({"method": {"exact": "GET"}, "path": {"prefix": "/"}})),
        0
    );
    assert_eq!(count(json!({"path": both})), 1);
    assert_eq!(
        count(json!({"method": both})),
        2,
        "upstream looks at it twice"
    );
    assert_eq!(count(json!({"headers": {"h": both}})), 0);
}

/// Keeps VAL-17.
#[test]
fn routes_of_their_own_must_be_listed() {
    let check = |name: &str, managed: &Value| {
        canary(&json!({
            "steps": [{"setHeaderRoute": {"name": name}}, {"setMirrorRoute": {"name": name}}],
            "stableService": "stable", "canaryService": "canary",
            "trafficRouting": {"istio": {"virtualService": {"name": "v"}}, "managedRoutes": managed},
        }))
    };
    let listed = json!([{"name": "a"}, {"name": "b"}]);
    assert_eq!(check("b", &listed), Vec::<String>::new());
    let unknown = |member: &str, index: usize| {
        format!(
            "spec.strategy.steps[{index}].{member}: Invalid value: \"c\": Steps define a route that does \
             not exist in spec.strategy.canary.trafficRouting.managedRoutes"
        )
    };
    assert_eq!(
        check("c", &listed),
        [unknown("setHeaderRoute", 0), unknown("setMirrorRoute", 1)]
    );
    let missing = "spec.strategy.trafficRouting.managedRoutes: Required value: Rollout has missing \
                   field 'spec.strategy.canary.trafficRouting.managedRoutes'";
    assert_eq!(check("a", &Value::Null), [missing, missing]);
}

/// Keeps VAL-18.
#[test]
fn an_experiment_has_weight_only_behind_a_router_that_can() {
    let experiment = |weight: Value| json!({"experiment": {"templates": [{"name": "a", "specRef": "canary", "weight": weight}]}});
    for (name, routing) in routers() {
        assert_eq!(
            step(&experiment(Value::Null), &routing),
            Vec::<String>::new()
        );
        let found = step(&experiment(json!(5)), &routing);
        let path = "spec.strategy.steps[0].experiment.templates[0].weight: Invalid value: 5: ";
        let expected = match name {
            "none" => {
                Some("Experiment template weight cannot be set unless TrafficRouting is enabled")
            }
            "apisix" | "nginx" => Some(
                "Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio \
                 and Plugins at this time",
            ),
            _ => None,
        };
        let expected = expected.map(|words| format!("{path}{words}"));
        assert_eq!(found, Vec::from_iter(expected), "{name}");
    }
}

/// Keeps VAL-19.
#[test]
fn an_argument_names_metadata_that_there_is() {
    let analysis = |path: &str| {
        json!({"analysis": {"templates": [{"templateName": "t"}],
            "args": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}})
    };
    let experiment = |path: &str| {
        json!({"experiment": {"templates": [], "analyses": [{"name": "x", "templateName": "t",
            "args": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}]}})
    };
    for (path, good) in [
        ("metadata.name", true),
        ("metadata.labels", true),
        ("metadata.labels['team']", true),
        ("metadata.annotations['acme.com/team']", true),
        ("metadata.labels['']", false),
        ("metadata.creationTimestamp", false),
        ("metadata.label['team']", false),
        ("status.nothing.such", true),
    ] {
        for request in [analysis(path), experiment(path)] {
            let found = step(&request, &Value::Null);
            assert_eq!(found.is_empty(), good, "{path}: {found:?}");
            let words =
                "Analyses arguments must refer to valid object metadata supported by downwardAPI";
            assert!(
                found
                    .iter()
                    .all(|found| found.starts_with("spec.strategy.steps[0].analyses: "))
            );
            assert!(found.iter().all(|found| found.ends_with(words)));
        }
    }
}
