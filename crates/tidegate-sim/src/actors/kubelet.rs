//! What a pod does, as one pure function: the model cluster and a real control plane share it.
//!
//! The rules K1 to K9: a pod is bound to the only node, starts after a while, becomes ready when its
//! probe and its gates allow it, and ends when its command does or when it is deleted. Nothing is run:
//! everything follows from the pod's spec, its status and the instants at which its stages were seen.

mod life;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_api::meta::Time;

use self::life::{Container, Ending};
use crate::cluster::fields::{self, text};

/// The only node.
pub const NODE: &str = "fake-0";

/// How long a pod's stages take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From creation to binding.
    pub bind: SignedDuration,
    /// From binding to running containers.
    pub start: SignedDuration,
    /// The same for pods that run to completion.
    pub job_start: SignedDuration,
    /// How long each second of a probe's initial delay takes (K3).
    pub probe_second: SignedDuration,
    /// From the end of the preStop hook to removal.
    pub stop: SignedDuration,
    /// From binding to the first failed pull of an image that does not exist: longer than a good pod's
    /// start.
    pub pull_fails: SignedDuration,
    /// From the first failed pull to the back-off.
    pub pull_back_off: SignedDuration,
}

impl Default for Timing {
    /// The times that upstream's acceptance suite expects.
    fn default() -> Self {
        Self {
            bind: SignedDuration::ZERO,
            start: SignedDuration::from_secs(2),
            job_start: SignedDuration::from_secs(1),
            probe_second: SignedDuration::from_secs(1),
            stop: SignedDuration::from_secs(1),
            pull_fails: SignedDuration::from_millis(3_500),
            pull_back_off: SignedDuration::from_secs(2),
        }
    }
}

/// When a pod's stages were first seen. The API keeps whole seconds only, so whoever plays the kubelet
/// remembers the instants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When it was first seen bound to its node.
    pub bound: Option<Timestamp>,
    /// When its deletion was first seen.
    pub doomed: Option<Timestamp>,
    /// The address it gets unless it has one.
    pub address: String,
}

impl Seen {
    /// What can be read back from the pod itself, `now` standing for stages that are just seen; `serial`
    /// makes the address.
    pub fn of(pod: &Value, now: Timestamp, serial: u64) -> Self {
        let started = text(pod, &["status", "startTime"]).parse::<Time>().ok();
        let bound = !text(pod, &["spec", "nodeName"]).is_empty();
        Self {
            bound: bound.then(|| started.map_or(now, Time::timestamp)),
            doomed: fields::is_deleting(pod).then_some(now),
            address: format!(
                "10.{}.{}.{}",
                128 + serial / 64_516 % 64,
                serial / 254 % 254 + 1,
                serial % 254 + 1
            ),
        }
    }

    /// Notes the stages that the pod has reached since.
    pub fn look(&mut self, pod: &Value, now: Timestamp) {
        if self.bound.is_none() && !text(pod, &["spec", "nodeName"]).is_empty() {
            self.bound = Some(now);
        }
        if self.doomed.is_none() && fields::is_deleting(pod) {
            self.doomed = Some(now);
        }
    }
}

/// One request of the kubelet or the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// POST of a binding to [`NODE`].
    Bind,
    /// Strategic merge patch of `pods/status`, with the conditions that a kubelet owns only.
    Status(Value),
    /// DELETE with grace 0 and the pod's uid.
    Delete,
}

/// What a pod does next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Next {
    /// To be sent now, in this order.
    pub writes: Vec<Write>,
    /// When to look again although nothing may have changed.
    pub at: Option<Timestamp>,
}

