//! Measurements and verdicts of AnalysisRuns: when they may be taken, and what follows from them. The
//! reference counts in its own way, by the phases that a status shows.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_api::meta::Time;
use tidegate_core::analysis_run::Ending;
use tidegate_gocompat::duration::{self, Duration};

use super::{Servers, State};
use crate::cluster::{Change, Locator, fields, kinds};

/// Between two measurements after an error, and where no interval is given.
const AFTER_ERROR: SignedDuration = SignedDuration::from_secs(10);
/// Between any two measurements.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);
/// Phases, best first.
const ORDER: [&str; 4] = ["Successful", "Inconclusive", "Error", "Failed"];
/// How messages of runs begin that can never be measured.
const REFUSED: [&str; 3] = [
    "Unable to resolve metric arguments",
    "Analysis spec invalid",
    "The AnalysisRun",
];

/// One metric before and after a write.
struct Deed<'a> {
    run: &'a Value,
    spec: &'a Value,
    name: &'a str,
    before: &'a Value,
    after: &'a Value,
}

/// L-7: a run that somebody ends comes to its end, and so does one that measures only so often.
pub(super) fn ends(state: &State) -> Vec<String> {
    let endless = state.of(kinds::ANALYSIS_RUNS).filter(|run| {
        let metrics = metrics(run);
        let mut metrics = metrics.as_array().into_iter().flatten();
        let must_end = run["spec"]["terminate"] == true || metrics.all(|spec| most(spec).is_some());
        must_end && !ORDER.contains(&fields::text(run, &["status", "phase"]))
    });
    endless
        .map(|run| format!("L-7: {} does not come to its end", fields::name(run)))
        .collect()
}

/// The metrics of a run with the values of its arguments, but for those in Secrets.
fn metrics(run: &Value) -> Cow<'_, Value> {
    let metrics = &run["spec"]["metrics"];
    let arguments = fields::list(run, &["spec", "args"]);
    if arguments.is_empty() {
        return Cow::Borrowed(metrics);
    }
    let mut text = metrics.to_string();
    for argument in arguments {
        let name = fields::text(argument, &["name"]);
        let value = argument["value"].to_string();
        let inner = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let value = inner.unwrap_or(&value);
        for placeholder in [
            format!("{{{{args.{name}}}}}"),
            format!("{{{{ args.{name} }}}}"),
        ] {
            text = text.replace(&placeholder, value);
        }
    }
    serde_json::from_str(&text).map_or(Cow::Borrowed(metrics), Cow::Owned)
}

/// How often a metric is measured; without an end if `None`.
fn most(spec: &Value) -> Option<i64> {
    match number(spec, "count") {
        0 if fields::text(spec, &["interval"]).is_empty() => Some(1),
        0 => None,
        count => Some(count),
    }
}

/// What a write of the controller to an AnalysisRun breaks.
pub(super) fn check(state: &State, change: &Change, servers: Servers) -> Vec<String> {
    let Some(old) = change.old.as_deref() else {
        return Vec::new();
    };
    let new = &*change.new;
    if old["status"] == new["status"] {
        return Vec::new();
    }
    let run = fields::name(new);
    let mut broken = Vec::new();
    let ended = fields::text(old, &["status", "phase"]);
    if ORDER.contains(&ended) {
        broken.push(format!("S1-16: {run} goes on although it is {ended}"));
        return broken;
    }
    let metrics = metrics(new);
    let endings = (ending(old), ending_on_its_way(change));
    for after in fields::list(new, &["status", "metricResults"]) {
        let name = fields::text(after, &["name"]);
        let deed = Deed {
            run: new,
            spec: named(&metrics, name),
            name,
            before: named(&old["status"]["metricResults"], name),
            after,
        };
        let checks = [
            counters(&deed),
            timing(&deed, ending(old)),
            verdict(&deed, endings),
            evidence((state, servers), &deed),
        ];
        broken.extend(
            checks
                .into_iter()
                .flatten()
                .map(|what| format!("{what} ({run})")),
        );
    }
    broken.extend(whole(new).map(|what| format!("{what} ({run})")));
    broken
}

fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    let mut list = list.as_array().into_iter().flatten();
    list.find(|one| fields::text(one, &["name"]) == name)
        .unwrap_or(&Value::Null)
}

fn number(object: &Value, member: &str) -> i64 {
    let value = &object[member];
    let text = value.as_str().and_then(|text| text.parse().ok());
    value.as_i64().or(text).unwrap_or(0)
}

fn last(result: &Value) -> &Value {
    let list = fields::list(result, &["measurements"]);
    list.last().unwrap_or(&Value::Null)
}

fn is_open(measurement: &Value) -> bool {
    measurement.is_object() && measurement["finishedAt"].is_null()
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse::<Time>().ok().map(Time::timestamp)
}

