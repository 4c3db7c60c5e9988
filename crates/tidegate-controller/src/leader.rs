//! Leader election: looks at the Lease, does what `core/leadership.rs` says, and opens the fence for as
//! long as the Lease is ours. Losing it is for good: the process ends (OPS-06).

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use http::Request;
use serde_json::{Value, json};
use tidegate_core::{
    leadership::{self, Candidate, Claim, Move, Seen},
    plan::{LEASES, ObjectKey},
    run::{Failure, Outcome},
};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use crate::{
    apply::{self, Door, LeaseWrite},
    clock::Clock,
    fence::Fence,
    path,
    server::{Server, Unanswered},
};

/// The namespace of the controller if neither the environment nor the pod says one (OPS-03).
const NAMESPACE: &str = "argo-rollouts";
/// Where a pod finds its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// How long letting go may take: whoever comes next would have to wait for the Lease's end otherwise.
const RELEASE: Duration = Duration::from_secs(3);
/// The part of the retry period after which a Lease that somebody else just changed is read again.
const SOON: u32 = 20;

/// Where this process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Another leads, or nobody yet.
    Follows,
    /// We lead.
    Leads,
    /// We led, and must not write any more.
    Lost,
}

/// The loop's state.
pub(crate) struct Elector {
    server: Server,
    door: Door,
    fence: Fence,
    clock: Clock,
    lock: ObjectKey,
    candidate: Candidate,
    origin: Instant,
    /// The Lease as last read or written; `None` if it has to be read first.
    lease: Option<Value>,
    seen: Seen,
    standing: watch::Sender<Standing>,
}

/// It is lost.
struct Lost;

impl Elector {
    /// One that has looked at nothing yet.
    pub(crate) fn new(
        server: Server,
        fence: Fence,
        clock: Clock,
        (lock, candidate): (ObjectKey, Candidate),
    ) -> Self {
        server.metrics.leads(Standing::Follows);
        Self {
            door: Door::new(server.clone(), fence.clone()),
            server,
            fence,
            clock,
            lock,
            candidate,
            origin: Instant::now(),
            lease: None,
            seen: Seen {
                claim: None,
                since: Duration::ZERO,
                renewed: None,
            },
            standing: watch::Sender::new(Standing::Follows),
        }
    }

    /// Where this process stands, now and later.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Runs until the Lease is lost, or until it is to be let go.
    pub(crate) async fn run(mut self, mut release: oneshot::Receiver<()>) {
        loop {
            let Ok(pause) = self.turn().await else {
                self.fence.close();
                self.server.metrics.leads(Standing::Lost);
                self.standing.send_replace(Standing::Lost);
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = &mut release => return self.release().await,
            }
        }
    }

    /// Looks and acts once; how long to wait before the next time.
    async fn turn(&mut self) -> Result<Duration, Lost> {
        if self.lease.is_none()
            && let Err(error) = self.look().await
        {
            tracing::warn!(lease = %self.lock.name, namespace = %self.lock.namespace, %error, "cannot read the Lease");
            return match self.decide() {
                Move::Lost => Err(Lost),
                Move::Create(_) | Move::Update(_) | Move::Follow => Ok(self.pause()),
            };
        }
        match self.decide() {
            Move::Lost => Err(Lost),
            Move::Follow => {
                // Others change it: it has to be read each time.
                self.lease = None;
                Ok(self.pause())
            }
            Move::Create(claim) => {
                self.lease = None;
                let metadata = json!({"name": self.lock.name, "namespace": self.lock.namespace});
                let lease = json!({
                    "apiVersion": LEASES.api_version(),
                    "kind": LEASES.kind,
                    "metadata": metadata,
                });
                self.claim(claim, lease, LeaseWrite::Create).await
            }
            Move::Update(claim) => {
                let lease = self.lease.take().unwrap_or_default();
                self.claim(claim, lease, LeaseWrite::Update).await
            }
        }
    }

