//! An AnalysisRun that cannot be read as one: it ends with a sentence that names the field, and the
//! Rollout that waits for it learns of that (ANA-20).

use jiff::Timestamp;
use serde_json::{Value, json};
use tidegate_api::{
    analysis::{AnalysisRun, AnalysisRunStatus, phase},
    meta::{ObjectMeta, Time},
};

use super::{Concluded, conclude::completed, is_completed};
use crate::{
    plan::{ANALYSIS_RUNS, Class, Guard, ObjectKey, Verb, Write},
    reason::Reason,
};

/// The write and the event that say so, unless the run is over.
pub fn conclude(metadata: &ObjectMeta, status: &Value, error: &str, now: Timestamp) -> Concluded {
    if is_completed(recorded(status, "phase")) || metadata.deletion_timestamp.is_some() {
        return Concluded::default();
    }
    let message = message(error);
    let write = Write {
        verb: Verb::Patch,
        target: ObjectKey::new(ANALYSIS_RUNS, &metadata.namespace, &metadata.name),
        guard: Guard::Version {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        },
        body: json!({"status": {
            "phase": phase::ERROR,
            "message": message,
            "completedAt": Time::new(now).to_string(),
        }}),
        class: Class::Status,
        events: Vec::new(),
        reason: Reason::Invalid { message },
    };
    Concluded {
        write: Some(write),
        events: vec![completed(phase::ERROR)],
        ..Concluded::default()
    }
}

/// What a Rollout sees in its place: a run that measures nothing and has ended, with the error unless
/// it had ended before.
pub fn stand_in(metadata: &ObjectMeta, status: &Value, error: &str) -> AnalysisRun {
    let mut status = AnalysisRunStatus {
        phase: recorded(status, "phase").to_owned(),
        message: recorded(status, "message").to_owned(),
        ..AnalysisRunStatus::default()
    };
    if !is_completed(&status.phase) {
        phase::ERROR.clone_into(&mut status.phase);
        status.message = message(error);
    }
    AnalysisRun {
        metadata: metadata.clone(),
        status,
        ..AnalysisRun::default()
    }
}

fn recorded<'a>(status: &'a Value, member: &str) -> &'a str {
    status[member].as_str().unwrap_or_default()
}

fn message(error: &str) -> String {
    format!("Analysis spec invalid: {error}; correct the template that it was made from, and retry")
}
