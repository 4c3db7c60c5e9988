//! The rules of the Kubernetes API that the model keeps, one test each.

#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_sim::cluster::{
    Call, Cluster, Conflicts, Deletion, DeletionOptions, Mode, Page, PageRequest, Patch,
    Propagation, Query, Target, Validation, What, fields,
    kinds::{self, KindId},
    refusal::{Reason, Refusal},
    selector::{FieldSelector, LabelSelector},
};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn call() -> Call {
    Call::new(now(), "test")
}

fn cluster() -> Cluster {
    Cluster::new(now())
}

fn rollout() -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]},
            },
            "strategy": {"canary": {}},
        },
    })
}

fn replica_set() -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    })
}

fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"a": "1"}})
}

fn target(kind: KindId) -> Target<'static> {
    Target::new(kind, "default", "web")
}

fn merge(cluster: &mut Cluster, target: &Target<'_>, body: Value) -> Result<Value, Refusal> {
    cluster
        .patch(&call(), target, &Patch::Merge(body))
        .map(|object| (*object).clone())
}

fn generation(object: &Value) -> i64 {
    fields::number(object, &["metadata", "generation"]).unwrap_or(0)
}

#[test]
fn a_write_that_changes_nothing_makes_no_version() {
    let mut cluster = cluster();
    cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    let before = cluster.version();
    merge(
        &mut cluster,
        &target(kinds::ROLLOUTS),
        json!({"spec": {"replicas": 2}}),
    )
    .unwrap();
    assert_eq!(cluster.version(), before);
    merge(
        &mut cluster,
        &target(kinds::ROLLOUTS),
        json!({"spec": {"replicas": 3}}),
    )
    .unwrap();
    assert_eq!(cluster.version(), before + 1);
}

#[test]
fn a_stale_version_or_uid_is_a_conflict() {
    let mut cluster = cluster();
    let first = cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    merge(
        &mut cluster,
        &target(kinds::ROLLOUTS),
        json!({"spec": {"replicas": 3}}),
    )
    .unwrap();
    let stale = json!({
        "metadata": {"resourceVersion": fields::version(&first)},
        "spec": {"replicas": 4},
    });
    let refusal = merge(&mut cluster, &target(kinds::ROLLOUTS), stale).unwrap_err();
    assert_eq!(refusal.reason, Reason::Conflict);
    assert_eq!(
        refusal.message,
        "Operation cannot be fulfilled on rollouts.argoproj.io \"web\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let other = json!({"metadata": {"uid": "other"}, "spec": {"replicas": 4}});
    let refusal = merge(&mut cluster, &target(kinds::ROLLOUTS), other).unwrap_err();
    assert_eq!(refusal.reason, Reason::Conflict);
}

#[test]
fn an_update_without_version_is_for_built_in_kinds_only() {
    let mut cluster = cluster();
    cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    let refusal = cluster
        .update(&call(), &target(kinds::ROLLOUTS), rollout())
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::Invalid);
    assert!(refusal.message.ends_with("must be specified for an update"));
    cluster
        .create(&call(), kinds::REPLICA_SETS, "default", replica_set())
        .unwrap();
    assert!(
        cluster
            .update(&call(), &target(kinds::REPLICA_SETS), replica_set())
            .is_ok()
    );
}

#[test]
fn the_generation_of_a_rollout_follows_its_spec_and_not_its_status() {
    let mut cluster = cluster();
    let web = target(kinds::ROLLOUTS);
    let created = cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    assert_eq!(generation(&created), 1);
    let scaled = merge(&mut cluster, &web, json!({"spec": {"replicas": 3}})).unwrap();
    assert_eq!(generation(&scaled), 2);
    let status = merge(
        &mut cluster,
        &web.status(),
        json!({"status": {"replicas": 1}}),
    )
    .unwrap();
    assert_eq!(generation(&status), 2);
    let labelled = merge(
        &mut cluster,
        &web,
        json!({"metadata": {"labels": {"a": "b"}}}),
    )
    .unwrap();
    assert_eq!(generation(&labelled), 2);
}

#[test]
fn every_status_write_of_an_analysis_run_raises_its_generation() {
    let mut cluster = cluster();
    let run =
        json!({"metadata": {"name": "web"}, "spec": {"metrics": [{"name": "m", "provider": {}}]}});
    cluster
        .create(&call(), kinds::ANALYSIS_RUNS, "default", run)
        .unwrap();
    let web = target(kinds::ANALYSIS_RUNS);
    let running = merge(&mut cluster, &web, json!({"status": {"phase": "Running"}})).unwrap();
    assert_eq!(generation(&running), 2);
    let refusal = merge(&mut cluster, &web.status(), json!({"status": {}})).unwrap_err();
    assert_eq!(refusal.reason, Reason::NotFound);
}