/// What a pod does at this instant, and when it does something next.
pub fn next(pod: &Value, seen: &Seen, timing: &Timing, now: Timestamp) -> Next {
    let node = text(pod, &["spec", "nodeName"]);
    if fields::is_deleting(pod) {
        // The API server removes a pod without a node by itself.
        return if node.is_empty() {
            Next::default()
        } else {
            stop(pod, seen, timing, now)
        };
    }
    if node.is_empty() {
        return bind(pod, timing, now);
    }
    if is_terminal(pod) {
        return Next::default();
    }
    let bound = seen.bound.unwrap_or(now);
    let mut clock = Stages {
        since: now.duration_since(bound),
        next: None,
    };
    let status = status_at(pod, (seen, timing), (&mut clock, now));
    let at = clock.next.and_then(|after| bound.checked_add(after).ok());
    Next {
        writes: changed(pod, status).into_iter().collect(),
        at,
    }
}

fn bind(pod: &Value, timing: &Timing, now: Timestamp) -> Next {
    let created = text(pod, &["metadata", "creationTimestamp"]).parse::<Time>();
    let at = created.map_or(now, |created| created.timestamp() + timing.bind);
    if at <= now {
        Next {
            writes: vec![Write::Bind],
            at: None,
        }
    } else {
        Next {
            writes: Vec::new(),
            at: Some(at),
        }
    }
}

/// Ends a pod: preStop hook, containers stopped, terminal phase, object removed (K1, K9).
fn stop(pod: &Value, seen: &Seen, timing: &Timing, now: Timestamp) -> Next {
    let doomed = seen.doomed.unwrap_or(now);
    let at = doomed
        .checked_add(timing.stop + life::longest_pre_stop(pod))
        .unwrap_or(Timestamp::MAX);
    if now < at {
        return Next {
            writes: Vec::new(),
            at: Some(at),
        };
    }
    let mut writes = Vec::new();
    if !is_terminal(pod) {
        writes.extend(changed(pod, stopped_status(pod, now)));
    }
    writes.push(Write::Delete);
    Next { writes, at: None }
}

fn is_terminal(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, &["status", "phase"]))
}

/// How far a pod is, and when its next stage comes.
struct Stages {
    since: SignedDuration,
    next: Option<SignedDuration>,
}

impl Stages {
    /// Whether a stage has come; if not, it may be the next one.
    fn reached(&mut self, stage: SignedDuration) -> bool {
        if self.since >= stage {
            return true;
        }
        self.next = Some(self.next.map_or(stage, |next| next.min(stage)));
        false
    }
}

/// What the containers of a pod amount to.
#[derive(Default)]
struct Sum {
    ready: usize,
    started: usize,
    ended: usize,
    failed: usize,
}

/// The members of a bound pod's status that a kubelet writes.
fn status_at(
    pod: &Value,
    (seen, timing): (&Seen, &Timing),
    (clock, now): (&mut Stages, Timestamp),
) -> Value {
    let instant = Time::new(now).to_string();
    let started_at = match text(pod, &["status", "startTime"]) {
        "" => instant.clone(),
        earlier => earlier.to_owned(),
    };
    let address = match text(pod, &["status", "podIP"]) {
        "" => seen.address.as_str(),
        given => given,
    };
    let mut sum = Sum::default();
    let containers = fields::list(pod, &["spec", "containers"]);
    let statuses: Vec<Value> = containers
        .iter()
        .map(|spec| {
            let worker = Worker {
                spec,
                plan: Container::read(pod, spec, timing),
                old: fields::list(pod, &["status", "containerStatuses"])
                    .iter()
                    .find(|status| status.get("name") == spec.get("name")),
            };
            container_status(&worker, (clock, &mut sum), (&started_at, &instant))
        })
        .collect();
    let count = containers.len();
    let (phase, reason) = if sum.ended == count && sum.failed > 0 {
        ("Failed", "PodFailed")
    } else if sum.ended == count {
        ("Succeeded", "PodCompleted")
    } else if sum.started > 0 {
        ("Running", "ContainersNotReady")
    } else {
        ("Pending", "ContainersNotReady")
    };
    let containers_ready = sum.ready == count;
    let gates = gates_open(pod);
    let ready_reason = if containers_ready && !gates {
        "ReadinessGatesNotReady"
    } else {
        reason
    };
    json!({
        "phase": phase,
        "hostIP": "192.0.2.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": started_at,
        "conditions": [
            condition(pod, "PodReadyToStartContainers", None, &instant),
            condition(pod, "Initialized", None, &instant),
            condition(pod, "Ready", (!containers_ready || !gates).then_some(ready_reason), &instant),
            condition(pod, "ContainersReady", (!containers_ready).then_some(reason), &instant),
            condition(pod, "PodScheduled", None, &instant),
        ],
        "containerStatuses": statuses,
    })
}

