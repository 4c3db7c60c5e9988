//! The world as a pass of the controller sees it: every write goes through the faults to the cluster,
//! and before the monitor's eyes.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_api::workload::Pod;
use tidegate_core::{
    analysis_run::Secret,
    plan::{Event, ObjectKey, Plan, Write},
    rollout::pods::Query,
    run::{Failure, Outcome, Unavailable},
};
use tidegate_integrations::metrics;

use super::{CONTROLLER, Outside, election::Tired};
use crate::{
    actors::keeper,
    cluster::{
        Call, Cluster, Locator, fields,
        kinds::{self, KindId},
        selector::LabelSelector,
    },
    controller::{Died, Sight, Surroundings},
    doors::direct,
    faults::{Answer, Cut, Delivery, Lacks, Weather},
    invariants::{Cause, Sent},
    trace,
};

/// What a pass sees of the world.
pub(super) struct View<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) outside: &'a mut Outside,
    pub(super) held_back: BTreeMap<KindId, u64>,
    pub(super) now: Timestamp,
    pub(super) cause: Cause,
}

/// Gives the versions that have appeared since the last look their names.
fn name_versions(outside: &mut Outside, cluster: &Cluster) {
    let changes = cluster
        .changes_since(outside.monitor.seen())
        .expect("the simulated cluster forgets nothing");
    for change in changes {
        if change.object.kind == kinds::ANALYSIS_RUNS && change.old.is_none() {
            // Names of Jobs begin with the uid of their run.
            let run = &change.new;
            outside.trace.name(fields::uid(run), fields::name(run));
        }
        if change.object.kind != kinds::REPLICA_SETS || change.old.is_some() {
            continue;
        }
        let labels = fields::labels(&change.new);
        let hash = labels
            .get(tidegate_api::labels::POD_TEMPLATE_HASH)
            .and_then(Value::as_str)
            .unwrap_or_default();
        let containers = fields::list(&change.new, &["spec", "template", "spec", "containers"]);
        let image = containers
            .first()
            .map_or("", |one| fields::text(one, &["image"]));
        let tag = image.rsplit_once(':').map_or(image, |(_, tag)| tag);
        outside.trace.name(hash, tag);
        outside.fresh.push((hash.to_owned(), tag.to_owned()));
    }
}

/// Lets the monitor look at every change since the last look.
pub(super) fn notice(outside: &mut Outside, cluster: &Cluster, cause: Option<&Cause>) {
    let seen = outside.monitor.seen();
    let changes = cluster
        .changes_since(seen)
        .expect("the simulated cluster forgets nothing");
    for change in changes {
        if change.actor == keeper::ACTOR {
            let line = || {
                format!(
                    "{} {} is as it was",
                    fields::text(&change.new, &["kind"]),
                    change.object.name
                )
            };
            outside.trace.line(change.at, "keeper", line);
        }
        for broken in outside.monitor.look(change, cause) {
            outside.trace.line(change.at, "BROKEN", || broken);
        }
        if let Some(line) = outside.monitor.availability(change) {
            outside.trace.line(change.at, "pods", || line);
        }
    }
}