#[test]
fn the_status_is_written_through_its_subresource_only() {
    let mut cluster = cluster();
    let web = target(kinds::ROLLOUTS);
    let mut with_status = rollout();
    with_status["status"] = json!({"phase": "Healthy"});
    let created = cluster
        .create(&call(), kinds::ROLLOUTS, "default", with_status)
        .unwrap();
    assert_eq!(created.get("status"), None);
    let patch = json!({"status": {"phase": "Healthy"}, "spec": {"replicas": 9}, "metadata": {"labels": {"a": "b"}}});
    let main = merge(&mut cluster, &web, patch.clone()).unwrap();
    assert_eq!(main.get("status"), None);
    assert_eq!(main["spec"]["replicas"], 9);
    let patch = json!({"status": {"phase": "Paused"}, "spec": {"replicas": 1}, "metadata": {"labels": {"c": "d"}}});
    let status = merge(&mut cluster, &web.status(), patch).unwrap();
    assert_eq!(status["status"]["phase"], "Paused");
    assert_eq!(status["spec"]["replicas"], 9);
    assert_eq!(status["metadata"]["labels"], json!({"a": "b"}));
}

#[test]
fn defaults_of_the_definition_are_filled_in_and_unknown_fields_are_cut_off() {
    let mut cluster = cluster();
    let mut body = rollout();
    body["spec"]["nonsense"] = json!(1);
    let stored = cluster
        .create(&call(), kinds::ROLLOUTS, "default", body.clone())
        .unwrap();
    let container = &stored["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["protocol"], "TCP");
    assert_eq!(stored["spec"].get("nonsense"), None);
    body["metadata"]["name"] = json!("strict");
    let strict = Call {
        validation: Validation::Strict,
        ..call()
    };
    let refusal = cluster
        .create(&strict, kinds::ROLLOUTS, "default", body)
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::BadRequest);
    assert!(refusal.message.contains("unknown field \"spec.nonsense\""));
}

/// Keeps VAL-04.
#[test]
fn a_selector_never_changes() {
    let mut cluster = cluster();
    cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    cluster
        .create(&call(), kinds::REPLICA_SETS, "default", replica_set())
        .unwrap();
    for kind in [kinds::ROLLOUTS, kinds::REPLICA_SETS] {
        let body = json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}});
        let refusal = merge(&mut cluster, &target(kind), body).unwrap_err();
        assert_eq!(refusal.reason, Reason::Invalid);
        assert!(refusal.message.contains("immutable"), "{}", refusal.message);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_field() {
    let mut cluster = cluster();
    let mut wrong = replica_set();
    wrong["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    wrong["metadata"]["name"] = json!("Web");
    let refusal = cluster
        .create(&call(), kinds::REPLICA_SETS, "default", wrong)
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::Invalid);
    let named: Vec<&str> = refusal.details["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause["field"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["metadata.name", "spec.template.metadata.labels"]);
    let status = refusal.to_status();
    assert_eq!(
        (status["code"].clone(), status["reason"].clone()),
        (json!(422), json!("Invalid"))
    );
}

#[test]
fn patches_know_their_kinds() {
    let mut cluster = cluster();
    cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    cluster
        .create(&call(), kinds::SERVICES, "default", service)
        .unwrap();
    let patch = Patch::Strategic(
        json!({"spec": {"ports": [{"port": 443, "name": "b"}, {"port": 80, "name": "a"}]}}),
    );
    let refusal = cluster
        .patch(&call(), &target(kinds::ROLLOUTS), &patch)
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::UnsupportedMediaType);
    let patched = cluster
        .patch(&call(), &target(kinds::SERVICES), &patch)
        .unwrap();
    assert_eq!(patched["spec"]["ports"].as_array().unwrap().len(), 2);
    let failing = Patch::Json(json!([{"op": "test", "path": "/spec/type", "value": "NodePort"}]));
    let refusal = cluster
        .patch(&call(), &target(kinds::SERVICES), &failing)
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::Invalid);
}