/// How long a crashed container waits before its first restart; each wait doubles.
const FIRST_BACK_OFF: SignedDuration = SignedDuration::from_secs(10);
/// After this many restarts nothing about a crashing pod changes any more.
const MOST_RESTARTS: u32 = 9;

/// One container as it was and as it is going to be.
struct Worker<'a> {
    spec: &'a Value,
    plan: Container,
    old: Option<&'a Value>,
}

fn container_status(
    worker: &Worker<'_>,
    (clock, sum): (&mut Stages, &mut Sum),
    (started_at, instant): (&str, &str),
) -> Value {
    let Worker { spec, plan, old } = worker;
    let image = text(spec, &["image"]);
    let restarts = old.and_then(|old| fields::number(old, &["restartCount"]));
    let mut status = json!({
        "name": text(spec, &["name"]),
        "image": image,
        "imageID": image,
        "restartCount": restarts.unwrap_or(0),
        "ready": false,
        "started": false,
        "state": {"waiting": {"reason": "ContainerCreating"}},
        "lastState": {},
    });
    let kept = |state: &str| {
        old.and_then(|old| fields::at(old, &["state", state]))
            .cloned()
    };
    match &plan.ending {
        Ending::NeverPulled { fails, backs_off } => {
            if clock.reached(*fails) {
                status["state"]["waiting"] = if clock.reached(*backs_off) {
                    waiting(
                        "ImagePullBackOff",
                        &format!("back-off pulling image \"{image}\""),
                    )
                } else {
                    waiting("ErrImagePull", &format!("pull of \"{image}\" failed"))
                };
            }
        }
        Ending::Crashes | Ending::Ends { .. } | Ending::Serves if !clock.reached(plan.starts) => {}
        Ending::Crashes => {
            sum.started += 1;
            status["restartCount"] = json!(crashes(clock, plan.starts));
            status["lastState"]["terminated"] = json!({
                "exitCode": 128,
                "reason": "StartError",
                "startedAt": started_at,
                "finishedAt": started_at,
            });
            status["state"]["waiting"] =
                waiting("CrashLoopBackOff", "back-off restarting failed container");
        }
        Ending::Ends {
            after,
            code,
            reason,
        } if clock.reached(plan.starts + *after) => {
            sum.started += 1;
            sum.ended += 1;
            sum.failed += usize::from(*code != 0);
            let terminated = kept("terminated").unwrap_or_else(|| {
                json!({"exitCode": code, "reason": reason, "startedAt": started_at, "finishedAt": instant})
            });
            status["state"] = json!({"terminated": terminated});
        }
        Ending::Ends { .. } | Ending::Serves => {
            sum.started += 1;
            let ready = clock.reached(plan.ready);
            sum.ready += usize::from(ready);
            status["ready"] = json!(ready);
            status["started"] = json!(true);
            let running = kept("running").unwrap_or_else(|| json!({"startedAt": instant}));
            status["state"] = json!({"running": running});
        }
    }
    status
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"reason": reason, "message": message})
}

/// How often a container has been restarted that crashes as soon as it starts (K5).
fn crashes(clock: &mut Stages, starts: SignedDuration) -> i64 {
    let mut restarts = 1;
    let mut wait = FIRST_BACK_OFF;
    for _ in 1..MOST_RESTARTS {
        if !clock.reached(starts + wait) {
            break;
        }
        restarts += 1;
        wait *= 2;
    }
    restarts
}

/// Whether every readiness gate's condition is true, whoever sets it (K4).
fn gates_open(pod: &Value) -> bool {
    fields::list(pod, &["spec", "readinessGates"])
        .iter()
        .all(|gate| fields::condition(pod, text(gate, &["conditionType"])) == "True")
}

