//! The REST door of the model cluster, spoken to over a socket as any client does.

#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::{net::SocketAddr, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_sim::{
    cluster::Cluster,
    doors::{
        http::Door,
        net::{kubeconfig, serve},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SHOP: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";

struct Server {
    address: SocketAddr,
    door: Arc<Door>,
}

impl Server {
    async fn start() -> Self {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let door = Door::new(Cluster::new(now), Box::new(move || now));
        let (address, _task) = serve(door.clone(), "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        Self { address, door }
    }

    /// One request on a connection of its own; returns status code and body.
    async fn send(&self, head: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: Vec<String> = headers
            .iter()
            .map(|header| format!("{header}\r\n"))
            .collect();
        let headers = headers.concat();
        let request = format!(
            "{head} HTTP/1.1\r\nHost: model\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked");
        (
            code,
            if chunked {
                unchunked(body)
            } else {
                body.to_owned()
            },
        )
    }

    async fn json(&self, head: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (code, text) = self
            .send(head, &["Content-Type: application/json"], &body)
            .await;
        (code, serde_json::from_str(&text).unwrap())
    }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        text.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    text
}

fn rollout(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "labels": {"track": "a"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
            "strategy": {"canary": {}},
        },
    })
}

#[tokio::test]
async fn objects_are_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let (code, created) = server.json(&format!("POST {SHOP}"), &rollout("web")).await;
    assert_eq!(
        (code, created["metadata"]["generation"].clone()),
        (201, json!(1))
    );
    let (code, list) = server.json(&format!("GET {SHOP}"), &Value::Null).await;
    assert_eq!((code, list["kind"].clone()), (200, json!("RolloutList")));
    assert_eq!(list["items"][0]["metadata"]["name"], "web");
    let merge = ["Content-Type: application/merge-patch+json"];
    let (code, _) = server
        .send(
            &format!("PATCH {SHOP}/web/status"),
            &merge,
            r#"{"status":{"phase":"Healthy"}}"#,
        )
        .await;
    assert_eq!(code, 200);
    let (code, scale) = server
        .json(&format!("GET {SHOP}/web/scale"), &Value::Null)
        .await;
    assert_eq!((code, scale["spec"]["replicas"].clone()), (200, json!(1)));
    let strategic = ["Content-Type: application/strategic-merge-patch+json"];
    let (code, _) = server
        .send(&format!("PATCH {SHOP}/web"), &strategic, "{}")
        .await;
    assert_eq!(code, 415);
    let (code, status) = server
        .json(&format!("DELETE {SHOP}/web"), &Value::Null)
        .await;
    assert_eq!((code, status["status"].clone()), (200, json!("Success")));
    let (code, status) = server.json(&format!("GET {SHOP}/web"), &Value::Null).await;
    assert_eq!((code, status["reason"].clone()), (404, json!("NotFound")));
    assert_eq!(status["message"], "rollouts.argoproj.io \"web\" not found");
}

#[tokio::test]
async fn a_watch_tells_what_starts_and_ceases_to_match() {
    let server = Server::start().await;
    server.json(&format!("POST {SHOP}"), &rollout("old")).await;
    let watch = format!(
        "GET {SHOP}?watch=true&labelSelector=track%3Da&timeoutSeconds=2&allowWatchBookmarks=true"
    );
    let (events, ()) = tokio::join!(server.send(&watch, &[], ""), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let merge = ["Content-Type: application/merge-patch+json"];
        for track in ["b", "a"] {
            let body = json!({"metadata": {"labels": {"track": track}}}).to_string();
            server
                .send(&format!("PATCH {SHOP}/old"), &merge, &body)
                .await;
        }
        let config = json!({"metadata": {"name": "elsewhere"}});
        server
            .json("POST /api/v1/namespaces/default/configmaps", &config)
            .await;
    });
    let types: Vec<String> = events
        .1
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(types, ["ADDED", "DELETED", "ADDED", "BOOKMARK"]);
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_is_gone() {
    let server = Server::start().await;
    server.json(&format!("POST {SHOP}"), &rollout("web")).await;
    server.door.with(|cluster, _| cluster.compact(0));
    let (code, status) = server
        .json(
            &format!("GET {SHOP}?watch=true&resourceVersion=1"),
            &Value::Null,
        )
        .await;
    assert_eq!((code, status["reason"].clone()), (410, json!("Expired")));
}