fn span(text: &str) -> SignedDuration {
    let parsed = duration::parse(text).map_or(0, Duration::nanoseconds);
    SignedDuration::from_nanos(parsed)
}

/// How many measurements were begun.
fn begun(result: &Value) -> i64 {
    number(result, "count") + number(result, "error") + i64::from(is_open(last(result)))
}

/// Whether nothing new may be measured: somebody said so, or a metric that counts was judged.
fn ending(run: &Value) -> Ending {
    let results = fields::list(run, &["status", "metricResults"]);
    let judged = results.iter().any(|result| {
        result["dryRun"] != true && ORDER[1..].contains(&fields::text(result, &["phase"]))
    });
    if run["spec"]["terminate"] == true || judged {
        Ending::Yes
    } else {
        Ending::No
    }
}

/// Whether the run began to end while what is written now was on its way: then that it ends and what follows from it
/// come with one write.
fn ending_on_its_way(change: &Change) -> Ending {
    let results = fields::list(&change.new, &["status", "metricResults"]);
    let mut finished = results
        .iter()
        .filter_map(|result| instant(&last(result)["finishedAt"]));
    if finished.any(|at| at.as_second() == change.at.as_second()) {
        Ending::No
    } else {
        ending(&change.new)
    }
}

/// The measurements that are new, as far as they are kept.
fn fresh<'a>(deed: &Deed<'a>) -> &'a [Value] {
    let all = fields::list(deed.after, &["measurements"]);
    let grown = begun(deed.after) - begun(deed.before);
    let grown = usize::try_from(grown).unwrap_or(0);
    &all[all.len().saturating_sub(grown)..]
}

/// S1-16: one measurement is one count of its phase.
fn counters(deed: &Deed<'_>) -> Option<String> {
    let (before, after) = (deed.before, deed.after);
    let ended = [
        ("successful", "Successful"),
        ("failed", "Failed"),
        ("inconclusive", "Inconclusive"),
        ("error", "Error"),
    ];
    let all = fields::list(after, &["measurements"]);
    let name = deed.name;
    let grown = |member| number(after, member) - number(before, member);
    let sum: i64 = ended.iter().map(|(member, _)| grown(member)).sum();
    // Of many that came with one write some may not be kept.
    let begun = &last(before)["startedAt"];
    let keeps_all = begun.is_null() || all.iter().any(|one| one["startedAt"] == *begun);
    let over = all.iter().rev().filter(|one| !is_open(one));
    let over: Vec<&str> = over
        .take(usize::try_from(sum).unwrap_or(0))
        .map(|one| fields::text(one, &["phase"]))
        .collect();
    for (member, phase) in ended {
        let shown = over.iter().filter(|one| **one == phase).count();
        let shown = i64::try_from(shown).unwrap_or(i64::MAX);
        let hidden = if keeps_all {
            0
        } else {
            sum - i64::try_from(over.len()).unwrap_or(0)
        };
        if grown(member) < shown || grown(member) > shown + hidden {
            let grown = grown(member);
            return Some(format!("S1-16: {name} counts {grown} for {shown} {phase}"));
        }
    }
    let counted = number(after, "successful") + number(after, "failed");
    let counted = counted + number(after, "inconclusive");
    if counted != number(after, "count") {
        let told = number(after, "count");
        return Some(format!("S1-16: {name} counts {told} of {counted}"));
    }
    let open = all.iter().rev().skip(1).any(is_open);
    open.then(|| format!("S1-15: {name} is measured twice at once"))
}

/// S1-15: not before its time, not more often than it should, and not once the run ends.
fn timing(deed: &Deed<'_>, ending: Ending) -> Option<String> {
    let (name, spec) = (deed.name, deed.spec);
    let (before, after) = (deed.before, deed.after);
    let grown = begun(after) - begun(before);
    if grown <= 0 {
        return None;
    }
    if ending == Ending::Yes {
        return Some(format!("S1-15: {name} is measured although its run ends"));
    }
    let count = most(spec).unwrap_or(i64::MAX);
    if number(before, "count") >= count || number(after, "count") > count {
        return Some(format!("S1-15: {name} is measured more than {count} times"));
    }
    let fresh = fresh(deed);
    let all = fields::list(after, &["measurements"]);
    let known = all.iter().rev().nth(fresh.len());
    let mut earlier = known.unwrap_or_else(|| last(before));
    for one in fresh {
        let started = instant(&one["startedAt"])?;
        if earliest(deed, earlier).is_some_and(|earliest| started < earliest) {
            return Some(format!("S1-15: {name} is measured before its time"));
        }
        earlier = one;
    }
    None
}