/// A condition that is true, or false for a reason. Its time moves on a flip only, for the availability
/// of pods is counted from it.
fn condition(pod: &Value, kind: &str, missing: Option<&str>, instant: &str) -> Value {
    let status = if missing.is_none() { "True" } else { "False" };
    let old = fields::list(pod, &["status", "conditions"])
        .iter()
        .find(|condition| text(condition, &["type"]) == kind);
    let since = match old {
        Some(old) if text(old, &["status"]) == status => text(old, &["lastTransitionTime"]),
        Some(_) | None => instant,
    };
    let mut condition = json!({
        "type": kind,
        "status": status,
        "lastProbeTime": null,
        "lastTransitionTime": since,
    });
    if let Some(reason) = missing {
        condition["reason"] = json!(reason);
    }
    condition
}

/// The last status of a pod that was deleted: a job's pod fails (K9), others end in peace.
fn stopped_status(pod: &Value, now: Timestamp) -> Value {
    let instant = Time::new(now).to_string();
    let (phase, code, reason) = if life::runs_to_completion(pod) {
        ("Failed", 137, "Error")
    } else {
        ("Succeeded", 0, "Completed")
    };
    let statuses: Vec<Value> = fields::list(pod, &["status", "containerStatuses"])
        .iter()
        .map(|status| {
            let mut status = status.clone();
            if fields::at(&status, &["state", "terminated"]).is_none() {
                status["state"] = json!({
                    "terminated": {"exitCode": code, "reason": reason, "startedAt": null, "finishedAt": instant},
                });
            }
            status["ready"] = json!(false);
            status["started"] = json!(false);
            status
        })
        .collect();
    json!({
        "phase": phase,
        "conditions": [
            condition(pod, "Ready", Some("PodCompleted"), &instant),
            condition(pod, "ContainersReady", Some("PodCompleted"), &instant),
        ],
        "containerStatuses": statuses,
    })
}

