//! The playground, as a newcomer starts it.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

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
        let mut child = tidegate(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            out,
            text: String::new(),
        }
    }

    fn until(&mut self, said: &str) {
        while !self.text.contains(said) {
            let read = self.out.read_line(&mut self.text).unwrap();
            assert!(read > 0, "{said:?} is missing in\n{}", self.text);
        }
    }
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
    let interrupted = Command::new("kill")
        .args(["-INT", &playground.child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    assert!(playground.child.wait().unwrap().success());
    let mut rest = String::new();
    playground.out.read_to_string(&mut rest).unwrap();
    assert!(!Path::new(&kubeconfig).exists());
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