#[tokio::test]
async fn initial_events_end_with_a_marked_bookmark() {
    let server = Server::start().await;
    server.json(&format!("POST {SHOP}"), &rollout("web")).await;
    let watch = format!(
        "GET {SHOP}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersionMatch=NotOlderThan"
    );
    let (_, text) = server.send(&watch, &[], "").await;
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["type"], "ADDED");
    assert_eq!(
        events[1]["object"]["metadata"]["annotations"],
        json!({"k8s.io/initial-events-end": "true"})
    );
}

#[tokio::test]
async fn events_are_the_same_at_both_addresses() {
    let server = Server::start().await;
    let event = json!({
        "metadata": {"name": "web.1"},
        "involvedObject": {"kind": "Rollout", "name": "web"},
        "reason": "Hello",
        "message": "hello",
    });
    server
        .json("POST /api/v1/namespaces/default/events", &event)
        .await;
    let (_, list) = server
        .json(
            "GET /apis/events.k8s.io/v1/namespaces/default/events",
            &Value::Null,
        )
        .await;
    assert_eq!(list["apiVersion"], "events.k8s.io/v1");
    assert_eq!(list["items"][0]["note"], "hello");
    assert_eq!(list["items"][0]["regarding"]["name"], "web");
}

#[tokio::test]
async fn tables_are_made_for_kubectl() {
    let server = Server::start().await;
    server.json(&format!("POST {SHOP}"), &rollout("web")).await;
    let accept = ["Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json"];
    let (_, text) = server.send(&format!("GET {SHOP}"), &accept, "").await;
    let table: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "Name",
            "Desired",
            "Current",
            "Up-to-date",
            "Available",
            "Age"
        ]
    );
    assert_eq!(
        table["rows"][0]["cells"],
        json!(["web", 1, null, null, null, "0s"])
    );
}

#[tokio::test]
async fn discovery_names_every_kind_in_both_forms() {
    let server = Server::start().await;
    let (_, list) = server
        .json("GET /apis/argoproj.io/v1alpha1", &Value::Null)
        .await;
    let names: Vec<&str> = list["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"rollouts/status") && names.contains(&"rollouts/scale"));
    assert!(!names.contains(&"analysisruns/status"));
    let accept = ["Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"];
    let (_, text) = server.send("GET /apis", &accept, "").await;
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["kind"], "APIGroupDiscoveryList");
    assert!(kubeconfig(server.address, "shop").contains(&server.address.to_string()));
}

#[tokio::test]
async fn older_clients_get_the_form_that_they_read() {
    let server = Server::start().await;
    let list = |version: &str| {
        format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList")
    };
    let (v2, v2beta1) = (list("v2"), list("v2beta1"));
    for (accept, core, groups) in [
        (
            format!("{v2},{v2beta1},application/json"),
            "APIGroupDiscoveryList",
            "APIGroupDiscoveryList",
        ),
        (
            format!("{v2beta1},application/json"),
            "APIVersions",
            "APIGroupList",
        ),
        ("application/json".to_owned(), "APIVersions", "APIGroupList"),
        (
            format!("application/json, {v2}"),
            "APIGroupDiscoveryList",
            "APIGroupDiscoveryList",
        ),
    ] {
        for (path, kind) in [("/api", core), ("/apis", groups)] {
            let header = format!("Accept: {accept}");
            let (code, text) = server.send(&format!("GET {path}"), &[&header], "").await;
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (code, &answer["kind"]),
                (200, &json!(kind)),
                "{path} {accept}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_and_the_server_lives_on() {
    let server = Server::start().await;
    for (head, body, expected) in [
        (format!("POST {SHOP}"), "{", 400),
        (format!("POST {SHOP}"), "[]", 400),
        (format!("POST {SHOP}"), r#"{"kind":"Pod"}"#, 400),
        (
            format!("POST {SHOP}"),
            r#"{"metadata":{"name":"a","labels":7},"spec":3}"#,
            422,
        ),
        (format!("PUT {SHOP}"), "{}", 405),
        (format!("GET {SHOP}?labelSelector=%28"), "", 400),
        (format!("GET {SHOP}?continue=nonsense"), "", 400),
        ("GET /apis/nobody.io/v1".to_owned(), "", 404),
        ("GET /api/v1/namespaces/a/b/c/d/e".to_owned(), "", 404),
    ] {
        let (code, _) = server
            .send(&head, &["Content-Type: application/json"], body)
            .await;
        assert_eq!(code, expected, "{head} {body}");
    }
    let (code, text) = server.send("GET /readyz", &[], "").await;
    assert_eq!((code, text.as_str()), (200, "ok"));
}
