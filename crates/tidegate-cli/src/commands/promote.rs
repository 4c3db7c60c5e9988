//! `promote NAME [--full]`: goes past a pause, or straight to the end (ACT-04, ACT-05, CLI-301…303).

use anyhow::bail;
use serde_json::{Value, json};
use tidegate_core::plan::ROLLOUTS;

use super::Streams;
use crate::connect::{Cluster, ConnectionArgs, Patch, is_not_found};

/// Promotes a rollout that is paused at a step. `--full` skips analysis, pauses and steps.
#[derive(clap::Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
pub struct Args {
    /// Which rollout
    #[arg(value_name = "ROLLOUT_NAME")]
    pub name: String,
    /// Perform a full promotion, skipping analysis, pauses, and steps
    #[arg(long)]
    pub full: bool,
    /// Skip the current step (deprecated: promote without a flag)
    #[arg(long, short = 'c', hide = true)]
    pub skip_current_step: bool,
    /// Skip the remaining steps (deprecated: use --full)
    #[arg(long, short = 'a', hide = true)]
    pub skip_all_steps: bool,
}

/// # Errors
/// When flags contradict each other or the Rollout, or when it cannot be patched.
pub(super) async fn run(
    connection: &ConnectionArgs,
    args: Args,
    streams: Streams<'_>,
) -> anyhow::Result<()> {
    let deprecated = [
        (args.skip_current_step, SKIP_CURRENT_STEP),
        (args.skip_all_steps, SKIP_ALL_STEPS),
    ];
    for (_, advice) in deprecated.into_iter().filter(|(given, _)| *given) {
        writeln!(streams.err, "{advice}")?;
    }
    let kind = Promotion::parse(&args)?;
    let cluster = Cluster::connect(connection).await?;
    promote(&cluster, &args.name, kind).await?;
    let how = match kind {
        Promotion::Full => "fully promoted",
        Promotion::Next | Promotion::SkipCurrentStep | Promotion::SkipAllSteps => "promoted",
    };
    writeln!(streams.out, "rollout '{}' {how}", args.name)?;
    Ok(())
}

const SKIP_CURRENT_STEP: &str = "Flag --skip-current-step has been deprecated, use without the flag instead ex: promote ROLLOUT_NAME";
const SKIP_ALL_STEPS: &str = "Flag --skip-all-steps has been deprecated, use --full instead";

/// How far a promotion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promotion {
    Next,
    Full,
    SkipCurrentStep,
    SkipAllSteps,
}

impl Promotion {
    fn parse(args: &Args) -> anyhow::Result<Self> {
        match (args.skip_current_step, args.skip_all_steps, args.full) {
            (true, true, _) => {
                bail!("Cannot use skip-current-step and skip-all-steps flags at the same time")
            }
            (true, false, _) => Ok(Self::SkipCurrentStep),
            (false, true, _) => Ok(Self::SkipAllSteps),
            (false, false, true) => Ok(Self::Full),
            (false, false, false) => Ok(Self::Next),
        }
    }
}

/// The patches of one promotion.
#[derive(Debug, Default, PartialEq)]
struct Patches {
    spec: Option<Value>,
    status: Option<Value>,
    /// Both in one, for clusters without the status subresource.
    unified: Option<Value>,
}

/// Patches the Rollout: first its status, then its spec.
///
/// # Errors
/// When it cannot be patched.
pub(crate) async fn promote(
    cluster: &Cluster,
    name: &str,
    promotion: Promotion,
) -> anyhow::Result<()> {
    let rollout = cluster.get(&ROLLOUTS, name).await?;
    let mut patches = patches(&rollout, promotion)?;
    if let Some(status) = &patches.status {
        match cluster.patch_status_only(&ROLLOUTS, name, status).await {
            Ok(_) => {}
            Err(error) if is_not_found(&error) => patches.spec = patches.unified.take(),
            Err(error) => return Err(error),
        }
    }
    if let Some(spec) = &patches.spec {
        cluster.patch(&ROLLOUTS, name, (Patch::Merge, spec)).await?;
    }
    Ok(())
}

