//! What happens besides the controller's work: the story's happenings, one after the other, each at
//! its time or once what it waits for is so.

use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{LOOK, RESTART, World};
use crate::{
    actors::{Fate, keeper::Kept, metrics::Says},
    cluster::{Propagation, fields, kinds},
    controller::followed,
    invariants::Servers,
    scenario::{Api, Becoming, Blow, Happening, Jobs, Metrics, NAMESPACE, Pods, Watch},
};

impl World {
    /// Lets the next happening come if it is due; tells whether one came.
    pub(super) fn tell(&mut self) -> anyhow::Result<bool> {
        self.end_trouble();
        let story = Arc::clone(&self.story);
        let Some(happening) = story.story.get(self.told.0) else {
            return Ok(false);
        };
        let later = self.trouble.later();
        let due = happening.due(self.told.1)?.map(|due| due + later);
        let comes = match (&happening.when, due) {
            (Some(when), _) if self.is_so(when) => {
                let since = *self.holds.get_or_insert(self.now);
                since + LOOK <= self.now
            }
            (Some(_), _) => {
                self.holds = None;
                false
            }
            (None, due) => due.is_some_and(|due| self.begun + due <= self.now),
        };
        if !comes || !self.may_happen() {
            return Ok(false);
        }
        self.holds = None;
        self.told = (self.told.0 + 1, self.now.duration_since(self.begun));
        self.passes.clear();
        self.happen(happening)
            .with_context(|| format!("happening {}", self.told.0))?;
        self.notice();
        Ok(true)
    }

    /// A story without a Rollout is about its Experiment.
    pub(super) fn mind(&mut self, object: &Value) {
        let rollout = &self.outside.rollout;
        let known = self.cluster.get(kinds::ROLLOUTS, NAMESPACE, rollout);
        if object["kind"] == "Experiment" && known.is_none() {
            self.outside.experiment = Some(fields::name(object).to_owned());
        }
    }

    fn is_so(&self, when: &str) -> bool {
        if let Some(name) = &self.outside.experiment {
            let experiment = self.cluster.get(kinds::EXPERIMENTS, NAMESPACE, name);
            return experiment.is_some_and(|one| one["status"]["phase"] == when);
        }
        let Some(rollout) = self
            .cluster
            .get(kinds::ROLLOUTS, NAMESPACE, &self.outside.rollout)
        else {
            return false;
        };
        let status = &rollout["status"];
        let generation = fields::number(rollout, &["metadata", "generation"]).unwrap_or(0);
        let (phase, step) = when
            .split_once(' ')
            .map_or((when, None), |(phase, step)| (phase, Some(step)));
        status["phase"] == phase
            && status["observedGeneration"] == generation.to_string().as_str()
            && self.knows_its_deployment(rollout)
            && step.is_none_or(|step| {
                fields::number(status, &["currentStepIndex"]) == step.parse().ok()
            })
    }

    /// Whether a Rollout that refers to a Deployment has seen how that stands now.
    fn knows_its_deployment(&self, rollout: &Value) -> bool {
        let reference = &rollout["spec"]["workloadRef"];
        if fields::text(reference, &["kind"]) != "Deployment" {
            return true;
        }
        let name = fields::text(reference, &["name"]);
        let Some(deployment) = self.cluster.get(kinds::DEPLOYMENTS, NAMESPACE, name) else {
            return true;
        };
        let generation = fields::number(deployment, &["metadata", "generation"]).unwrap_or(0);
        rollout["status"]["workloadObservedGeneration"] == generation.to_string().as_str()
    }

    fn happen(&mut self, happening: &Happening) -> anyhow::Result<()> {
        self.outside.monitor.disturb();
        if let Some(command) = &happening.user {
            self.command(command)?;
        }
        if let Some(pods) = &happening.pods {
            self.befall(pods)?;
        }
        if let Some(jobs) = &happening.jobs {
            self.befall_jobs(jobs)?;
        }
        if let Some(told) = &happening.metrics {
            self.measure(told);
        }
        if let Some(api) = &happening.api {
            self.outside.faults.weather = api.weather()?;
            self.line("api", || match api {
                Api::Works => "fair".to_owned(),
                Api::Unavailable => "unavailable".to_owned(),
                Api::Slow(by) => format!("statuses of AnalysisRuns take {by}"),
                Api::Refuses { kind, with } => format!("refuses to create any {kind}: {with}"),
                Api::Answers(answers) => answers.words(),
            });
        }
        if let Some(quota) = &happening.quota {
            let most = quota.as_u64().map(usize::try_from).transpose()?;
            self.actors.set_quota(most);
            self.line("quota", || format!("{quota} pods").replace('"', ""));
        }
        if let Some(what) = &happening.leader {
            self.befall_leader(what)?;
        }
        if let Some(Watch { loses }) = &happening.watch {
            let kinds = self.cluster.kinds();
            let mut known = followed().filter(|kind| kinds.get(*kind).kind == *loses);
            let kind = known
                .next()
                .with_context(|| format!("nobody watches {loses}"))?;
            self.lose_next(kind);
            self.line("watch", || format!("loses the next change of a {loses}"));
        }
        match happening.controller {
            Some(Blow::Crashes) => {
                self.controller = None;
                self.restart = Some(self.now + RESTART);
                self.line("dies", || "the controller".to_owned());
            }
            None => {}
        }
        Ok(())
    }

