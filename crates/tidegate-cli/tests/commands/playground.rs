//! The playground, as a newcomer starts it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

fn tidegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).stdin(Stdio::null());
    command
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(err, "");
    out.into_owned()
}

/// The path that the introduction names.
fn kubeconfig(text: &str) -> String {
    let (_, rest) = text.split_once("KUBECONFIG=").unwrap();
    rest.lines().next().unwrap().to_owned()
}

#[test]
fn a_good_version_reaches_everybody() {
    let output = tidegate(&["playground", "--once", "--speed=600"])
        .output()
        .unwrap();
    let text = succeeded(&output);
    for said in [
        "here it is promoted by itself",
        "kubectl argo rollouts promote api-server\n",
        "Status:          ✔ Healthy\n",
        "  ActualWeight:  100\n",
        "registry.example.com/api-server:1.1.0 (stable)\n",
        "The new version reached everybody.\n",
    ] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }
    let runs = text.lines().filter(|line| line.contains("AnalysisRun"));
    assert!(
        runs.clone().all(|run| run.contains("✔ Successful")),
        "{text}"
    );
    assert_eq!(runs.count(), 2);
    assert!(!Path::new(&kubeconfig(&text)).exists());
}

#[test]
fn a_bad_version_is_taken_back() {
    let output = tidegate(&["playground", "--bad", "--once", "--speed=600"])
        .output()
        .unwrap();
    let text = succeeded(&output);
    for said in [
        "Status:          ✖ Degraded\n",
        "  ActualWeight:  0\n",
        "registry.example.com/api-server:1.0.0 (stable)\n",
        "The new version was taken back: RolloutAborted: Rollout aborted update to revision 2",
    ] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }
    assert!(!text.contains("promote"), "{text}");
    assert!(!Path::new(&kubeconfig(&text)).exists());
}

/// A playground that somebody else uses meanwhile.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    text: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = tidegate(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            out,
            text: String::new(),
        }
    }

    /// Waits for a line after those that were waited for before.
    fn until(&mut self, said: &str) {
        loop {
            let known = self.text.len();
            let read = self.out.read_line(&mut self.text).unwrap();
            assert!(read > 0, "{said:?} is missing in\n{}", self.text);
            if self.text[known..].contains(said) {
                return;
            }
        }
    }

    /// Where its API server is.
    fn address(&self) -> String {
        let (_, rest) = self.text.split_once("http://").unwrap();
        let address = rest.lines().next().unwrap();
        address.trim_end_matches('/').to_owned()
    }

    fn interrupt(&self) {
        let kill = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
    }

    /// How it ended, and what it complained about.
    fn ended(&mut self) -> (Option<i32>, String) {
        self.out.read_to_string(&mut self.text).unwrap();
        let mut error = String::new();
        let mut stream = self.child.stderr.take().unwrap();
        stream.read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), error)
    }
}

/// Sends a request; gives the answer's body.
fn http(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{answer}");
    body.to_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        // Unless it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn others_use_it_until_it_is_interrupted() {
    let mut playground = Running::start(&["playground", "--speed=100"]);
    playground.until("CanaryPauseStep");
    let kubeconfig = kubeconfig(&playground.text);
    let flag = format!("--kubeconfig={kubeconfig}");
    let output = tidegate(&[&flag, "list", "rollouts"]).output().unwrap();
    assert!(succeeded(&output).contains("api-server  Canary"));
    let output = tidegate(&[&flag, "abort", "api-server"]).output().unwrap();
    assert_eq!(succeeded(&output), "rollout 'api-server' aborted\n");
    playground.until("Degraded");
    playground.interrupt();
    assert_eq!(playground.ended(), (Some(0), String::new()));
    assert!(!Path::new(&kubeconfig).exists());
}

#[test]
fn a_story_that_ends_otherwise_is_a_failure() {
    let mut playground = Running::start(&["playground", "--once", "--speed=20"]);
    playground.until("set image");
    let flag = format!("--kubeconfig={}", kubeconfig(&playground.text));
    let output = tidegate(&[&flag, "abort", "api-server"]).output().unwrap();
    succeeded(&output);
    let (code, error) = playground.ended();
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.starts_with("Error: the new version was taken back: RolloutAborted"),
        "{error}"
    );
}

#[test]
fn a_story_that_is_interrupted_is_a_failure() {
    let mut playground = Running::start(&["playground", "--once"]);
    // What is seen of the rollout comes after signals are listened to.
    playground.until("pods ");
    playground.interrupt();
    let (code, error) = playground.ended();
    assert_eq!(code, Some(1), "{error}");
    assert_eq!(error, "Error: interrupted before the story ended\n");
}

#[test]
fn a_rollout_that_somebody_deletes_is_waited_for() {
    let mut playground = Running::start(&["playground", "--speed=100"]);
    playground.until("set image");
    let address = playground.address();
    let rollouts = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts";
    let found = http(&address, "GET", &format!("{rollouts}/api-server"), "");
    let mut rollout: Value = serde_json::from_str(&found).unwrap();
    let deleted = http(&address, "DELETE", &format!("{rollouts}/api-server"), "");
    assert!(deleted.contains("Success"), "{deleted}");
    playground.until("The rollout is gone");
    rollout["metadata"] = json!({"name": "api-server"});
    rollout["status"] = json!({});
    http(&address, "POST", rollouts, &rollout.to_string());
    playground.until("There is a rollout again");
    playground.until("✔ Healthy");
    http(&address, "DELETE", "/api/v1/namespaces/production", "");
    playground.until("The rollout is gone");
    playground.interrupt();
    assert_eq!(playground.ended(), (Some(0), String::new()));
}

#[test]
fn with_once_a_rollout_that_somebody_deletes_is_a_failure() {
    let mut playground = Running::start(&["playground", "--once", "--speed=20"]);
    playground.until("set image");
    let address = playground.address();
    let path = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/api-server";
    http(&address, "DELETE", path, "");
    let (code, error) = playground.ended();
    assert_eq!(code, Some(1), "{error}");
    // The story's next command may meet its absence first, and says it in other words.
    assert!(error.ends_with("\"api-server\" not found\n"), "{error}");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = tidegate(&["playground", "--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = format!(
        "Error: cannot listen on 127.0.0.1:{port}: choose another with --port: Address already in use"
    );
    assert!(error.starts_with(&expected), "{error}");
}
