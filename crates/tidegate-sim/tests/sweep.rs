//! Every scenario once more for every write of the controller: with a crash before it, a crash after
//! it, a lost answer, a conflict, and a server that cannot be reached. A server that wants no more requests,
//! second leaders and watches that lag are left to `FAULTS=all`: what they still find is listed in
//! `docs/verification.md`.

use std::path::Path;

use tidegate_sim::{
    explore::sweep::{Faults, sweep},
    faults::Cut,
};

/// Some scenarios are about an outage or a crash of their own, and a second one changes their story; the
/// last four end otherwise when they are cut, which is open.
const APART: [&str; 6] = [
    "api_is_unavailable",
    "pods_are_refused",
    "namespace_terminates",
    "scaled_by_an_autoscaler",
    "paused_by_spec_during_a_pause",
    "only_for_canaries",
];

/// What every scenario goes through.
const FAULTS: Faults<'_> = Faults {
    cuts: &[
        Cut::CrashBefore,
        Cut::CrashAfter,
        Cut::LostAnswer,
        Cut::Conflict,
        Cut::Unavailable,
    ],
    lags: &[],
};

/// Everything. A watch that lags by more than four changes lags by all of them.
const ALL: Faults<'_> = Faults {
    cuts: &Cut::ALL,
    lags: &[1, 2, 4, usize::MAX],
};

#[expect(clippy::needless_pass_by_value, reason = "the harness hands it over")]
fn swept(path: &Path, text: String) -> datatest_stable::Result<()> {
    let name = path.file_stem().expect("a file has a name");
    if APART.contains(&name.to_string_lossy().as_ref()) {
        return Ok(());
    }
    let faults = match std::env::var("FAULTS").as_deref() {
        Ok("all") => &ALL,
        Ok("throttled") => &Faults { cuts: &[Cut::Throttled], lags: &[] },
        Ok("overlap") => &Faults { cuts: &[Cut::Overlap], lags: &[] },
        Ok("lags") => &Faults { cuts: &[], lags: &[1, 2, 4, usize::MAX] },
        _ => &FAULTS,
    };
    let swept = sweep(&text, faults, manifest).map_err(|error| format!("{error:#}"))?;
    if swept.cuts < swept.writes * faults.cuts.len() {
        return Err(format!("not every write was cut: {swept:?}").into());
    }
    Ok(())
}

fn manifest(path: &str) -> anyhow::Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Ok(std::fs::read_to_string(root.join(path))?)
}

datatest_stable::harness! {
    { test = swept, root = "scenarios", pattern = r".*\.yaml$" },
}
