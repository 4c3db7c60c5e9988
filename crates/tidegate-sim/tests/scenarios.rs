//! One YAML file is one test; the trace beside it is what must happen.

use std::path::Path;

#[expect(clippy::needless_pass_by_value, reason = "the harness hands it over")]
fn scenario(path: &Path, text: String) -> datatest_stable::Result<()> {
    let trace =
        tidegate_sim::explore::play(&text, manifest).map_err(|error| format!("{error:#}"))?;
    let mut beside = insta::Settings::clone_current();
    let folder = path.parent().expect("scenarios live in folders");
    beside.set_snapshot_path(folder.canonicalize()?);
    beside.set_prepend_module_to_snapshot(false);
    beside.set_omit_expression(true);
    let name = path.file_stem().expect("a file has a name");
    beside.bind(|| insta::assert_snapshot!(name.to_string_lossy().as_ref(), trace));
    Ok(())
}

fn manifest(path: &str) -> anyhow::Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Ok(std::fs::read_to_string(root.join(path))?)
}

datatest_stable::harness! {
    { test = scenario, root = "scenarios", pattern = r".*\.yaml$" },
}
