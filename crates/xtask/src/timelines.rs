//! `cargo xtask timelines`: what a controller does on a real control plane, in which order, beside what
//! was recorded of Argo Rollouts.
//!
//! The harness compares every field but the sizes of ReplicaSets and the events, which are compared here: when
//! several pods get ready together, kube-controller-manager may tell of them at once or one after the other, and
//! a rolling controller then takes one step or two, each with its event. Everything else has to agree.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A recording: for each field the values that it had, one after the other.
type Recording = BTreeMap<String, Value>;

/// What the recordings call the sizes of ReplicaSets.
const SIZES: &str = "size.";

/// What the recordings call the events.
const EVENTS: &str = "events";

/// The event of a step that changes a size.
const SCALED: &str = "ScalingReplicaSet";

/// Argo Rollouts' recorder drops what comes after so many events of one object.
const MOST_EVENTS: usize = 25;

/// What a recording lists here differed between runs of the same controller.
const VARIES: &str = "varies";

/// Plays the stories `only`, or all, with the harness at `harness`, and compares with `recordings`; `work`
/// is an empty folder for both. `apart` names what differs on purpose, each a story and one of its fields:
/// `nginx-abort:events`.
///
/// # Errors
/// If anything differs, or the harness cannot be run.
pub(crate) fn run(
    harness: &Path,
    recordings: &Path,
    work: &Path,
    (only, apart): (&[String], &[String]),
) -> Result<()> {
    let wanted = work.join("wanted");
    let played = work.join("played");
    let names = leave_out(recordings, &wanted, (only, apart))?;
    let agree = Command::new(harness)
        .arg("--record")
        .arg(&played)
        .arg("--compare")
        .arg(&wanted)
        .arg("--only")
        .args(&names)
        .status()
        .with_context(|| format!("cannot run {}", harness.display()))?
        .success();
    let mut problems = Vec::new();
    for name in &names {
        let file = format!("{name}.json");
        let got = played.join(&file);
        if !got.exists() {
            problems.push(format!("{name}: was not played"));
            continue;
        }
        let (want, got) = (read(&recordings.join(&file))?, read(&got)?);
        problems.extend(compare(name, &want, &got));
        if !apart.contains(&format!("{name}:{EVENTS}")) {
            problems.extend(compare_events(name, &want, &got));
        }
    }
    let mut out = std::io::stdout();
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    let (stories, differences) = (names.len(), problems.len());
    writeln!(
        out,
        "sizes and events: {stories} stories, {differences} differences"
    )?;
    if !agree || !problems.is_empty() {
        bail!("not everything happens as recorded");
    }
    Ok(())
}

/// Writes the recordings anew, with their sizes and what differs on purpose among what is not compared;
/// gives the names of their stories.
fn leave_out(
    recordings: &Path,
    folder: &Path,
    (only, apart): (&[String], &[String]),
) -> Result<Vec<String>> {
    fs::create_dir_all(folder)?;
    let mut names = if only.is_empty() {
        stories(recordings)?
    } else {
        only.to_vec()
    };
    names.sort();
    for name in &names {
        let file = format!("{name}.json");
        let mut recording = read(&recordings.join(&file))?;
        let is_apart = |field: &str| apart.contains(&format!("{name}:{field}"));
        let left: Vec<Value> = recording
            .keys()
            .filter(|field| field.starts_with(SIZES) || *field == EVENTS || is_apart(field))
            .map(|field| Value::from(field.as_str()))
            .collect();
        let varies = recording
            .entry(VARIES.to_owned())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = varies {
            list.extend(left);
        }
        fs::write(folder.join(&file), serde_json::to_vec(&recording)?)?;
    }
    Ok(names)
}

/// The stories of a folder of recordings.
fn stories(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path: PathBuf = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn read(path: &Path) -> Result<Recording> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no recording", path.display()))
}

/// What differs between the sizes of two recordings of a story.
fn compare(name: &str, want: &Recording, got: &Recording) -> Vec<String> {
    let varies = |field: &str| varies(want, field);
    let mut fields: Vec<&String> = want.keys().chain(got.keys()).collect();
    fields.sort();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| field.starts_with(SIZES) && !varies(field))
        .filter_map(|field| {
            let [want, got] = [want, got].map(|recording| {
                let sizes = recording.get(field).and_then(Value::as_array);
                sizes.map_or(&[][..], Vec::as_slice)
            });
            (!agree(want, got)).then(|| {
                let [want, got] = [want, got].map(|sizes| Value::from(sizes.to_vec()));
                format!("{name}: {field} differs\n    want {want}\n    got  {got}")
            })
        })
        .collect()
}

/// Whether a field differed between runs of the controller that was recorded.
fn varies(want: &Recording, field: &str) -> bool {
    let fields = want.get(VARIES).and_then(Value::as_array);
    fields.is_some_and(|fields| fields.iter().any(|other| other.as_str() == Some(field)))
}

