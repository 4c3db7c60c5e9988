//! A model cluster on a port of this machine, and the command line talking to it.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_cli::commands::Streams;
use tidegate_sim::{
    actors::{Actors, EndpointsWrites, Settings, kubelet::Timing},
    cluster::{
        Call, Cluster, DeletionOptions, Patch, Target,
        kinds::{self, KindId},
    },
    doors::{
        http::Door,
        net::{kubeconfig, serve},
    },
};
use tokio::sync::watch;

/// Objects are this old, so that ages read `10d` however long a test takes.
const AGE: SignedDuration = SignedDuration::from_hours(10 * 24 + 12);

pub(crate) struct Bench {
    door: Arc<Door>,
    clock: Arc<Mutex<Timestamp>>,
    kubeconfig: PathBuf,
}

/// What a command left behind.
pub(crate) struct Left {
    pub(crate) code: ExitCode,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Left {
    /// What it printed, having succeeded silently otherwise.
    #[track_caller]
    pub(crate) fn printed(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (ExitCode::SUCCESS, ""));
        self.out
    }

    /// What it complained about.
    #[track_caller]
    pub(crate) fn complained(self) -> String {
        assert_eq!(self.code, ExitCode::FAILURE);
        self.err
    }
}

/// A stream that somebody reads while it is written.
#[derive(Clone)]
pub(crate) struct Heard(watch::Sender<String>);

