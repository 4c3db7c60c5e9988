//! A person with `kubectl` and the plugin: what each command writes.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_api::{
    labels,
    meta::Time,
    pod_template::ephemeral::{self, Injected},
};

use crate::cluster::{
    Call, Cluster, DeletionOptions, Locator, Patch, Propagation, Target, fields,
    kinds::{self, KindId},
};

/// As whom a person writes.
const ACTOR: &str = "user";

/// A person at work on one Rollout.
#[derive(Debug)]
pub struct User<'a> {
    /// Where.
    pub cluster: &'a mut Cluster,
    /// The time.
    pub now: Timestamp,
    /// The namespace.
    pub namespace: &'a str,
    /// The Rollout's name.
    pub rollout: &'a str,
}

impl User<'_> {
    /// Carries out a command: `set image v2`, `promote [--full |
    /// --skip-current-step | --skip-all-steps]`, `abort`, `retry`, `pause`, `resume`,
    /// `undo [--to-revision N]`, `scale N`, `restart [--in DURATION]`,
    /// `terminate analysisrun|experiment`, `retry experiment`.
    ///
    /// # Errors
    /// When the command is not known or the API refuses it.
    pub fn command(&mut self, command: &str) -> anyhow::Result<()> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["set", "image", tag] => self.set_image(tag),
            ["promote"] => self.promote(),
            ["promote", "--full"] => self.promote_full(),
            ["promote", "--skip-current-step"] => self.skip(Skipped::Current),
            ["promote", "--skip-all-steps"] => self.skip(Skipped::All),
            ["abort"] => self.patch_status(&json!({"abort": true})),
            ["retry"] => self.patch_status(&json!({"abort": false})),
            ["pause"] => self.patch_spec(&json!({"paused": true})),
            ["resume"] => self.patch_spec(&json!({"paused": false})),
            ["undo"] => self.undo(0),
            ["undo", "--to-revision", revision] => self.undo(revision.parse()?),
            ["scale", replicas] => self.scale(replicas.parse()?),
            ["terminate", "analysisrun"] => self.terminate(),
            ["terminate", "experiment"] => self.experiments(&json!({"spec": {"terminate": true}})),
            ["retry", "experiment"] => self.experiments(&json!({"status": null})),
            ["restart"] => self.restart(SignedDuration::ZERO),
            ["restart", "--in", delay] => self.restart(delay.parse()?),
            _ => bail!("no such command: {command}"),
        }
    }

    /// Creates an object, or changes the one of that name.
    ///
    /// # Errors
    /// When the kind is not known or the API refuses the object.
    pub fn apply(&mut self, object: Value) -> anyhow::Result<()> {
        let kind = self.kind_of(&object)?;
        let name = fields::name(&object).to_owned();
        let elsewhere = fields::namespace(&object).to_owned();
        let namespace = match elsewhere.as_str() {
            "" => self.namespace_of(kind),
            elsewhere => elsewhere,
        };
        let call = self.call();
        if self.cluster.get(kind, namespace, &name).is_some() {
            let target = Target::new(kind, namespace, &name);
            self.cluster.patch(&call, &target, &Patch::Merge(object))?;
        } else {
            let known = self.cluster.get(kinds::NAMESPACES, "", namespace).is_some();
            if !known && !namespace.is_empty() {
                let object = json!({"metadata": {"name": namespace}});
                self.cluster.create(&call, kinds::NAMESPACES, "", object)?;
            }
            self.cluster.create(&call, kind, namespace, object)?;
        }
        Ok(())
    }

    /// Changes an object named like `Service web-stable` by a merge patch; a patch that says `status`
    /// goes to the status, where that is apart.
    ///
    /// # Errors
    /// When there is no such object or the API refuses the patch.
    pub fn patch(&mut self, what: &str, change: Value) -> anyhow::Result<()> {
        let (kind, name) = self.find(what)?;
        let target = Target::new(kind, self.namespace_of(kind), name);
        let apart = self.cluster.kinds().get(kind).status == kinds::StatusWrites::Apart;
        let target = if apart && change.get("status").is_some() {
            target.status()
        } else {
            target
        };
        let call = self.call();
        self.cluster.patch(&call, &target, &Patch::Merge(change))?;
        Ok(())
    }

    /// Deletes an object named like `Service web-stable`; what it owns goes with it, or as is said.
    ///
    /// # Errors
    /// When there is no such object.
    pub fn delete(&mut self, what: &str, propagation: Propagation) -> anyhow::Result<()> {
        let (kind, name) = self.find(what)?;
        let target = Target::new(kind, self.namespace_of(kind), name);
        let call = self.call();
        let options = DeletionOptions {
            propagation,
            ..DeletionOptions::default()
        };
        self.cluster.delete(&call, &target, &options)?;
        Ok(())
    }

    /// The object that is named like `Service web-stable`.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn locate(&self, what: &str) -> anyhow::Result<Locator> {
        let (kind, name) = self.find(what)?;
        Ok(Locator::new(kind, self.namespace_of(kind), name))
    }

    fn call(&self) -> Call {
        Call::new(self.now, ACTOR)
    }

    fn kind_of(&self, object: &Value) -> anyhow::Result<KindId> {
        let (api_version, kind) = (
            fields::text(object, &["apiVersion"]),
            fields::text(object, &["kind"]),
        );
        self.cluster
            .kinds()
            .of_kind(api_version, kind)
            .with_context(|| format!("no such kind: {api_version} {kind}"))
    }

    fn find<'w>(&self, what: &'w str) -> anyhow::Result<(KindId, &'w str)> {
        let (word, name) = what
            .split_once(' ')
            .with_context(|| format!("kind and name expected: {what}"))?;
        let kind = self
            .cluster
            .kinds()
            .iter()
            .find(|(_, kind)| kind.kind == word)
            .with_context(|| format!("no such kind: {word}"))?;
        Ok((kind.0, name))
    }

    fn namespace_of(&self, kind: KindId) -> &'static str {
        match self.cluster.kinds().get(kind).scope {
            kinds::Scope::Cluster => "",
            kinds::Scope::Namespaced => crate::scenario::NAMESPACE,
        }
    }

    fn stored(&self) -> anyhow::Result<Value> {
        let stored = self
            .cluster
            .get(kinds::ROLLOUTS, self.namespace, self.rollout);
        Ok((**stored.context("there is no Rollout")?).clone())
    }

    fn write(&mut self, patch: &Patch, which: &Written) -> anyhow::Result<()> {
        let target = Target::new(kinds::ROLLOUTS, self.namespace, self.rollout);
        let target = match which {
            Written::Spec => target,
            Written::Status => target.status(),
            Written::Scale => target.scale(),
        };
        let call = self.call();
        self.cluster.patch(&call, &target, patch)?;
        Ok(())
    }

    fn patch_spec(&mut self, spec: &Value) -> anyhow::Result<()> {
        self.write(&Patch::Merge(json!({ "spec": spec })), &Written::Spec)
    }

    fn patch_status(&mut self, status: &Value) -> anyhow::Result<()> {
        self.write(&Patch::Merge(json!({ "status": status })), &Written::Status)
    }

    /// Has the pods replaced that are older than this instant (ACT-11).
    fn restart(&mut self, delay: SignedDuration) -> anyhow::Result<()> {
        let at = Time::new(self.now + delay).to_string();
        self.patch_spec(&json!({"restartAt": at}))
    }

    /// Writes every Experiment (ACT-12).
    fn experiments(&mut self, patch: &Value) -> anyhow::Result<()> {
        let namespace = Some(self.namespace);
        let all = self.cluster.in_namespace(kinds::EXPERIMENTS, namespace);
        let names: Vec<String> = all.map(|one| fields::name(one).to_owned()).collect();
        if names.is_empty() {
            bail!("there is no Experiment");
        }
        let call = self.call();
        for name in names {
            let target = Target::new(kinds::EXPERIMENTS, self.namespace, &name);
            let patch = Patch::Merge(patch.clone());
            self.cluster.patch(&call, &target, &patch)?;
        }
        Ok(())
    }

    /// Ends every AnalysisRun of the Rollout that has no verdict yet (ACT-12).
    fn terminate(&mut self) -> anyhow::Result<()> {
        let rollout = self.stored()?;
        let owned = self
            .cluster
            .owned(kinds::ANALYSIS_RUNS, fields::uid(&rollout));
        let names: Vec<String> = owned
            .filter(|run| {
                matches!(
                    fields::text(run, &["status", "phase"]),
                    "" | "Pending" | "Running"
                )
            })
            .map(|run| fields::name(run).to_owned())
            .collect();
        if names.is_empty() {
            bail!("no AnalysisRun is under way");
        }
        let patch = Patch::Merge(json!({"spec": {"terminate": true}}));
        let call = self.call();
        for name in names {
            let target = Target::new(kinds::ANALYSIS_RUNS, self.namespace, &name);
            self.cluster.patch(&call, &target, &patch)?;
        }
        Ok(())
    }

    fn scale(&mut self, replicas: i32) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.write(&patch, &Written::Scale)
    }

    fn set_image(&mut self, tag: &str) -> anyhow::Result<()> {
        let (kind, object, pointer) = self.templated()?;
        let pointer = format!("{pointer}/spec/containers/0/image");
        let image = object.pointer(&pointer).and_then(Value::as_str);
        let image = image.context("there is no container")?;
        let base = image.rsplit_once(':').map_or(image, |(base, _)| base);
        let patch = json!([{"op": "replace", "path": pointer, "value": format!("{base}:{tag}")}]);
        self.write_template((kind, &object), patch)
    }

    /// The object that holds the pod template, and where: the Rollout, or what its workloadRef names.
    fn templated(&self) -> anyhow::Result<(KindId, Value, &'static str)> {
        let rollout = self.stored()?;
        let reference = &rollout["spec"]["workloadRef"];
        if reference.is_null() {
            return Ok((kinds::ROLLOUTS, rollout, "/spec/template"));
        }
        let kind = self.kind_of(reference)?;
        let object = self
            .cluster
            .get(kind, self.namespace, fields::text(reference, &["name"]));
        let object = object.context("what workloadRef names is not there")?;
        let pointer = if kind == kinds::POD_TEMPLATES {
            "/template"
        } else {
            "/spec/template"
        };
        Ok((kind, (**object).clone(), pointer))
    }

    fn write_template(
        &mut self,
        (kind, object): (KindId, &Value),
        patch: Value,
    ) -> anyhow::Result<()> {
        let target = Target::new(kind, self.namespace, fields::name(object));
        let call = self.call();
        self.cluster.patch(&call, &target, &Patch::Json(patch))?;
        Ok(())
    }

    /// Takes the pauses away, or goes past a step that does not pause (ACT-04).
    fn promote(&mut self) -> anyhow::Result<()> {
        let rollout = self.stored()?;
        let status = &rollout["status"];
        let steps = fields::list(&rollout, &["spec", "strategy", "canary", "steps"]).len();
        let index = fields::number(status, &["currentStepIndex"]).unwrap_or(0) + 1;
        let index = index.min(i64::try_from(steps)?);
        let paused = !fields::list(status, &["pauseConditions"]).is_empty();
        let inconclusive =
            status["canary"]["currentStepAnalysisRunStatus"]["status"] == "Inconclusive";
        if paused && inconclusive && status["controllerPause"] == true {
            self.patch_status(&json!({
                "pauseConditions": null,
                "controllerPause": false,
                "currentStepIndex": index,
            }))?;
        } else if paused {
            self.patch_status(&json!({"pauseConditions": null}))?;
        } else if steps > 0 {
            self.patch_status(&json!({"pauseConditions": null, "currentStepIndex": index}))?;
        }
        if rollout["spec"]["paused"] == true {
            self.patch_spec(&json!({"paused": false}))?;
        }
        Ok(())
    }

    /// Skips everything that is left (ACT-05).
    fn promote_full(&mut self) -> anyhow::Result<()> {
        let rollout = self.stored()?;
        if rollout["status"]["currentPodHash"] != rollout["status"]["stableRS"] {
            self.patch_status(&json!({"promoteFull": true}))?;
        }
        if rollout["spec"]["paused"] == true {
            self.patch_spec(&json!({"paused": false}))?;
        }
        Ok(())
    }

    /// Goes past a step or past all of them, whatever they ask for (ACT-05).
    fn skip(&mut self, skipped: Skipped) -> anyhow::Result<()> {
        let rollout = self.stored()?;
        let index = fields::number(&rollout["status"], &["currentStepIndex"]).unwrap_or(0);
        let steps = fields::list(&rollout, &["spec", "strategy", "canary", "steps"]).len();
        let all = i64::try_from(steps)?;
        let index = match skipped {
            Skipped::Current => (index + 1).min(all),
            Skipped::All => all,
        };
        self.patch_status(&json!({"currentStepIndex": index}))
    }

    /// Puts an earlier template back; 0 is the last one before the newest (ACT-13).
    fn undo(&mut self, revision: i64) -> anyhow::Result<()> {
        let rollout = self.stored()?;
        let mut revisions: Vec<(i64, Value)> = self
            .cluster
            .owned(kinds::REPLICA_SETS, fields::uid(&rollout))
            .filter_map(|set| {
                let number = fields::text(set, &["metadata", "annotations", labels::REVISION]);
                let notes: BTreeMap<String, String> =
                    BTreeMap::deserialize(&set["metadata"]["annotations"]).ok()?;
                let template = set["spec"]["template"].clone();
                let own = match Injected::read(&notes) {
                    Some(injected) => ephemeral::without(&template, &injected),
                    None => template,
                };
                Some((number.parse().ok()?, own))
            })
            .collect();
        revisions.sort_by_key(|(number, _)| -number);
        let found = if revision == 0 {
            revisions.get(1)
        } else {
            revisions.iter().find(|(number, _)| *number == revision)
        };
        let (_, mut template) = found.context("there is no such revision")?.clone();
        if let Some(labels) = template
            .pointer_mut("/metadata/labels")
            .and_then(Value::as_object_mut)
        {
            labels.remove(labels::POD_TEMPLATE_HASH);
        }
        let (kind, object, pointer) = self.templated()?;
        let patch = json!([{"op": "replace", "path": pointer, "value": template}]);
        self.write_template((kind, &object), patch)
    }
}

/// Which steps are skipped.
#[derive(Clone, Copy)]
enum Skipped {
    Current,
    All,
}

/// Which part of the Rollout is written.
enum Written {
    Spec,
    Status,
    Scale,
}