/// When a metric may be measured after this measurement.
fn earliest(deed: &Deed<'_>, earlier: &Value) -> Option<Timestamp> {
    let spec = deed.spec;
    if earlier.is_null() {
        let delay = span(fields::text(spec, &["initialDelay"]));
        if delay.is_zero() {
            return None;
        }
        let begun = instant(&deed.run["status"]["startedAt"])?;
        return begun.checked_add(delay).ok();
    }
    let interval = fields::text(spec, &["interval"]);
    let pause = if earlier["phase"] == "Error" || interval.is_empty() {
        AFTER_ERROR
    } else {
        span(interval).max(SHORTEST)
    };
    instant(&earlier["finishedAt"])?.checked_add(pause).ok()
}

/// S1-16: the verdict over a metric is that of the reference.
fn verdict(deed: &Deed<'_>, (ending, on_its_way): (Ending, Ending)) -> Option<String> {
    let (spec, after) = (deed.spec, deed.after);
    let (found, measured) = (fields::text(after, &["phase"]), last(after));
    let before = fields::text(deed.before, &["phase"]);
    let expected = if ORDER.contains(&before) {
        before
    } else if measured.is_null() {
        return None;
    } else if is_open(measured) {
        "Running"
    } else {
        reference(spec, after, ending)
    };
    let name = deed.name;
    let ended = ending == Ending::No
        && on_its_way == Ending::Yes
        && found == reference(spec, after, on_its_way);
    (found != expected && !ended).then(|| format!("S1-16: {name} is {found}, not {expected}"))
}

fn reference(spec: &Value, result: &Value, ending: Ending) -> &'static str {
    let errors = if spec["consecutiveErrorLimit"].is_null() {
        4
    } else {
        number(spec, "consecutiveErrorLimit")
    };
    let failures = number(spec, "failureLimit");
    let successes = number(spec, "consecutiveSuccessLimit");
    let complete = most(spec).is_some_and(|most| number(result, "count") >= most);
    if number(result, "consecutiveError") > errors {
        "Error"
    } else if number(result, "inconclusive") > number(spec, "inconclusiveLimit") {
        "Inconclusive"
    } else if failures >= 0 && number(result, "failed") > failures {
        "Failed"
    } else if successes > 0 && number(result, "consecutiveSuccess") >= successes {
        "Successful"
    } else if complete && successes > 0 {
        if failures >= 0 {
            "Inconclusive"
        } else {
            "Failed"
        }
    } else if complete || ending == Ending::Yes {
        "Successful"
    } else {
        "Running"
    }
}

/// S1-18 and S1-19: a success needs something that was measured: data of a server that answers, or a Job that did
/// what it should.
fn evidence((state, servers): (&State, Servers), deed: &Deed<'_>) -> Option<String> {
    let measured = last(deed.after);
    if measured["phase"] != "Successful"
        || number(deed.after, "successful") == number(deed.before, "successful")
    {
        return None;
    }
    let name = deed.name;
    let provider = &deed.spec["provider"];
    if provider["job"].is_object() {
        let namespace = fields::text(measured, &["metadata", "job-namespace"]);
        let job = fields::text(measured, &["metadata", "job-name"]);
        let job = state.get(&Locator::new(kinds::JOBS, namespace, job))?;
        let done = fields::condition(job, "Complete") == "True";
        return (!done).then(|| format!("S1-18: {name} succeeds by a Job that is not complete"));
    }
    if servers == Servers::Silent {
        return Some(format!("S1-19: {name} succeeds while no server answers"));
    }
    let condition = fields::text(deed.spec, &["successCondition"]);
    let knows_nothing = ["len(", "isNil", "isNaN", "default"];
    let expects_data =
        !condition.is_empty() && !knows_nothing.iter().any(|word| condition.contains(word));
    let value = fields::text(measured, &["value"]);
    let nothing = ["", "[]", "null", "[NaN]"].contains(&value);
    (expects_data && nothing).then(|| format!("S1-18: {name} succeeds without data"))
}

/// S1-16 and S1-17: a run is as bad as the worst metric that counts, once it is over.
fn whole(run: &Value) -> Option<String> {
    let found = fields::text(run, &["status", "phase"]);
    let message = fields::text(run, &["status", "message"]);
    let refused = found == "Error" && REFUSED.iter().any(|words| message.starts_with(words));
    if !ORDER.contains(&found) || refused {
        return None;
    }
    let results = fields::list(run, &["status", "metricResults"]);
    let badness = |result: &&Value| {
        let phase = fields::text(result, &["phase"]);
        ORDER.iter().position(|known| *known == phase).unwrap_or(0)
    };
    let worst = results
        .iter()
        .filter(|result| result["dryRun"] != true)
        .map(|result| badness(&result))
        .max()
        .unwrap_or(0);
    (found != ORDER[worst]).then(|| {
        let expected = ORDER[worst];
        format!("S1-17: the run is {found}, and the worst of its metrics that count is {expected}")
    })
}