impl Heard {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(String::new()))
    }

    pub(crate) fn text(&self) -> String {
        self.0.borrow().clone()
    }

    /// Waits until something has been written.
    pub(crate) async fn says(&self, text: &str) {
        let mut heard = self.0.subscribe();
        heard
            .wait_for(|written| written.contains(text))
            .await
            .unwrap();
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.send_modify(|written| written.push_str(text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bench {
    pub(crate) async fn start(name: &str) -> Self {
        let clock = Arc::new(Mutex::new(Timestamp::now() - AGE));
        let time = Arc::clone(&clock);
        let now = *clock.lock().unwrap();
        let door = Door::new(Cluster::new(now), Box::new(move || *time.lock().unwrap()));
        let (address, _serving) = serve(Arc::clone(&door), "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.kubeconfig"));
        std::fs::write(&path, kubeconfig(address, "prod")).unwrap();
        let bench = Self {
            door,
            clock,
            kubeconfig: path,
        };
        bench.create(kinds::NAMESPACES, "", json!({"metadata": {"name": "prod"}}));
        bench
    }

    /// Runs a command line as the plugin.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Left {
        let out = Heard::new();
        self.run_onto(&out, arguments).await
    }

    pub(crate) fn kubeconfig_flag(&self) -> String {
        format!("--kubeconfig={}", self.kubeconfig.display())
    }

    /// Runs a command line whose output somebody else reads meanwhile.
    pub(crate) async fn run_onto(&self, out: &Heard, arguments: &[&str]) -> Left {
        let kubeconfig = self.kubeconfig_flag();
        let arguments = [[kubeconfig.as_str()].as_slice(), arguments].concat();
        plugin(out, &arguments).await
    }

    /// Runs a command line that is not told of the cluster.
    pub(crate) async fn run_alone(arguments: &[&str]) -> Left {
        plugin(&Heard::new(), arguments).await
    }

    pub(crate) fn create(&self, kind: KindId, namespace: &str, body: Value) -> Value {
        self.door.with(|cluster, now| {
            let call = Call::new(now, "user");
            let created = cluster.create(&call, kind, namespace, body).unwrap();
            serde_json::to_value(&*created).unwrap()
        })
    }

    /// Makes the server one whose Rollouts have no status subresource, as very old definitions do.
    pub(crate) fn without_status_subresource(&self) {
        let text = include_str!("../../../../deploy/crds/rollouts.yaml");
        let mut definition: Value = serde_saphyr::from_str(text).unwrap();
        let subresources = definition.pointer_mut("/spec/versions/0/subresources");
        let taken = subresources.unwrap().as_object_mut().unwrap();
        assert!(taken.remove("status").is_some());
        self.create(kinds::DEFINITIONS, "", definition);
    }

    /// A Rollout in the middle of its life, with the status that its controller would have written.
    pub(crate) fn rollout(&self, name: &str, spec: &Value, status: Value) -> Value {
        let mut whole = json!({
            "replicas": 4,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, "v2"),
            "strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}]}},
        });
        for (field, value) in spec.as_object().unwrap() {
            whole[field] = value.clone();
        }
        let body = json!({"metadata": {"name": name}, "spec": whole});
        let created = self.create(kinds::ROLLOUTS, "prod", body);
        self.status(name, status);
        created
    }

    pub(crate) fn status(&self, name: &str, status: Value) {
        let patch = Patch::Merge(Value::from_iter([("status", status)]));
        let target = Target::new(kinds::ROLLOUTS, "prod", name).status();
        self.door.with(|cluster, now| {
            let call = Call::new(now, "controller");
            cluster.patch(&call, &target, &patch).unwrap();
        });
    }

    /// A ReplicaSet of a Rollout.
    pub(crate) fn replica_set(&self, rollout: &Value, hash: &str, (revision, pods): (&str, u32)) {
        let name = rollout["metadata"]["name"].as_str().unwrap();
        let labels = json!({"app": name, "rollouts-pod-template-hash": hash});
        let mut template = template(name, hash);
        template["metadata"]["labels"] = labels.clone();
        let body = json!({
            "metadata": {
                "name": format!("{name}-{hash}"),
                "labels": labels,
                "annotations": {"rollout.argoproj.io/revision": revision},
                "ownerReferences": [{
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Rollout",
                    "name": name,
                    "uid": rollout["metadata"]["uid"],
                    "controller": true,
                }],
            },
            "spec": {
                "replicas": pods,
                "selector": {"matchLabels": labels},
                "template": template,
            },
        });
        self.create(kinds::REPLICA_SETS, "prod", body);
    }

    /// Lets pods be made and become ready.
    pub(crate) fn settle(&self) {
        let mut actors = Actors::new(&Settings {
            timing: Timing::default(),
            endpoints: EndpointsWrites::Kept,
        });
        let end = *self.clock.lock().unwrap() + SignedDuration::from_mins(5);
        loop {
            let next = self.door.with(|cluster, now| actors.step(cluster, now));
            match next {
                Some(at) if at <= end => *self.clock.lock().unwrap() = at,
                Some(_) | None => return,
            }
        }
    }

    pub(crate) fn delete(&self, name: &str) {
        let target = Target::new(kinds::ROLLOUTS, "prod", name);
        self.door.with(|cluster, now| {
            let call = Call::new(now, "user");
            let options = DeletionOptions::default();
            cluster.delete(&call, &target, &options).unwrap();
        });
    }

    pub(crate) fn get(&self, name: &str) -> Value {
        self.find(kinds::ROLLOUTS, name)
    }

    /// An object of the namespace as it is.
    pub(crate) fn find(&self, kind: KindId, name: &str) -> Value {
        self.door.with(|cluster, _| {
            let object = cluster.get(kind, "prod", name).unwrap();
            serde_json::to_value(&**object).unwrap()
        })
    }
}

async fn plugin(out: &Heard, arguments: &[&str]) -> Left {
    let (mut stdout, mut stderr) = (out.clone(), Heard::new());
    let streams = Streams {
        out: &mut stdout,
        err: &mut stderr,
    };
    let name = "kubectl-argo-rollouts";
    let line = [name].into_iter().chain(arguments.iter().copied());
    let code = tidegate_cli::run(name, line.map(OsString::from), streams).await;
    Left {
        code,
        out: out.text(),
        err: stderr.text(),
    }
}

fn template(app: &str, version: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": app, "image": format!("reg.example/{app}:{version}")}]},
    })
}
