//! Which of several controllers works: the decisions of leader election by a Lease, by the rules of
//! Kubernetes' own client library, so that any two that keep them share one Lease (OPS-04, S2-6).
//!
//! Wall clocks are only ever written, for people to read. What counts is how long *this* process has
//! seen the Lease unchanged on its own monotonic clock, so clocks that differ between machines do no harm.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

/// The Lease's name; an instance id follows after a dash.
const LOCK: &str = "argo-rollouts-controller-lock";
/// By how much the first of two periods must exceed the second, as in Kubernetes' library: renewals are
/// tried up to that much later than the retry period says.
const JITTER: f64 = 1.2;

/// The name of the Lease. Keeps OPS-04. Differs from upstream: with `--controllers=analysis` as well,
/// because two instances would otherwise shut each other out.
pub fn lock_name(instance_id: &str) -> String {
    if instance_id.is_empty() {
        LOCK.to_owned()
    } else {
        format!("{LOCK}-{instance_id}")
    }
}

/// The three periods of leader election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long others wait after the last change of the Lease that they saw.
    pub lease: Duration,
    /// How long a leader that cannot renew goes on.
    pub renew: Duration,
    /// Between two tries.
    pub retry: Duration,
}

impl Terms {
    /// Whether a leader surely ends before another begins.
    ///
    /// # Errors
    /// The sentence that names the two flags that contradict each other.
    pub fn check(self) -> Result<(), String> {
        if self.lease.as_secs() < 1 {
            return Err("--leader-election-lease-duration must be at least 1s".to_owned());
        }
        if self.retry.is_zero() {
            return Err("--leader-election-retry-period must be more than 0s".to_owned());
        }
        if self.lease <= self.renew {
            return Err(
                "--leader-election-lease-duration must be greater than --leader-election-renew-deadline"
                    .to_owned(),
            );
        }
        if self.renew <= self.retry.mul_f64(JITTER) {
            return Err(format!(
                "--leader-election-renew-deadline must be greater than {JITTER} times --leader-election-retry-period"
            ));
        }
        Ok(())
    }
}

/// What a Lease says about who leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Who leads; empty once a leader has let go.
    pub holder: String,
    /// For how long the holder may stay silent, in seconds.
    pub duration_seconds: u64,
    /// Since when it leads, as written.
    pub acquired: Option<String>,
    /// When it said so last, as written.
    pub renewed: Option<String>,
    /// How often the holder changed.
    pub transitions: u64,
}

impl Claim {
    /// Reads the `spec` of a Lease; what is missing is zero, as in Go.
    pub fn of_lease(lease: &Value) -> Self {
        let spec = &lease["spec"];
        let word = |name: &str| spec[name].as_str().map(str::to_owned);
        Self {
            holder: word("holderIdentity").unwrap_or_default(),
            duration_seconds: spec["leaseDurationSeconds"].as_u64().unwrap_or_default(),
            acquired: word("acquireTime"),
            renewed: word("renewTime"),
            transitions: spec["leaseTransitions"].as_u64().unwrap_or_default(),
        }
    }

    /// Puts the claim into a Lease; all else in it stays.
    pub fn put_into(&self, lease: &mut Value) {
        let spec = json!({
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.duration_seconds,
            "acquireTime": self.acquired,
            "renewTime": self.renewed,
            "leaseTransitions": self.transitions,
        });
        match (lease["spec"].as_object_mut(), spec) {
            (Some(known), Value::Object(said)) => known.extend(said),
            (_, said) => lease["spec"] = said,
        }
    }

    /// What a leader leaves behind so that the next one need not wait: no holder, for one second.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Self {
        Self {
            holder: String::new(),
            duration_seconds: 1,
            acquired: Some(micro_time(now)),
            renewed: Some(micro_time(now)),
            transitions: self.transitions,
        }
    }
}

/// The instant as Kubernetes writes `MicroTime`: six digits after the point.
fn micro_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Who wants to lead, and by which terms.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Unique among all processes: host name and a random id.
    pub identity: String,
    /// The periods.
    pub terms: Terms,
}

/// What is known of the Lease. Durations count from any fixed instant of the monotonic clock.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it says; `None` if there is none.
    pub claim: Option<Claim>,
    /// When this content was seen first.
    pub since: Duration,
    /// When our last renewal that committed was *sent*; `None` while we do not lead.
    pub renewed: Option<Duration>,
}

/// What to do about the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Make the Lease, with this in it.
    Create(Claim),
    /// Write this into the Lease that was seen.
    Update(Claim),
    /// Nothing for now: another leads.
    Follow,
    /// We led, and must write nothing more.
    Lost,
}

/// What to do about the Lease, as seen at `monotonic`; `now` is only written into it.
pub fn next(candidate: &Candidate, seen: &Seen, monotonic: Duration, now: Timestamp) -> Move {
    let leads = seen.renewed.is_some();
    if let Some(renewed) = seen.renewed
        && monotonic >= renewed.saturating_add(candidate.terms.renew)
    {
        return Move::Lost;
    }
    let mine = Claim {
        holder: candidate.identity.clone(),
        duration_seconds: candidate.terms.lease.as_secs(),
        acquired: Some(micro_time(now)),
        renewed: Some(micro_time(now)),
        transitions: 0,
    };
    let Some(claim) = &seen.claim else {
        return Move::Create(mine);
    };
    if claim.holder == candidate.identity {
        return Move::Update(Claim {
            acquired: claim.acquired.clone(),
            transitions: claim.transitions,
            ..mine
        });
    }
    let silent_until = seen
        .since
        .saturating_add(Duration::from_secs(claim.duration_seconds));
    if !claim.holder.is_empty() {
        if leads {
            return Move::Lost;
        }
        if monotonic < silent_until {
            return Move::Follow;
        }
    }
    Move::Update(Claim {
        transitions: claim.transitions.saturating_add(1),
        ..mine
    })
}

#[cfg(test)]
mod tests;
