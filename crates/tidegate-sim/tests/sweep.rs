//! Every scenario once more for every write of the controller: with a crash before it, a crash after
//! it, a lost answer, a conflict, and a server that cannot be reached.

use std::path::Path;

use tidegate_sim::{explore::sweep::sweep, faults::Cut};

/// Some scenarios are about an outage or a crash of their own; a second one changes their story.
const APART: [&str; 2] = ["api_is_unavailable", "pods_are_refused"];

#[expect(clippy::needless_pass_by_value, reason = "the harness hands it over")]
fn swept(path: &Path, text: String) -> datatest_stable::Result<()> {
    let name = path.file_stem().expect("a file has a name");
    if APART.contains(&name.to_string_lossy().as_ref()) {
        return Ok(());
    }
    let swept = sweep(&text, &Cut::ALL, manifest).map_err(|error| format!("{error:#}"))?;
    if swept.runs < swept.writes * Cut::ALL.len() {
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
