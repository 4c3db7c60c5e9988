//! Providers as data: one YAML file is a metric, what is around it, and what its servers answer; the
//! text beside it is every request byte by byte, and the measurements.

#[path = "beside/told.rs"]
mod beside;

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tidegate_api::analysis::{AnalysisRun, Measurement, Metric, phase};
use tidegate_core::analysis_run::{Ending, Measure, Secret};
use tidegate_integrations::metrics::{
    Answer, Certificate, Course, Environment, Reach, Request, Turn,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "the harness hands the text over"
)]
fn course(path: &Path, text: String) -> datatest_stable::Result<()> {
    beside::compare(path, &tell(&serde_saphyr::from_str(&text)?)?)
}

datatest_stable::harness! {
    { test = course, root = "tests/metrics", pattern = r".*\.yaml$" },
}

/// Each of `cases` is the file itself with its own members over it (JSON merge patch): `metric` is the
/// metric, `run` what the AnalysisRun says besides, `variables` the controller's environment, `secrets`
/// are values by `namespace/name` (or a text: why it cannot be read), `files` contents by path, `now`
/// when it begins, `unfinished` what was begun before (`ends: true`: is to be ended), `answers` what servers
/// say in their order, `says` figures that somebody else has worked out and that are to be found in what
/// is told, `lacks` what is not. A measurement that is to be gone on with is, as long as there are answers.
fn tell(file: &Value) -> datatest_stable::Result<String> {
    let mut told = String::new();
    let mut asked = Vec::new();
    for case in file["cases"].as_array().ok_or("there are cases")? {
        let mut story = file.clone();
        merge(&mut story, case);
        let mut part = String::new();
        let sent = play(&story, &mut asked, &mut part)?;
        let all = format!("{sent}{part}");
        for figure in story["says"].as_array().into_iter().flatten() {
            let figure = figure.as_str().ok_or("figures are texts")?;
            if !all.contains(figure) {
                return Err(format!("{} lacks {figure}:\n{part}", case["case"]).into());
            }
        }
        for figure in story["lacks"].as_array().into_iter().flatten() {
            let figure = figure.as_str().ok_or("figures are texts")?;
            if all.contains(figure) {
                return Err(format!("{} tells {figure}:\n{part}", case["case"]).into());
            }
        }
        let name = case["case"].as_str().ok_or("a case has a name")?;
        writeln!(told, "-- {name}\n{part}")?;
    }
    told.truncate(told.trim_end().len());
    Ok(told)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    for (name, member) in members {
        if member.is_null() {
            target.as_object_mut().expect("made one").remove(name);
        } else {
            merge(&mut target[name], member);
        }
    }
}

/// One case.
struct Play<'s> {
    story: &'s Value,
    answers: std::vec::IntoIter<Value>,
    now: Timestamp,
    /// The requests of this case, all of them written out.
    sent: String,
}

fn play(
    story: &Value,
    asked: &mut Vec<String>,
    told: &mut String,
) -> datatest_stable::Result<String> {
    let mut run: AnalysisRun = serde_json::from_value(story["run"].clone()).unwrap_or_default();
    "town".clone_into(&mut run.metadata.namespace);
    let mut metric: Metric = serde_json::from_value(story["metric"].clone())?;
    "m".clone_into(&mut metric.name);
    let environment = Environment {
        namespace: "tidegate".to_owned(),
        variables: serde_json::from_value(story["variables"].clone()).unwrap_or_default(),
    };
    let now = story["now"].as_str().unwrap_or("2026-03-01T12:00:00Z");
    let answers = story["answers"].as_array().cloned().unwrap_or_default();
    let mut play = Play {
        story,
        answers: answers.into_iter(),
        now: now.parse()?,
        sent: String::new(),
    };
    let mut unfinished: Option<Measurement> = serde_json::from_value(story["unfinished"].clone())?;
    loop {
        let measure = Measure {
            metric: metric.clone(),
            unfinished: unfinished.take(),
            ending: if story["ends"] == true {
                Ending::Yes
            } else {
                Ending::No
            },
        };
        let mut course = Course::new(&run, measure, &environment);
        let measured = play.measure(&mut course, asked, told)?;
        show(&measured, &course.metadata(), told)?;
        match measured.resume_at.as_ref() {
            Some(at) if measured.phase == phase::RUNNING && play.answers.len() > 0 => {
                play.now = at.timestamp();
                unfinished = Some(measured);
            }
            _ => break,
        }
    }
    if play.answers.len() > 0 {
        return Err(format!("nobody asks for {} answers:\n{told}", play.answers.len()).into());
    }
    Ok(play.sent)
}