#[test]
fn the_scale_is_a_view_of_its_object() {
    let mut cluster = cluster();
    let web = target(kinds::ROLLOUTS);
    cluster
        .create(&call(), kinds::ROLLOUTS, "default", rollout())
        .unwrap();
    merge(
        &mut cluster,
        &web.status(),
        json!({"status": {"HPAReplicas": 1, "selector": "app=web"}}),
    )
    .unwrap();
    let scale = cluster.scale(&web).unwrap();
    assert_eq!(scale["spec"]["replicas"], 2);
    assert_eq!(
        scale["status"],
        json!({"replicas": 1, "selector": "app=web"})
    );
    let scaled = merge(&mut cluster, &web.scale(), json!({"spec": {"replicas": 7}})).unwrap();
    assert_eq!(scaled["spec"]["replicas"], 7);
    assert_eq!(generation(&scaled), 2);
}

#[test]
fn a_finalizer_holds_a_deleted_object_until_it_is_taken_away() {
    let mut cluster = cluster();
    let mut body = rollout();
    body["metadata"]["finalizers"] = json!(["tidegate/hold"]);
    cluster
        .create(&call(), kinds::ROLLOUTS, "default", body)
        .unwrap();
    let web = target(kinds::ROLLOUTS);
    let deletion = cluster
        .delete(&call(), &web, &DeletionOptions::default())
        .unwrap();
    assert!(matches!(deletion, Deletion::Begun(_)));
    assert_eq!(generation(deletion.object()), 2);
    let more = json!({"metadata": {"finalizers": ["tidegate/hold", "another/one"]}});
    assert_eq!(
        merge(&mut cluster, &web, more).unwrap_err().reason,
        Reason::Invalid
    );
    merge(
        &mut cluster,
        &web,
        json!({"metadata": {"finalizers": null}}),
    )
    .unwrap();
    assert!(cluster.get(kinds::ROLLOUTS, "default", "web").is_none());
    let last = cluster.changes_since(cluster.version() - 1).unwrap();
    assert_eq!(last[0].what, What::Deleted);
}

#[test]
fn a_deletion_keeps_its_preconditions() {
    let mut cluster = cluster();
    cluster
        .create(&call(), kinds::CONFIG_MAPS, "default", config_map("web"))
        .unwrap();
    let options = DeletionOptions {
        uid: Some("another".to_owned()),
        propagation: Propagation::Background,
        ..DeletionOptions::default()
    };
    let refusal = cluster
        .delete(&call(), &target(kinds::CONFIG_MAPS), &options)
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::Conflict);
    assert!(cluster.get(kinds::CONFIG_MAPS, "default", "web").is_some());
}

#[test]
fn a_dry_run_checks_and_stores_nothing() {
    let mut cluster = cluster();
    let before = cluster.version();
    let dry = Call {
        mode: Mode::DryRun,
        ..call()
    };
    assert!(
        cluster
            .create(&dry, kinds::ROLLOUTS, "default", rollout())
            .is_ok()
    );
    assert!(
        cluster
            .create(&dry, kinds::ROLLOUTS, "nowhere", rollout())
            .is_err()
    );
    assert_eq!(cluster.version(), before);
    assert!(cluster.get(kinds::ROLLOUTS, "default", "web").is_none());
}

#[test]
fn every_page_of_a_list_shows_the_version_of_the_first() {
    let mut cluster = cluster();
    for name in ["a", "b", "c", "d"] {
        cluster
            .create(&call(), kinds::CONFIG_MAPS, "default", config_map(name))
            .unwrap();
    }
    let query = Query::namespace("default");
    let request = |token: &str| PageRequest {
        limit: 2,
        token: token.to_owned(),
    };
    let names = |page: &Page| -> Vec<String> {
        page.objects
            .iter()
            .map(|object| fields::name(object).to_owned())
            .collect()
    };
    let first = cluster
        .page(kinds::CONFIG_MAPS, &query, &request(""))
        .unwrap();
    assert_eq!(
        (names(&first).join(""), first.remaining),
        ("ab".to_owned(), Some(2))
    );
    cluster
        .delete(
            &call(),
            &Target::new(kinds::CONFIG_MAPS, "default", "c"),
            &DeletionOptions::default(),
        )
        .unwrap();
    cluster
        .create(&call(), kinds::CONFIG_MAPS, "default", config_map("bb"))
        .unwrap();
    let second = cluster
        .page(kinds::CONFIG_MAPS, &query, &request(&first.token))
        .unwrap();
    assert_eq!(names(&second).join(""), "cd");
    assert_eq!((second.version, second.token.as_str()), (first.version, ""));
    cluster.compact(0);
    let refusal = cluster
        .page(kinds::CONFIG_MAPS, &query, &request(&first.token))
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::Expired);
}

