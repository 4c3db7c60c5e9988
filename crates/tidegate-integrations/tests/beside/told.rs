//! What is told of a file, compared with the text beside it.

use std::path::Path;

/// Compares.
///
/// # Errors
/// When the folder of the file cannot be found.
pub(crate) fn compare(path: &Path, told: &str) -> datatest_stable::Result<()> {
    let mut beside = insta::Settings::clone_current();
    let folder = path.parent().expect("a file lies in a folder");
    beside.set_snapshot_path(folder.canonicalize()?);
    beside.set_prepend_module_to_snapshot(false);
    beside.set_omit_expression(true);
    let name = path.file_stem().expect("a file has a name");
    beside.bind(|| insta::assert_snapshot!(name.to_string_lossy().as_ref(), told));
    Ok(())
}
