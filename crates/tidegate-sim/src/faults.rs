//! What can go wrong between the controller and the cluster.

use tidegate_core::plan::Write;

use crate::cluster::Cluster;

/// What a broken controller writes in place of a write; `None` leaves it as it is. So that every check
/// can be shown to fail.
pub type Tamper = fn(&Cluster, &Write) -> Option<Write>;

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
}

impl Cut {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::LostAnswer,
        Self::Conflict,
        Self::Unavailable,
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
    /// It refuses to create objects of this kind, in these words.
    Refuses {
        /// Such as `ReplicaSet`.
        kind: String,
        /// Such as `exceeded quota`.
        with: String,
    },
}

/// Everything that goes wrong in a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How many writes the controller has tried so far.
    pub writes: usize,
    /// What goes wrong at the write of this number, counted from 0.
    pub cut: Option<(usize, Cut)>,
    /// How the API server treats writes now.
    pub weather: Weather,
    /// Whether the controller is a broken one.
    pub tamper: Option<Tamper>,
}

impl Faults {
    /// Counts a write and tells what goes wrong with it.
    pub(crate) fn strike(&mut self) -> Option<Cut> {
        let number = self.writes;
        self.writes += 1;
        self.cut.filter(|(at, _)| *at == number).map(|(_, cut)| cut)
    }
}
