//! Every reason: why something is done, held back or waited for, as one sentence for people.

use std::fmt;

use crate::plan::ObjectKey;

/// Why. Every effect, every wait and every hold has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A ReplicaSet must be created for a template that has none.
    NewTemplate {
        /// Pod template hash.
        hash: String,
    },
    /// Notes on an object follow the Rollout (revision, annotations, minReadySeconds).
    FollowsRollout,
    /// A step asks for it.
    StepAsks {
        /// Counted from 1, as events do.
        number: i32,
        /// The step in words, such as `setWeight: 20`.
        words: String,
    },
    /// The Rollout's replica count asks for it.
    ReplicasChanged {
        /// `spec.replicas`.
        replicas: i32,
    },
    /// The pods asked for are not all available.
    AwaitsPods {
        /// Which ReplicaSet.
        replica_set: String,
        /// How many are available.
        available: i32,
        /// How many are needed.
        needed: i32,
    },
    /// A step that is not carried out yet.
    NotSupported {
        /// Counted from 1.
        number: i32,
        /// The step in words, such as `plugin: org/hook`.
        words: String,
    },
    /// A pause with an end.
    Paused {
        /// Counted from 1.
        number: i32,
    },
    /// A pause that a person ends.
    AwaitsPromotion {
        /// Counted from 1.
        number: i32,
    },
    /// `spec.paused`, or an inconclusive analysis: nothing moves.
    Halted {
        /// What halts it.
        by: &'static str,
    },
    /// An AnalysisRun decides.
    AwaitsAnalysis {
        /// Its name.
        name: String,
    },
    /// An Experiment decides.
    AwaitsExperiment {
        /// Its name.
        name: String,
    },
    /// The update was aborted.
    Aborted,
    /// The template went back to the stable one.
    BackToStable,
    /// The new version is now the stable one.
    Promoted,
    /// A person asked to skip what is left.
    PromoteFull,
    /// Superseded or expired: nobody uses it any more.
    Unused {
        /// Which ReplicaSet.
        replica_set: String,
    },
    /// A ReplicaSet is kept until its scale-down deadline.
    ScaleDownDelay {
        /// Which ReplicaSet.
        replica_set: String,
    },
    /// More revisions are kept than the history limit allows.
    HistoryLimit,
    /// The progress deadline may have passed by then.
    ProgressDeadline,
    /// The object cannot be acted upon until somebody mends it; the sentence names object, field and remedy.
    Invalid {
        /// The sentence.
        message: String,
    },
    /// Something that is read is missing.
    Missing {
        /// Which object.
        object: ObjectKey,
    },
    /// A measurement is due.
    MeasurementDue {
        /// Which metric.
        metric: String,
    },
    /// A field that the API would default.
    Default,
    /// Anything that only one place says; the sentence itself.
    Because(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewTemplate { hash } => {
                write!(formatter, "template {hash} has no ReplicaSet yet")
            }
            Self::FollowsRollout => formatter.write_str("it follows the Rollout"),
            Self::StepAsks { number, words } => write!(formatter, "step {number} asks for {words}"),
            Self::ReplicasChanged { replicas } => {
                write!(formatter, "spec.replicas is {replicas}")
            }
            Self::AwaitsPods {
                replica_set,
                available,
                needed,
            } => write!(
                formatter,
                "{replica_set} has {available} of {needed} pods available"
            ),
            Self::Paused { number } => write!(formatter, "step {number} pauses"),
            Self::AwaitsPromotion { number } => {
                write!(formatter, "step {number} pauses until somebody promotes")
            }
            Self::Halted { by } => write!(formatter, "halted: {by}"),
            Self::AwaitsAnalysis { name } => write!(formatter, "AnalysisRun {name} decides"),
            Self::AwaitsExperiment { name } => write!(formatter, "Experiment {name} decides"),
            Self::Aborted => formatter.write_str("the update was aborted"),
            Self::BackToStable => formatter.write_str("the template is the stable one again"),
            Self::Promoted => formatter.write_str("the new version is the stable one"),
            Self::PromoteFull => formatter.write_str("full promotion was requested"),
            Self::Unused { replica_set } => write!(formatter, "nobody uses {replica_set}"),
            Self::ScaleDownDelay { replica_set } => {
                write!(formatter, "{replica_set} is kept until its deadline")
            }
            Self::HistoryLimit => formatter.write_str("the revision history is full"),
            Self::ProgressDeadline => formatter.write_str("the progress deadline may pass"),
            Self::NotSupported { number, words } => write!(
                formatter,
                "spec.strategy.canary.steps[{}] ({words}) is not supported yet: promote to go past it, \
                 or take it out of the steps",
                number.saturating_sub(1)
            ),
            Self::Invalid { message } => formatter.write_str(message),
            Self::Missing { object } => write!(formatter, "{object} is missing"),
            Self::MeasurementDue { metric } => {
                write!(formatter, "a measurement of {metric} is due")
            }
            Self::Default => formatter.write_str("the field has a default"),
            Self::Because(sentence) => formatter.write_str(sentence),
        }
    }
}
