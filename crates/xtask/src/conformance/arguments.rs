//! Area `templates`: how `{{args.x}}` is filled in. The file's other cases ask for notification templates.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;
use tidegate_api::analysis::Argument;
use tidegate_core::analysis_run::{Secrets, args};

use super::{
    Report,
    cases::{Case, check_file},
};

const FILE: &str = "templates.jsonl";

/// Runs the area.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    // Cases that we do not answer are told as such, and not counted.
    let mut report = check_file(folder, FILE, |case| {
        let ours = match case.value["mode"].as_str() {
            None => return Ok(Some(UNASKED.to_owned())),
            Some("args") => answer(case, args::substitute)?,
            Some("quotedArgs") => answer(case, args::substitute_quoted)?,
            Some(other) => bail!("unknown mode {other}"),
        };
        let recorded = match case.error() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case.text("output")?.to_owned()),
        };
        Ok((ours != recorded).then(|| format!("recorded {recorded:?}, ours {ours:?}")))
    })?;
    report
        .failures
        .retain(|failure| !failure.ends_with(UNASKED));
    Ok(vec![report])
}

const UNASKED: &str = "not asked";

fn answer(
    case: &Case,
    substitute: fn(&str, &args::Values) -> Result<String, String>,
) -> Result<Result<String, String>> {
    let given = Vec::<Argument>::deserialize(&case.value["args"])?;
    let template = case.text("template")?;
    Ok(
        args::with_secrets(&given, &Secrets::new())
            .and_then(|values| substitute(template, &values)),
    )
}