    fn decide(&self) -> Move {
        let now = self.clock.now();
        leadership::next(&self.candidate, &self.seen, self.monotonic(), now)
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Until the next try, but never past the instant at which a leader has to end.
    fn pause(&self) -> Duration {
        let terms = self.candidate.terms;
        match self.seen.renewed {
            Some(renewed) => {
                let end = renewed.saturating_add(terms.renew);
                terms.retry.min(end.saturating_sub(self.monotonic()))
            }
            None => terms.retry,
        }
    }

    /// How long one request may take: half the deadline, so that a second one has a chance.
    fn limit(&self) -> Duration {
        let half = self.candidate.terms.renew / 2;
        match self.seen.renewed {
            Some(renewed) => {
                let end = renewed.saturating_add(self.candidate.terms.renew);
                half.min(end.saturating_sub(self.monotonic()))
            }
            None => half,
        }
    }

    async fn look(&mut self) -> Result<(), String> {
        let place = path::of_object(&self.lock).map_err(|error| error.to_string())?;
        let request = Request::get(place)
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        let lease = match self.server.send(request, self.limit()).await {
            Ok(text) => serde_json::from_str(&text).map_err(|error| error.to_string())?,
            Err(Unanswered::Refused(refused)) if refused.code == 404 => Value::Null,
            Err(error) => return Err(error.to_string()),
        };
        let claim = (!lease.is_null()).then(|| Claim::of_lease(&lease));
        if claim != self.seen.claim {
            if let Some(claim) = &claim
                && self.seen.claim.as_ref().map(|known| &known.holder) != Some(&claim.holder)
            {
                tracing::info!(holder = %claim.holder, me = %self.candidate.identity, "the Lease is held");
            }
            self.seen.since = self.monotonic();
            self.seen.claim = claim;
        }
        self.lease = Some(lease);
        Ok(())
    }

    async fn claim<'a>(
        &'a mut self,
        claim: Claim,
        mut lease: Value,
        form: fn(&'a ObjectKey, Value) -> LeaseWrite<'a>,
    ) -> Result<Duration, Lost> {
        claim.put_into(&mut lease);
        let sent = self.monotonic();
        let limit = self.limit();
        let outcome = apply::send_lease(&self.door, form(&self.lock, lease), limit).await;
        match outcome {
            Outcome::Done(lease) => {
                self.lease = Some((*lease).clone());
                self.seen = Seen {
                    claim: Some(claim),
                    since: sent,
                    renewed: Some(sent),
                };
                self.fence
                    .extend(self.origin + sent + self.candidate.terms.renew);
                if *self.standing.borrow() != Standing::Leads {
                    tracing::info!(lease = %self.lock.name, namespace = %self.lock.namespace, me = %self.candidate.identity, "this controller leads");
                    self.server.metrics.leads(Standing::Leads);
                    self.standing.send_replace(Standing::Leads);
                }
                Ok(self.pause())
            }
            Outcome::Failed(Failure::Conflict | Failure::AlreadyExists | Failure::NotFound) => {
                Ok(self.candidate.terms.retry / SOON)
            }
            Outcome::Failed(
                failure @ (Failure::Refused(_)
                | Failure::Protected(_)
                | Failure::Unavailable(_)
                | Failure::Unknown(_)
                | Failure::Inexpressible(_)
                | Failure::Contested(_)),
            ) => {
                tracing::warn!(lease = %self.lock.name, namespace = %self.lock.namespace, ?failure, "cannot write the Lease");
                Ok(self.pause())
            }
        }
    }

    /// Lets the Lease go, so that the next leader need not wait for its end. Differs from upstream, which
    /// leaves it to expire: because by now nothing of this process writes any more.
    async fn release(mut self) {
        self.fence.close();
        if self.seen.renewed.is_none() {
            return;
        }
        if self.lease.is_none()
            && let Err(error) = self.look().await
        {
            tracing::debug!(%error, "the Lease stays until it expires");
            return;
        }
        let (Some(claim), Some(mut lease)) = (self.seen.claim, self.lease) else {
            return;
        };
        if claim.holder != self.candidate.identity {
            return;
        }
        claim.released(self.clock.now()).put_into(&mut lease);
        let write = LeaseWrite::Update(&self.lock, lease);
        match apply::send_lease(&self.door, write, RELEASE).await {
            Outcome::Done(_) => tracing::info!(lease = %self.lock.name, "let go of the Lease"),
            Outcome::Failed(failure) => {
                tracing::debug!(?failure, "the Lease stays until it expires");
            }
        }
    }
}

/// The Lease of this instance of the controller.
pub(crate) fn lock(instance_id: &str) -> ObjectKey {
    ObjectKey::new(LEASES, &namespace(), &leadership::lock_name(instance_id))
}

/// The namespace of the controller (OPS-03).
pub(crate) fn namespace() -> String {
    let from_pod = || std::fs::read_to_string(POD_NAMESPACE).ok();
    std::env::var("POD_NAMESPACE")
        .ok()
        .filter(|name| !name.is_empty())
        .or_else(from_pod)
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| NAMESPACE.to_owned())
}

/// Who this process is: the machine's name, and an id that no other process has.
pub(crate) fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| "localhost".to_owned());
    format!("{host}_{}", random_uuid())
}

/// A version 4 UUID of the randomness that the standard library seeds its maps with.
fn random_uuid() -> String {
    let bits = |salt: u8| RandomState::new().hash_one((salt, std::process::id()));
    let (high, low) = (bits(0), bits(1));
    let all = (u128::from(high) << 64) | u128::from(low);
    let version = (all & !(0xf_u128 << 76)) | (0x4_u128 << 76);
    let text = format!("{:032x}", (version & !(0x3_u128 << 62)) | (0x2_u128 << 62));
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_on_one_machine_have_two_names() {
        let (one, other) = (identity(), identity());
        assert_ne!(one, other);
        let (_, id) = one.rsplit_once('_').unwrap();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
    }
}