/// The patch that makes the status so; `None` if it is so already.
fn changed(pod: &Value, status: Value) -> Option<Write> {
    let stands = status.as_object().is_some_and(|members| {
        members.iter().all(|(name, value)| match name.as_str() {
            "conditions" => fields::list(&status, &["conditions"])
                .iter()
                .all(|wanted| fields::list(pod, &["status", "conditions"]).contains(wanted)),
            _ => fields::at(pod, &["status", name]) == Some(value),
        })
    });
    if stands {
        return None;
    }
    let mut patch = json!({"metadata": {"uid": fields::uid(pod)}});
    patch["status"] = status;
    Some(Write::Status(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: &str = "2026-01-01T00:00:00Z";

    fn seen() -> Seen {
        Seen {
            bound: BOUND.parse().ok(),
            doomed: None,
            address: "10.128.0.1".to_owned(),
        }
    }

    fn pod(container: Value) -> Value {
        let mut container = container;
        container["name"] = json!("main");
        json!({
            "metadata": {"name": "p", "uid": "u", "creationTimestamp": BOUND},
            "spec": {"nodeName": NODE, "restartPolicy": "Always", "containers": [container]},
            "status": {"phase": "Pending"},
        })
    }

    /// Lives through `seconds` after binding; returns the pod then.
    fn after(mut pod: Value, seconds: i64) -> Value {
        let end = BOUND.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds);
        let mut now: Timestamp = BOUND.parse().unwrap();
        loop {
            let next = next(&pod, &seen(), &Timing::default(), now);
            for write in next.writes {
                if let Write::Status(patch) = write {
                    for (name, value) in patch["status"].as_object().unwrap() {
                        pod["status"][name] = value.clone();
                    }
                }
            }
            match next.at {
                Some(at) if at <= end => now = at,
                Some(_) | None => return pod,
            }
        }
    }

    fn reason(pod: &Value) -> &str {
        text(
            &pod["status"]["containerStatuses"][0],
            &["state", "waiting", "reason"],
        )
    }

    #[test]
    fn a_pod_is_bound_then_creates_its_containers_then_is_ready() {
        let mut fresh = pod(json!({"image": "web:1"}));
        fresh["spec"]["nodeName"] = json!("");
        let now = BOUND.parse().unwrap();
        assert_eq!(
            next(&fresh, &seen(), &Timing::default(), now).writes,
            [Write::Bind]
        );
        let young = after(pod(json!({"image": "web:1"})), 1);
        assert_eq!(reason(&young), "ContainerCreating");
        let grown = after(pod(json!({"image": "web:1"})), 2);
        assert_eq!(text(&grown, &["status", "phase"]), "Running");
        assert_eq!(fields::condition(&grown, "Ready"), "True");
    }

    #[test]
    fn a_ready_pod_writes_nothing_more() {
        let grown = after(pod(json!({"image": "web:1"})), 2);
        let later = BOUND.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(1);
        assert_eq!(
            next(&grown, &seen(), &Timing::default(), later),
            Next::default()
        );
    }

    #[test]
    fn a_probe_and_a_hook_delay_readiness() {
        let spec = json!({
            "image": "web:1",
            "readinessProbe": {"initialDelaySeconds": 5},
            "lifecycle": {"postStart": {"exec": {"command": ["sleep", "3"]}}},
        });
        assert_eq!(
            text(&after(pod(spec.clone()), 9), &["status", "phase"]),
            "Running"
        );
        assert_eq!(
            fields::condition(&after(pod(spec.clone()), 9), "Ready"),
            "False"
        );
        assert_eq!(fields::condition(&after(pod(spec), 10), "Ready"), "True");
    }

    #[test]
    fn an_image_that_does_not_exist_is_never_pulled() {
        let bad = pod(json!({"image": "web:does-not-exist"}));
        assert_eq!(reason(&after(bad.clone(), 4)), "ErrImagePull");
        assert_eq!(reason(&after(bad, 100)), "ImagePullBackOff");
    }

    #[test]
    fn a_bad_command_crashes_again_and_again() {
        let bad = pod(json!({"image": "web:1", "command": ["/bad-command"]}));
        let once = after(bad.clone(), 5);
        assert_eq!(reason(&once), "CrashLoopBackOff");
        assert_eq!(once["status"]["containerStatuses"][0]["restartCount"], 1);
        assert_eq!(
            after(bad, 40)["status"]["containerStatuses"][0]["restartCount"],
            3
        );
    }

    #[test]
    fn a_gate_holds_readiness_back() {
        let mut gated = pod(json!({"image": "web:1"}));
        gated["spec"]["readinessGates"] = json!([{"conditionType": "lb"}]);
        assert_eq!(fields::condition(&after(gated, 60), "Ready"), "False");
    }

    #[test]
    fn a_deleted_pod_stops_and_goes() {
        let mut doomed = after(pod(json!({"image": "web:1"})), 2);
        doomed["metadata"]["deletionTimestamp"] = json!(BOUND);
        let mut seen = seen();
        seen.doomed = BOUND.parse().ok();
        let stopped = BOUND.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(1);
        let end = next(&doomed, &seen, &Timing::default(), stopped);
        assert_eq!(end.writes.last(), Some(&Write::Delete));
        let Some(Write::Status(patch)) = end.writes.first() else {
            panic!("no status before the end");
        };
        assert_eq!(patch["status"]["phase"], "Succeeded");
    }

    #[test]
    fn a_job_ends_as_its_script_says() {
        let mut job = pod(json!({"image": "b", "command": ["sh", "-c", "sleep 3 && exit 2"]}));
        job["spec"]["restartPolicy"] = json!("Never");
        assert_eq!(
            text(&after(job.clone(), 3), &["status", "phase"]),
            "Running"
        );
        let done = after(job, 4);
        assert_eq!(text(&done, &["status", "phase"]), "Failed");
        assert_eq!(
            done["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"],
            2
        );
    }
}