impl Play<'_> {
    /// One measurement; each answer takes a second. A request that was asked before is told in short.
    fn measure(
        &mut self,
        course: &mut Course,
        asked: &mut Vec<String>,
        told: &mut String,
    ) -> datatest_stable::Result<Measurement> {
        let mut turn = course.begin(self.now);
        loop {
            let answer = match turn {
                Turn::Ask(request) => {
                    let request = ask(&request)?;
                    self.sent.push_str(&request);
                    let before = asked.iter().position(|before| *before == request);
                    let number = before.unwrap_or(asked.len()) + 1;
                    if before.is_some() {
                        writeln!(told, "asks    request {number} again")?;
                    } else {
                        writeln!(told, "asks    request {number}:\n{request}")?;
                        asked.push(request);
                    }
                    respond(&self.answers.next().ok_or("an answer for each request")?)?
                }
                Turn::Secret { namespace, name } => {
                    writeln!(told, "reads   Secret {namespace}/{name}")?;
                    let given = &self.story["secrets"][format!("{namespace}/{name}")];
                    Answer::Secret(Ok(secret(given)))
                }
                Turn::File(path) => {
                    writeln!(told, "reads   {path}")?;
                    let content = self.story["files"][&path].as_str();
                    let missing = || format!("{path}: No such file or directory");
                    Answer::File(content.map(str::to_owned).ok_or_else(missing))
                }
                Turn::Cluster(call) => return Err(format!("asks the cluster {call:?}").into()),
                Turn::Measured(measured) => return Ok(*measured),
                turn @ (Turn::Later(_) | Turn::Collected) => {
                    return Err(format!("ends with {turn:?}").into());
                }
            };
            self.now += SignedDuration::from_secs(1);
            turn = course.read(answer, self.now);
        }
    }
}

fn ask(request: &Request) -> Result<String, std::fmt::Error> {
    let mut told = String::new();
    let Request {
        method,
        url,
        headers,
        body,
        timeout,
        certificate,
        reach,
    } = request;
    writeln!(told, "        {method} {url}")?;
    for (name, value) in headers {
        writeln!(told, "        {name}: {value}")?;
    }
    if !body.is_empty() {
        writeln!(told, "        {}", String::from_utf8_lossy(body))?;
    }
    write!(told, "        within {timeout:?}")?;
    if *certificate == Certificate::Ignored {
        write!(told, ", certificate ignored")?;
    }
    if *reach == Reach::Metadata {
        write!(told, ", metadata")?;
    }
    Ok(told)
}

/// `status` and `body`, or `fails` with the sentence why there is no answer. A body that is no text is
/// sent as JSON.
fn respond(answer: &Value) -> datatest_stable::Result<Answer> {
    if let Some(why) = answer["fails"].as_str() {
        return Ok(Answer::NoAnswer(why.to_owned()));
    }
    let body = &answer["body"];
    let body = match body.as_str() {
        Some(text) => text.to_owned(),
        None if body.is_null() => String::new(),
        None => body.to_string(),
    };
    Ok(Answer::Response {
        status: u16::try_from(answer["status"].as_u64().unwrap_or(200))?,
        body: body.into_bytes(),
    })
}

fn secret(given: &Value) -> Secret {
    if given.is_null() {
        return Secret::Absent;
    }
    match given.as_str() {
        Some(why) => Secret::Refused(why.to_owned()),
        None => Secret::Values(serde_json::from_value(given.clone()).expect("values are texts")),
    }
}

fn show(
    measured: &Measurement,
    metadata: &BTreeMap<String, String>,
    told: &mut String,
) -> datatest_stable::Result<()> {
    let Measurement { phase, value, .. } = measured;
    writeln!(told, "gives   {phase} {value}")?;
    if !measured.message.is_empty() {
        writeln!(told, "        message {}", measured.message)?;
    }
    for (name, text) in &measured.metadata {
        writeln!(told, "        {name} {text}")?;
    }
    let times = [
        ("started", &measured.started_at),
        ("finished", &measured.finished_at),
        ("resumes", &measured.resume_at),
    ];
    for (name, at) in times {
        if let Some(at) = at {
            writeln!(told, "        {name} {}", at.timestamp())?;
        }
    }
    for (name, text) in metadata {
        writeln!(told, "of all  {name} {text}")?;
    }
    Ok(())
}