impl Surroundings for View<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn cluster(&self) -> &Cluster {
        self.cluster
    }

    fn slowness(&self) -> SignedDuration {
        match self.outside.faults.weather {
            Weather::Slow(by) => by,
            Weather::Fair | Weather::Unavailable | Weather::Answers { .. } => SignedDuration::ZERO,
        }
    }

    fn lacks(&self) -> Option<Lacks> {
        self.outside.faults.broken.lacks
    }

    fn held_back(&self) -> &BTreeMap<KindId, u64> {
        &self.held_back
    }

    fn begin(&mut self, about: &Locator, sight: Sight) {
        self.cause.version = self.cluster.version();
        self.cause.sight = sight;
        self.outside.monitor.begin_pass(about, &self.cause);
    }

    fn send(&mut self, about: &ObjectKey, write: &Write) -> Result<Outcome, Died> {
        let tamper = self.outside.faults.broken.tamper;
        let other = tamper.and_then(|tamper| tamper(self.cluster, write));
        let write = other.as_ref().unwrap_or(write);
        if !self.outside.fence.is_open(self.now) && self.lacks() != Some(Lacks::Fence) {
            let busy = Unavailable::because("this controller does not lead");
            return Ok(Outcome::Failed(Failure::Unavailable(busy)));
        }
        let cut = self.outside.faults.strike();
        let answer = self.answer(write, cut)?;
        if let Some(Answer::Fails(failure)) = answer {
            let line = format!("{} is not written: {failure:?}", write.target);
            self.outside.trace.line(self.now, "api", || line);
            return Ok(Outcome::Failed(failure));
        }
        if cut == Some(Cut::Overlap) {
            if self.outside.fence.is_elected() {
                self.outside.tired = Tired::Yes;
            } else {
                self.let_another_begin();
            }
        }
        let kind = direct::kind_of(self.cluster, &write.target.resource);
        let place =
            kind.map(|kind| Locator::new(kind, &write.target.namespace, &write.target.name));
        let cause = self.cause.clone();
        let sent = Sent {
            about,
            cause: &cause,
            write,
            place: place.as_ref(),
            now: self.now,
        };
        self.outside.monitor.about_to_send(&sent);
        let old = direct::get(self.cluster, &write.target).cloned();
        let before = self.cluster.version();
        let call = Call::new(self.now, CONTROLLER);
        let outcome = direct::send(self.cluster, &call, write);
        name_versions(self.outside, self.cluster);
        self.deliver_again(&call, write, &outcome);
        match &outcome {
            Outcome::Done(new) => {
                let line = || trace::write(write, old.as_deref(), Some(new));
                self.outside.trace.line(self.now, "writes", line);
                if self.cluster.version() == before {
                    self.outside
                        .monitor
                        .add(format!("H-1: {} is written without a change", write.target));
                }
            }
            Outcome::Failed(failure) => {
                let line = || format!("{} is not written: {failure:?}", write.target);
                self.outside.trace.line(self.now, "api", line);
            }
        }
        notice(self.outside, self.cluster, Some(&self.cause));
        let learned = match (cut, answer) {
            (Some(Cut::CrashAfter), _) => return Err(Died),
            (_, Some(Answer::Lost)) => {
                let line = format!("the answer about {} is lost", write.target);
                self.outside.trace.line(self.now, "api", || line);
                Outcome::Failed(Failure::Unknown("timeout".to_owned()))
            }
            (_, Some(Answer::Fails(_)) | None) => outcome,
        };
        self.outside.monitor.learn(&sent, &learned);
        Ok(learned)
    }

    fn ask(&mut self, request: &metrics::Request) -> metrics::Answer {
        self.outside.metrics.answer(request, self.now)
    }

    fn secret(&mut self, namespace: &str, name: &str) -> Result<Secret, String> {
        if self.outside.faults.weather == Weather::Unavailable {
            return Err("the server is unavailable".to_owned());
        }
        let Some(secret) = self.cluster.get(kinds::SECRETS, namespace, name) else {
            return Ok(Secret::Absent);
        };
        let data = fields::map(secret, &["data"]).iter();
        let values = data.filter_map(|(key, coded)| {
            let bytes = STANDARD.decode(coded.as_str()?).ok()?;
            Some((key.clone(), String::from_utf8(bytes).ok()?))
        });
        Ok(Secret::Values(values.collect()))
    }

    fn look_up(&mut self, call: &metrics::Call) -> Result<Value, Failure> {
        if self.outside.faults.weather == Weather::Unavailable {
            let busy = Unavailable::because("the server is unavailable");
            return Err(Failure::Unavailable(busy));
        }
        match call {
            metrics::Call::Get(key) => {
                let found = direct::get(self.cluster, key);
                found
                    .map(|object| (**object).clone())
                    .ok_or(Failure::NotFound)
            }
            metrics::Call::List {
                resource,
                namespace,
                selector,
            } => {
                let kind = direct::kind_of(self.cluster, resource).ok_or(Failure::NotFound)?;
                let selector = LabelSelector::parse(selector)
                    .map_err(|refusal| Failure::Refused(refusal.message))?;
                let items: Vec<&Value> = self
                    .cluster
                    .in_namespace(kind, Some(namespace))
                    .filter(|object| selector.matches(object))
                    .map(|object| &**object)
                    .collect();
                Ok(json!({ "items": items }))
            }
            metrics::Call::Write(write) => Err(Failure::Refused(format!(
                "{} is only read here",
                write.target
            ))),
        }
    }

    fn pods(&mut self, query: &Query) -> Result<Vec<Pod>, String> {
        if self.outside.faults.weather == Weather::Unavailable {
            return Err("the server is unavailable".to_owned());
        }
        let selector = LabelSelector::parse(&query.selector).map_err(|error| error.to_string())?;
        self.cluster
            .in_namespace(kinds::PODS, Some(&query.namespace))
            .filter(|pod| selector.matches(pod))
            .map(|pod| Pod::deserialize(&**pod).map_err(|error| error.to_string()))
            .collect()
    }

    fn tell(&mut self, _about: &ObjectKey, events: Vec<Event>) {
        for event in events {
            self.outside
                .trace
                .line(self.now, "event", || trace::event(&event));
        }
    }

    fn explain(&mut self, about: &ObjectKey, plan: &Plan) {
        let process = self.cause.process;
        self.outside.monitor.decided(process, about, plan);
        let waits = plan.wake.as_ref().map(|wake| wake.reason.to_string());
        let waits = waits.unwrap_or_default();
        if self.outside.waits.get(about) != Some(&waits) {
            if !waits.is_empty() {
                let line = format!("until then: {waits}");
                self.outside.trace.line(self.now, "waits", || line);
            }
            self.outside.waits.insert(about.clone(), waits);
        }
    }
}