    fn befall(&mut self, pods: &Pods) -> anyhow::Result<()> {
        self.line("pods", || {
            format!("of {} become {:?}", pods.of, pods.r#become).to_lowercase()
        });
        let hash = self.outside.trace.hash_of(&pods.of).map(str::to_owned);
        let fate = match pods.r#become {
            Becoming::Available => Fate::Lives,
            Becoming::Pending => Fate::StaysPending,
            Becoming::Unready => Fate::Unready,
            Becoming::Lost => {
                let hash = hash.context("there is no such version yet")?;
                self.actors.lose(&mut self.cluster, &hash, self.now);
                return Ok(());
            }
        };
        self.fates.insert(pods.of.clone(), fate);
        if let Some(hash) = hash {
            self.actors.set_fate(&hash, fate);
        }
        Ok(())
    }

    fn befall_jobs(&mut self, told: &Jobs) -> anyhow::Result<()> {
        self.line("jobs", || {
            format!("of {} become {:?}", told.of, told.r#become).to_lowercase()
        });
        self.actors
            .befall_jobs(&mut self.cluster, (&told.of, told.r#become), self.now)
    }

    fn measure(&mut self, told: &Metrics) {
        let says = match told.says.as_str() {
            Some("nothing") => Says::Nothing,
            Some("down") => Says::Down,
            Some("slow") => Says::Slow,
            Some("garbage") => Says::Garbage,
            Some(value) => Says::Value(value.to_owned()),
            None => match told.says.get("json") {
                Some(json) => Says::Answer {
                    status: told.says["status"]
                        .as_u64()
                        .and_then(|status| u16::try_from(status).ok())
                        .unwrap_or(200),
                    json: json.clone(),
                },
                None => Says::Value(told.says.to_string()),
            },
        };
        self.line("metrics", || {
            let what = if told.query.is_empty() {
                "everything"
            } else {
                &told.query
            };
            format!("{what}: {}", told.says)
        });
        self.outside.metrics.tell(&told.query, says);
        self.outside
            .monitor
            .servers(if self.outside.metrics.is_silent() {
                Servers::Silent
            } else {
                Servers::Answer
            });
    }

    fn command(&mut self, command: &Value) -> anyhow::Result<()> {
        if let Some(text) = command.as_str() {
            self.line("user", || text.to_owned());
            return self.user().command(text);
        }
        let (apply, patch, delete) = (
            command.get("apply"),
            command.get("patch").and_then(Value::as_str),
            command.get("delete").and_then(Value::as_str),
        );
        if command["install"] == "Istio" {
            self.line("user", || "install Istio".to_owned());
            self.cluster.install_istio();
            return Ok(());
        }
        if let Some(what) = command.get("keep").and_then(Value::as_str) {
            return self.keep(what, command);
        }
        let done = if let Some(object) = apply {
            let what = format!(
                "{} {}",
                fields::text(object, &["kind"]),
                fields::name(object)
            );
            self.line("user", || format!("apply {what}"));
            self.mind(object);
            self.user().apply(object.clone())
        } else if let Some(what) = patch {
            self.line("user", || format!("patch {what} with {}", command["with"]));
            let what = self.named(what);
            self.user().patch(&what, command["with"].clone())
        } else if let Some(what) = delete {
            let (propagation, kept) = match command["keeping"].as_str() {
                None => (Propagation::Background, ""),
                Some("dependents") => (Propagation::Orphan, ", keeping what it owns"),
                Some(other) => bail!("nobody keeps {other}"),
            };
            self.line("user", || format!("delete {what}{kept}"));
            let what = self.named(what);
            self.user().delete(&what, propagation)
        } else {
            bail!("no such command: {command}")
        };
        match (command.get("refused").and_then(Value::as_str), done) {
            (None, done) => done,
            (Some(words), Err(refusal)) if refusal.to_string().contains(words) => {
                self.line("api", || format!("refuses: {refusal}"));
                Ok(())
            }
            (Some(_), Err(refusal)) => Err(refusal.context("refused in other words")),
            (Some(_), Ok(())) => bail!("the API should have refused it"),
        }
    }

    /// A tool takes back what others write, so and so often.
    fn keep(&mut self, what: &str, command: &Value) -> anyhow::Result<()> {
        self.line("user", || format!("keep {what} with {}", command["with"]));
        let what = self.named(what);
        let times = command["times"].as_u64().context("how often?")?;
        let within = command["within"].as_str().unwrap_or("300ms");
        let kept = Kept {
            object: self.user().locate(&what)?,
            patch: command["with"].clone(),
            manager: command["as"]
                .as_str()
                .unwrap_or("argocd-controller")
                .to_owned(),
            delay: within.parse()?,
            times: u32::try_from(times)?,
        };
        self.actors.keep(kept);
        Ok(())
    }

    /// The ReplicaSet of a version goes by the version's name, such as `ReplicaSet web-v1`.
    fn named(&self, what: &str) -> String {
        let hash = what
            .strip_prefix("ReplicaSet ")
            .and_then(|name| name.rsplit_once('-'))
            .and_then(|(base, tag)| Some((base, self.outside.trace.hash_of(tag)?)));
        hash.map_or_else(
            || what.to_owned(),
            |(base, hash)| format!("ReplicaSet {base}-{hash}"),
        )
    }
}