/// What differs between the events of two recordings of a story: reasons and types, in their order. Where sizes
/// stopped elsewhere on their way, there may be more or fewer steps at the same place, but not none.
fn compare_events(name: &str, want: &Recording, got: &Recording) -> Option<String> {
    if varies(want, EVENTS) {
        return None;
    }
    let [wanted, told] = [want, got].map(kinds_of_events);
    let same = |one: &[Kind], other: &[Kind]| {
        if one.len() < MOST_EVENTS || other.len() < MOST_EVENTS {
            return one == other;
        }
        one[..MOST_EVENTS] == other[..MOST_EVENTS]
    };
    let sizes = |recording: &Recording| -> Vec<Value> {
        let sizes = recording.iter().filter(|(name, _)| name.starts_with(SIZES));
        sizes.map(|(_, sizes)| sizes.clone()).collect()
    };
    let stopped_elsewhere = || sizes(want) != sizes(got);
    let agrees = same(&wanted, &told)
        || (stopped_elsewhere() && same(&steps_as_one(&wanted), &steps_as_one(&told)));
    (!agrees).then(|| format!("{name}: events differ\n    want {wanted:?}\n    got  {told:?}"))
}

/// An event's reason and type.
type Kind = (String, String);

fn kinds_of_events(recording: &Recording) -> Vec<Kind> {
    let text = |event: &Value, place: usize| event[place].as_str().unwrap_or_default().to_owned();
    let events = recording.get(EVENTS).and_then(Value::as_array);
    let events = events.map_or(&[][..], Vec::as_slice).iter();
    events
        .map(|event| (text(event, 0), text(event, 1)))
        .collect()
}

/// The events with steps that follow one another as one.
fn steps_as_one(events: &[Kind]) -> Vec<Kind> {
    let mut left = events.to_vec();
    left.dedup_by(|next, last| next == last && last.0 == SCALED);
    left
}

/// Whether two sequences of sizes are the same, but for sizes on the way from one to another that only one
/// of them stopped at.
fn agree(want: &[Value], got: &[Value]) -> bool {
    match (want, got) {
        ([], []) => true,
        ([before, want @ ..], [same, got @ ..]) if before == same => agree_after(before, want, got),
        _ => false,
    }
}

/// The same for what comes after a size that both had.
fn agree_after(before: &Value, want: &[Value], got: &[Value]) -> bool {
    if want.is_empty() && got.is_empty() {
        return true;
    }
    if want.first() == got.first() {
        return agree(want, got);
    }
    let without = |sizes: &[Value]| match sizes {
        [stop, after, ..] => is_between(before, stop, after),
        _ => false,
    };
    (without(want) && agree_after(before, &want[1..], got))
        || (without(got) && agree_after(before, want, &got[1..]))
}

/// Whether a size lies strictly between two others.
fn is_between(before: &Value, stop: &Value, after: &Value) -> bool {
    let sizes = [before, stop, after].map(Value::as_i64);
    let [Some(before), Some(stop), Some(after)] = sizes else {
        return false;
    };
    (before < stop && stop < after) || (before > stop && stop > after)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Recording, agree, compare_events};

    fn recording(sizes: &Value, reasons: &[&str]) -> Recording {
        let events: Vec<Value> = reasons
            .iter()
            .map(|one| json!([one, "Normal", ""]))
            .collect();
        Recording::from([
            ("size.R1".to_owned(), sizes.clone()),
            ("events".to_owned(), Value::from(events)),
        ])
    }

    #[test]
    fn only_steps_between_other_stops_may_have_no_event_of_their_own() {
        let scaled = "ScalingReplicaSet";
        let want = recording(&json!([2, 1, 0]), &["Updated", scaled, scaled, "Done"]);
        for (sizes, reasons, same) in [
            (
                json!([2, 1, 0]),
                vec!["Updated", scaled, scaled, "Done"],
                true,
            ),
            (json!([2, 0]), vec!["Updated", scaled, "Done"], true),
            (json!([2, 1, 0]), vec!["Updated", scaled, "Done"], false),
            (json!([2, 0]), vec!["Updated", "Done"], false),
            (
                json!([2, 0]),
                vec!["Updated", scaled, "Done", "Done"],
                false,
            ),
            (json!([2, 0]), vec!["Updated", scaled], false),
        ] {
            let got = recording(&sizes, &reasons);
            let problem = compare_events("canary", &want, &got);
            assert_eq!(problem.is_none(), same, "{sizes} {reasons:?}: {problem:?}");
        }
    }

    fn list(sizes: &Value) -> &[Value] {
        sizes.as_array().map_or(&[], Vec::as_slice)
    }

    #[test]
    fn only_stops_on_the_way_may_differ() {
        for (want, got, same) in [
            (json!([0, 4, 3, 2, 1, 0]), json!([0, 4, 3, 2, 0]), true),
            (json!([0, 4, 3, 2, 0]), json!([0, 4, 3, 2, 1, 0]), true),
            (json!([0, 4, 3, 4, 2, 0]), json!([0, 4, 3, 4, 3, 0]), true),
            (json!([0, 4, 0, 4]), json!([0, 4]), false),
            (json!([0, 4, 3, 4]), json!([0, 4]), false),
            (json!([0, 4]), json!([0, 4, 5]), false),
            (json!([0, 4, 3, 2]), json!([0, 4, 3]), false),
            (json!([0, 2, "gone"]), json!([0, "gone"]), false),
            (json!([]), json!([0]), false),
        ] {
            assert_eq!(agree(list(&want), list(&got)), same, "{want} and {got}");
        }
    }
}
