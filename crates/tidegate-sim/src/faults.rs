//! What can go wrong between the controller and the cluster.

use jiff::{SignedDuration, Timestamp};
use tidegate_core::{
    plan::{Verb, Write},
    run::{Failure, Unavailable},
};

use crate::{cluster::Cluster, digest::Digest};

/// What a broken controller writes in place of a write; `None` leaves it as it is. So that every check
/// can be shown to fail.
pub type Tamper = fn(&Cluster, &Write) -> Option<Write>;

/// Something that keeps a controller safe and is taken away from it, to show what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// It does not wait until it has seen its own writes.
    Ledger,
    /// It tries again at once what somebody else was faster at.
    Patience,
    /// It does not hear of changes of Rollouts.
    Ears,
    /// It does not wake when it wanted to.
    Wakes,
    /// It takes the caches' word for it that a Rollout stays.
    Doubt,
    /// It moves traffic and takes pods away without a look at the Rollout.
    Glance,
    /// It writes once about each Rollout after it has started, although everything rests.
    Rest,
    /// It acts before it has listed every kind.
    Sync,
    /// It writes at once what somebody takes back, as often as it is taken back.
    BackOff,
    /// It goes on as soon as a field that somebody takes back is written.
    Mistrust,
    /// It writes although its Lease may be another's.
    Fence,
    /// It never holds its caches against the cluster.
    Checks,
}

/// A broken controller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Broken {
    /// What it writes in place of a write.
    pub tamper: Option<Tamper>,
    /// What it lacks.
    pub lacks: Option<Lacks>,
}

/// One thing that goes wrong at one write of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The controller dies before the write is sent.
    CrashBefore,
    /// The write commits, and the controller dies before it learns so.
    CrashAfter,
    /// The write commits, and the answer is lost.
    LostAnswer,
    /// Somebody else was faster: 409.
    Conflict,
    /// The server cannot be reached: the write does not commit.
    Unavailable,
    /// Too many requests, 429: neither this write nor any other of the next second commits.
    Throttled,
    /// A second leader starts just before the write, does everything that it finds to do, and then both
    /// go on side by side; after a while the first one is gone.
    Overlap,
}

impl Cut {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::LostAnswer,
        Self::Conflict,
        Self::Unavailable,
        Self::Throttled,
        Self::Overlap,
    ];
}

/// How the API server treats the controller's writes for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// As it should.
    #[default]
    Fair,
    /// It cannot be reached.
    Unavailable,
    /// The status of an AnalysisRun takes so long to arrive.
    Slow(SignedDuration),
    /// It gives this answer to some writes.
    Answers {
        /// Which.
        to: Concerned,
        /// What it says.
        answer: Answer,
        /// How many more of them get it; without it, all.
        times: Option<u32>,
    },
}

/// Which writes are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Of this verb; without it, all.
    pub verb: Option<Verb>,
    /// Of objects of this kind, such as `ReplicaSet`; without it, all.
    pub kind: Option<String>,
    /// Of the object of this name; without it, all.
    pub name: Option<String>,
}

/// What the API server says to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does not commit, and the answer says why.
    Fails(Failure),
    /// It commits, and nobody hears of it.
    Lost,
}

impl Concerned {
    /// Whether a write is meant.
    fn means(&self, write: &Write) -> bool {
        let target = &write.target;
        self.verb.is_none_or(|verb| verb == write.verb)
            && self
                .kind
                .as_ref()
                .is_none_or(|kind| target.resource.kind == *kind)
            && self.name.as_ref().is_none_or(|name| target.name == *name)
    }
}

impl Answer {
    /// What the controller makes of a status code, as its door does.
    pub fn of_code(code: u16, words: &str) -> Self {
        let text = words.to_owned();
        Self::Fails(match code {
            404 => Failure::NotFound,
            409 => Failure::Conflict,
            429 | 503 => Failure::Unavailable(Unavailable::because(text)),
            500 | 502 | 504 => Failure::Unknown(text),
            _ => Failure::Refused(text),
        })
    }
}

/// Everything that goes wrong in a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How many writes the controller has tried so far.
    pub writes: usize,
    /// What goes wrong at the write of this number, counted from 0.
    pub cut: Option<(usize, Cut)>,
    /// Until when every write is refused with 429.
    pub throttled: Option<Timestamp>,
    /// Whether every write is sent twice, as by a network that repeats what it has delivered.
    pub delivery: Delivery,
    /// How the API server treats writes now.
    pub weather: Weather,
    /// Whether the controller is a broken one.
    pub broken: Broken,
}

/// How often a write arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// As often as it was sent.
    #[default]
    Once,
    /// Once more, just after it has committed.
    Twice,
}

impl Faults {
    /// Counts a write and tells what goes wrong with it.
    pub(crate) fn strike(&mut self) -> Option<Cut> {
        let number = self.writes;
        self.writes += 1;
        self.cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut)
    }

    /// Whether something went wrong at a write since so many were tried.
    pub(crate) fn has_struck_since(&self, writes: usize) -> bool {
        self.cut
            .is_some_and(|(at, _)| (writes..self.writes).contains(&at))
    }

    /// What the weather does to a write.
    pub(crate) fn answer(&mut self, write: &Write) -> Option<Answer> {
        match &mut self.weather {
            Weather::Fair | Weather::Slow(_) => None,
            Weather::Unavailable => Some(Answer::of_code(503, "the server is unavailable")),
            Weather::Answers { to, answer, times } => {
                if !to.means(write) || *times == Some(0) {
                    return None;
                }
                if let Some(times) = times {
                    *times -= 1;
                }
                Some(answer.clone())
            }
        }
    }

    /// Ends what has lasted long enough.
    pub(crate) fn clear_up(&mut self, now: Timestamp) {
        self.throttled = self.throttled.filter(|until| now < *until);
    }

    /// What the future depends on; `None` while the cut is still to come.
    pub(crate) fn digest(&self, digest: &mut Digest) -> Option<()> {
        if self.cut.is_some_and(|(at, _)| at >= self.writes) {
            return None;
        }
        digest.text(&format!("{:?}", self.weather));
        digest.some_instant(self.throttled);
        Some(())
    }
}