#[test]
fn lists_can_be_cut_down_by_labels_and_fields() {
    let mut cluster = cluster();
    for (name, tier) in [("a", "x"), ("b", "y")] {
        let mut body = config_map(name);
        body["metadata"]["labels"] = json!({"tier": tier});
        cluster
            .create(&call(), kinds::CONFIG_MAPS, "default", body)
            .unwrap();
    }
    let kind = cluster.kinds().get(kinds::CONFIG_MAPS).clone();
    let found = |query: &Query| cluster.list(kinds::CONFIG_MAPS, query).count();
    let labels = LabelSelector::parse("tier notin (y)").unwrap();
    assert_eq!(
        found(&Query {
            labels,
            ..Query::default()
        }),
        1
    );
    let fields = FieldSelector::parse("metadata.name=b", kinds::CONFIG_MAPS, &kind).unwrap();
    assert_eq!(
        found(&Query {
            fields,
            ..Query::default()
        }),
        1
    );
    let refusal = FieldSelector::parse("data.a=1", kinds::CONFIG_MAPS, &kind).unwrap_err();
    assert_eq!(refusal.reason, Reason::BadRequest);
}

fn apply(cluster: &mut Cluster, manager: &str, body: Value) -> Result<Value, Refusal> {
    let patch = Patch::Apply {
        body,
        manager: manager.to_owned(),
        conflicts: Conflicts::Refuse,
    };
    cluster
        .patch(&call(), &target(kinds::CONFIG_MAPS), &patch)
        .map(|object| (*object).clone())
}

#[test]
fn an_apply_owns_what_it_names_and_drops_what_it_no_longer_names() {
    let mut cluster = cluster();
    let created = apply(&mut cluster, "one", json!({"data": {"a": "1", "b": "2"}})).unwrap();
    assert_eq!(created["data"], json!({"a": "1", "b": "2"}));
    let version = cluster.version();
    apply(&mut cluster, "one", json!({"data": {"a": "1", "b": "2"}})).unwrap();
    assert_eq!(
        cluster.version(),
        version,
        "the same opinion again changes nothing"
    );
    let shared = apply(&mut cluster, "two", json!({"data": {"b": "2", "c": "3"}})).unwrap();
    assert_eq!(shared["data"], json!({"a": "1", "b": "2", "c": "3"}));
    let dropped = apply(&mut cluster, "one", json!({"data": {"d": "4"}})).unwrap();
    assert_eq!(dropped["data"], json!({"b": "2", "c": "3", "d": "4"}));
    let refusal = apply(&mut cluster, "one", json!({"data": {"c": "9"}})).unwrap_err();
    assert_eq!(refusal.reason, Reason::Conflict);
    assert_eq!(refusal.details["causes"][0]["field"], ".data.c");
}

#[test]
fn nothing_new_begins_in_a_namespace_that_is_going() {
    let mut cluster = cluster();
    let shop = json!({"metadata": {"name": "shop"}});
    cluster
        .create(&call(), kinds::NAMESPACES, "", shop)
        .unwrap();
    cluster
        .create(&call(), kinds::CONFIG_MAPS, "shop", config_map("a"))
        .unwrap();
    cluster
        .delete(
            &call(),
            &Target::new(kinds::NAMESPACES, "", "shop"),
            &DeletionOptions::default(),
        )
        .unwrap();
    let refusal = cluster
        .create(&call(), kinds::CONFIG_MAPS, "shop", config_map("b"))
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::Forbidden);
    assert_eq!(
        refusal.details["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    let refusal = cluster
        .create(&call(), kinds::CONFIG_MAPS, "nowhere", config_map("b"))
        .unwrap_err();
    assert_eq!(refusal.reason, Reason::NotFound);
}

#[test]
fn a_definition_adds_its_kind() {
    let mut cluster = cluster();
    let definition = json!({
        "metadata": {"name": "boats.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "boats", "kind": "Boat"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"sails": {"type": "integer", "default": 2}}},
                }}},
            }],
        },
    });
    cluster
        .create(&call(), kinds::DEFINITIONS, "", definition)
        .unwrap();
    let boats = cluster
        .kinds()
        .of_path("example.com", "v1", "boats")
        .unwrap();
    let boat = json!({"metadata": {"name": "a"}, "spec": {}});
    let stored = cluster.create(&call(), boats, "default", boat).unwrap();
    assert_eq!(stored["spec"]["sails"], 2);
    assert_eq!(stored["kind"], "Boat");
}