fn patches(rollout: &Value, promotion: Promotion) -> anyhow::Result<Patches> {
    let spec = &rollout["spec"];
    let status = &rollout["status"];
    let steps = spec["strategy"]["canary"]["steps"].as_array().map(Vec::len);
    let unpause = || json!({"spec": {"paused": false}});
    let paused = spec["paused"] == true;
    if matches!(
        promotion,
        Promotion::SkipCurrentStep | Promotion::SkipAllSteps
    ) {
        if spec["strategy"]["blueGreen"].is_object() {
            bail!("Cannot skip steps of a bluegreen rollout. Run without a flags");
        }
        if steps.unwrap_or(0) == 0 {
            bail!("Cannot skip steps of a rollout without steps");
        }
    }
    Ok(match promotion {
        Promotion::SkipCurrentStep => index_only(next_index(rollout)),
        Promotion::SkipAllSteps => index_only(steps),
        Promotion::Full => Patches {
            spec: paused.then(unpause),
            status: (status["currentPodHash"] != status["stableRS"])
                .then(|| json!({"status": {"promoteFull": true}})),
            unified: Some(json!({"spec": {"paused": false}, "status": {"promoteFull": true}})),
        },
        Promotion::Next => next(rollout, paused.then(unpause)),
    })
}

fn index_only(index: Option<usize>) -> Patches {
    let status = index.map(|index| json!({"status": {"currentStepIndex": index}}));
    Patches {
        spec: None,
        unified: status.clone(),
        status,
    }
}

/// Either the pauses go or the step index goes on, never both, but for an inconclusive analysis.
fn next(rollout: &Value, spec: Option<Value>) -> Patches {
    let status = &rollout["status"];
    let is_paused = status["pauseConditions"]
        .as_array()
        .is_some_and(|pauses| !pauses.is_empty());
    let is_inconclusive =
        status["canary"]["currentStepAnalysisRunStatus"]["status"] == "Inconclusive";
    let mut unified = json!({"spec": {"paused": false}, "status": {"pauseConditions": null}});
    let status = if is_inconclusive && is_paused && status["controllerPause"] == true {
        next_index(rollout).map(|index| {
            json!({"status": {"pauseConditions": null, "controllerPause": false, "currentStepIndex": index}})
        })
    } else if is_paused {
        Some(json!({"status": {"pauseConditions": null}}))
    } else {
        next_index(rollout).map(|index| {
            unified["status"]["currentStepIndex"] = json!(index);
            json!({"status": {"pauseConditions": null, "currentStepIndex": index}})
        })
    };
    Patches {
        spec,
        status,
        unified: Some(unified),
    }
}

/// The index after the current one; `None` for a strategy without steps.
fn next_index(rollout: &Value) -> Option<usize> {
    let steps = rollout["spec"]["strategy"]["canary"]["steps"].as_array()?;
    if steps.is_empty() {
        return None;
    }
    let index = rollout["status"]["currentStepIndex"].as_u64().unwrap_or(0);
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    Some(index.saturating_add(1).min(steps.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canary(status: &Value) -> Value {
        json!({"spec": {"strategy": {"canary": {"steps": [{}, {}, {}]}}}, "status": status})
    }

    #[track_caller]
    fn check(rollout: &Value, promotion: Promotion, status: Option<&Value>) {
        assert_eq!(patches(rollout, promotion).unwrap().status.as_ref(), status);
    }

    #[test]
    fn a_pause_is_taken_away_without_touching_the_index() {
        check(
            &canary(
                &json!({"pauseConditions": [{"reason": "CanaryPauseStep"}], "currentStepIndex": 1}),
            ),
            Promotion::Next,
            Some(&json!({"status": {"pauseConditions": null}})),
        );
    }

    #[test]
    fn without_a_pause_the_index_goes_on_but_not_past_the_end() {
        check(
            &canary(&json!({"currentStepIndex": 3})),
            Promotion::Next,
            Some(&json!({"status": {"pauseConditions": null, "currentStepIndex": 3}})),
        );
    }

    #[test]
    fn an_inconclusive_analysis_is_gone_past() {
        check(
            &canary(&json!({
                "pauseConditions": [{"reason": "InconclusiveAnalysisRun"}],
                "controllerPause": true,
                "currentStepIndex": 1,
                "canary": {"currentStepAnalysisRunStatus": {"status": "Inconclusive"}},
            })),
            Promotion::Next,
            Some(
                &json!({"status": {"pauseConditions": null, "controllerPause": false, "currentStepIndex": 2}}),
            ),
        );
    }

    #[test]
    fn a_full_promotion_of_what_is_promoted_changes_no_status() {
        check(
            &canary(&json!({"currentPodHash": "a", "stableRS": "a"})),
            Promotion::Full,
            None,
        );
    }

    #[test]
    fn steps_of_a_rollout_without_steps_cannot_be_skipped() {
        let rollout = json!({"spec": {"strategy": {"canary": {}}}});
        assert!(patches(&rollout, Promotion::SkipAllSteps).is_err());
    }
}
