//! Every scenario once more for every write of the controller: with a crash before it, a crash after
//! it, a lost answer, a conflict, a server that cannot be reached or wants no more requests, and a second
//! leader; for every pass that writes, with each watch lagging behind; and once with each watch losing a change. `FAULTS` tries only a part.

use std::path::Path;

use tidegate_sim::{
    explore::sweep::{Faults, Losses, sweep},
    faults::Cut,
};

/// Everything. A watch that lags by more than four changes lags by all of them, for a while.
const ALL: Faults<'_> = Faults {
    cuts: &Cut::ALL,
    lags: &[1, 2, 4, usize::MAX],
    losses: Losses::OneOfEachKind,
};

/// What goes wrong with single writes.
const CUTS: Faults<'_> = Faults {
    cuts: ALL.cuts,
    lags: &[],
    losses: Losses::None,
};

/// What watches do.
const LAGS: Faults<'_> = Faults {
    cuts: &[],
    lags: ALL.lags,
    losses: Losses::None,
};

/// What watches lose.
const LOSSES: Faults<'_> = Faults {
    cuts: &[],
    lags: &[],
    losses: ALL.losses,
};

/// The same from every pass on. Not every promise holds then.
const EVERY_LOSS: Faults<'_> = Faults {
    losses: Losses::All,
    ..LOSSES
};

#[expect(clippy::needless_pass_by_value, reason = "the harness hands it over")]
fn swept(_path: &Path, text: String) -> datatest_stable::Result<()> {
    let faults = match std::env::var("FAULTS").as_deref() {
        Err(_) => &ALL,
        Ok("cuts") => &CUTS,
        Ok("lags") => &LAGS,
        Ok("losses") => &LOSSES,
        Ok("every-loss") => &EVERY_LOSS,
        Ok(other) => return Err(format!("FAULTS is {other}, which is none").into()),
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
