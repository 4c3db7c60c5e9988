//! How a cluster is reached, and what is said when it is not.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, http::HeaderMap};
use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use crate::bench::Bench;

#[tokio::test]
async fn a_rollout_that_is_not_there_is_named() {
    let bench = Bench::start("absent").await;
    for arguments in [["get", "ro", "x"].as_slice(), &["status", "x"]] {
        let error = bench.run(arguments).await.complained();
        assert_eq!(error, "Error: rollout.argoproj.io \"x\" not found\n");
    }
    for arguments in [
        ["promote", "x"].as_slice(),
        &["abort", "x"],
        &["retry", "rollout", "x"],
        &["undo", "x"],
        &["pause", "x"],
        &["set", "image", "x", "a=b"],
    ] {
        let error = bench.run(arguments).await.complained();
        assert_eq!(error, "Error: rollouts.argoproj.io \"x\" not found\n");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_gives_one_sentence() {
    let bench = Bench::start("unreachable").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for arguments in [
        ["get", "ro", "x", "-s", &server].as_slice(),
        &["get", "ro", "x", "-w", "-s", &server],
        &["list", "rollouts", "--watch", "--server", &server],
        &["status", "x", "--server", &server],
        &["promote", "x", "--server", &server],
    ] {
        let error = bench.run(arguments).await.complained();
        assert_eq!(
            error,
            format!(
                "Error: cannot talk to the API server {server}/: Connection refused (os error 111); \
                 check --kubeconfig, --context and --server\n"
            )
        );
    }
}

#[tokio::test]
async fn what_a_kubeconfig_lacks_is_said() {
    let bench = Bench::start("lacking").await;
    let error = bench.run(&["--context=other", "get", "ro", "x"]).await;
    insta::assert_snapshot!("no_such_context", scrubbed(&error.complained()));
    let error = bench.run(&["status", "x", "--timeout=5"]).await;
    assert_eq!(
        error.complained(),
        "Error: --timeout 5 is no duration, such as 1s, 2m or 3h\n"
    );
}

/// Where the kubeconfig lies differs from machine to machine.
fn scrubbed(text: &str) -> String {
    text.replace(env!("CARGO_TARGET_TMPDIR"), "TMP")
}

#[tokio::test]
async fn flags_of_the_connection_stand_anywhere() {
    let bench = Bench::start("anywhere").await;
    bench.rollout("a", &json!({}), json!({}));
    let token = [
        "--token=t",
        "--as=me",
        "--as-group",
        "g",
        "--as-uid=1",
        "-v",
        "6",
    ];
    let switches = [
        "--insecure-skip-tls-verify=true",
        "--disable-compression",
        "--cache-dir=/x",
    ];
    let front = [token.as_slice(), &switches, &["pause", "a"]].concat();
    assert_eq!(bench.run(&front).await.printed(), "rollout 'a' paused\n");
    let back = [["pause", "a"].as_slice(), &token, &switches].concat();
    assert_eq!(bench.run(&back).await.printed(), "rollout 'a' paused\n");
    let elsewhere = bench.run(&["pause", "-n", "default", "a"]).await;
    assert_eq!(
        elsewhere.complained(),
        "Error: rollouts.argoproj.io \"a\" not found\n"
    );
}

#[tokio::test]
async fn names_of_rollouts_complete_the_first_argument() {
    let bench = Bench::start("complete").await;
    for name in ["shop", "shelf", "till"] {
        bench.rollout(name, &json!({}), json!({}));
    }
    let kubeconfig = bench.kubeconfig_flag();
    for words in [
        ["get", "ro", "sh"].as_slice(),
        &["promote", "--full", "sh"],
        &["set", "image", "sh"],
        &["abort", "-n", "prod", "sh"],
    ] {
        let all = [["__complete", &kubeconfig].as_slice(), words].concat();
        assert_eq!(
            Bench::run_alone(&all).await.printed(),
            "shelf\nshop\n:4\n",
            "{words:?}"
        );
    }
    let second = ["__complete", &kubeconfig, "abort", "shop", "sh"];
    assert_eq!(Bench::run_alone(&second).await.printed(), ":4\n");
    let commands = Bench::run_alone(&["__complete", "re"]).await.printed();
    assert_eq!(
        commands,
        "restart\tRestart the pods of a rollout\nretry\tRetry an aborted rollout or an experiment\n:4\n"
    );
    let kinds = Bench::run_alone(&["__complete", "get", ""]).await.printed();
    assert_eq!(
        kinds,
        "rollout\tGet details about a rollout\nexperiment\tGet details about an Experiment\n:4\n"
    );
}

#[tokio::test]
async fn without_a_command_the_usage_goes_to_stderr() {
    let bench = Bench::start("usage").await;
    let nothing = Bench::run_alone(&[]).await.complained();
    assert!(
        nothing.contains("Usage: kubectl-argo-rollouts [OPTIONS] <COMMAND>"),
        "{nothing}"
    );
    let unnamed = bench.run(&["get", "rollout"]).await.complained();
    assert!(unnamed.starts_with("Error: "), "{unnamed}");
    assert!(unnamed.contains("<ROLLOUT_NAME>"), "{unnamed}");
    let help = bench.run(&["promote", "--help"]).await.printed();
    assert!(help.contains("--full"), "{help}");
}

/// A server without Rollouts that remembers the headers of the last request; gives its host and port.
async fn recorder() -> (String, Arc<Mutex<HeaderMap>>) {
    let last = Arc::new(Mutex::new(HeaderMap::new()));
    let headers = Arc::clone(&last);
    let answer = move |seen: HeaderMap| {
        *headers.lock().unwrap() = seen;
        std::future::ready(Json(
            json!({"metadata": {"resourceVersion": "1"}, "items": []}),
        ))
    };
    let app = Router::new().fallback(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, last)
}

/// Asks for a Rollout that no server has, with these flags.
async fn ask(bench: &Bench, flags: &[&str]) -> String {
    let all = [["status", "x", "--watch=false"].as_slice(), flags].concat();
    bench.run(&all).await.complained()
}

const ABSENT: &str = "Error: rollout.argoproj.io \"x\" not found\n";

#[tokio::test]
async fn an_address_needs_no_scheme() {
    let bench = Bench::start("scheme").await;
    let (address, last) = recorder().await;
    assert_eq!(ask(&bench, &["-s", &address]).await, ABSENT);
    assert_eq!(last.lock().unwrap()["host"], address.as_str());
    let port = address.split_once(':').unwrap().1;
    let error = ask(&bench, &["-s", &format!("localhost:{port}/x")]).await;
    assert!(
        error.starts_with(&format!("Error: --server localhost:{port}/x is no URL")),
        "{error}"
    );
    // The same in a kubeconfig.
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-scheme.kubeconfig");
    let text = tidegate_sim::doors::net::kubeconfig(address.parse().unwrap(), "prod");
    std::fs::write(&path, text.replace("http://", "")).unwrap();
    let flag = format!("--kubeconfig={}", path.display());
    let said = Bench::run_alone(&[&flag, "status", "x", "--watch=false"]).await;
    assert_eq!(said.complained(), ABSENT);
}

#[tokio::test]
async fn who_asks_is_told_to_the_server() {
    let bench = Bench::start("who").await;
    let (address, last) = recorder().await;
    let flags = [
        "-s",
        &address,
        "--token=secret",
        "--as=me",
        "--as-group=one",
        "--as-group=two",
        "--as-uid=7",
    ];
    assert_eq!(ask(&bench, &flags).await, ABSENT);
    let headers = last.lock().unwrap().clone();
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(all("authorization"), ["Bearer secret"]);
    assert_eq!(all("impersonate-user"), ["me"]);
    assert_eq!(all("impersonate-group"), ["one", "two"]);
    assert_eq!(all("impersonate-uid"), ["7"]);
    assert!(all("accept-encoding").concat().contains("gzip"));
    ask(&bench, &["-s", &address, "--disable-compression"]).await;
    assert!(!last.lock().unwrap().contains_key("accept-encoding"));
}

#[tokio::test]
async fn a_request_is_given_up_after_its_timeout() {
    let bench = Bench::start("timeout").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let began = Instant::now();
    let error = ask(&bench, &["-s", &address, "--request-timeout=300ms"]).await;
    let took = began.elapsed();
    assert!(
        error.starts_with(&format!(
            "Error: cannot talk to the API server http://{address}/"
        )),
        "{error}"
    );
    assert!(
        (Duration::from_millis(300)..Duration::from_secs(20)).contains(&took),
        "{took:?}"
    );
}

/// What a client says first.
async fn hello(listener: &TcpListener) -> Vec<u8> {
    let (mut client, _): (TcpStream, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; 4096];
    let length = client.read(&mut bytes).await.unwrap();
    bytes.truncate(length);
    bytes
}

#[tokio::test]
async fn the_name_of_the_certificate_is_asked_for() {
    let bench = Bench::start("sni").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let name = "api.internal.example";
    let server_name = format!("--tls-server-name={name}");
    // Without a scheme: that certificates are not checked makes it one of TLS.
    let flags = ["-s", &address, "--insecure-skip-tls-verify", &server_name];
    let (bytes, error) = tokio::join!(hello(&listener), ask(&bench, &flags));
    assert_eq!(bytes.first(), Some(&22), "no TLS handshake");
    // The name stands in the first message as it is.
    let mut windows = bytes.windows(name.len());
    assert!(windows.any(|window| window == name.as_bytes()));
    assert!(
        error.starts_with(&format!(
            "Error: cannot talk to the API server https://{address}/"
        )),
        "{error}"
    );
}
