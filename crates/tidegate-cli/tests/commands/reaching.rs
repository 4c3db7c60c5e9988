//! How a cluster is reached, and what is said when it is not.

use serde_json::json;

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