/// How long 429 is the answer to everything.
const THROTTLED: SignedDuration = SignedDuration::from_secs(1);

impl View<'_> {
    /// S2-8: a write that arrives once more changes nothing.
    fn deliver_again(&mut self, call: &Call, write: &Write, outcome: &Outcome) {
        let twice = self.outside.faults.delivery == Delivery::Twice;
        if !twice || !matches!(outcome, Outcome::Done(_)) {
            return;
        }
        let before = self.cluster.version();
        let _refused = direct::send(self.cluster, call, write);
        if self.cluster.version() != before {
            let sentence = format!("S2-8: {} is written twice", write.target);
            self.outside.monitor.add(sentence);
        }
    }

    /// What becomes of a write on its way to the cluster and back, if not what should.
    fn answer(&mut self, write: &Write, cut: Option<Cut>) -> Result<Option<Answer>, Died> {
        if cut == Some(Cut::Throttled) {
            self.outside.faults.throttled = Some(self.now + THROTTLED);
        }
        if self.outside.faults.throttled.is_some() {
            let words = "Too many requests, please try again later.";
            return Ok(Some(Answer::of_code(429, words)));
        }
        match cut {
            Some(Cut::CrashBefore) => return Err(Died),
            Some(Cut::Conflict) => return Ok(Some(Answer::Fails(Failure::Conflict))),
            Some(Cut::Unavailable) => {
                return Ok(Some(Answer::of_code(503, "the server is unavailable")));
            }
            Some(Cut::LostAnswer | Cut::CrashAfter | Cut::Throttled | Cut::Overlap) | None => {}
        }
        match (cut, self.outside.faults.answer(write)) {
            // What the server refuses does not commit, whether anybody hears of it or not.
            (Some(Cut::CrashAfter), Some(Answer::Fails(_))) => Err(Died),
            (Some(Cut::LostAnswer), Some(Answer::Fails(_))) => {
                Ok(Some(Answer::Fails(Failure::Unknown("timeout".to_owned()))))
            }
            (Some(Cut::LostAnswer), Some(Answer::Lost) | None) => Ok(Some(Answer::Lost)),
            (_, answer) => Ok(answer),
        }
    }
}
