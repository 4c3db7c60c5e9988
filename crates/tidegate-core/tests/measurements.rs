//! Every sequence of up to eight measurements under every limit: the verdicts are those of a reference that
//! counts the whole sequence anew each time (ANA-23, ANA-25, ANA-27 to ANA-30, ANA-32; S1-15 to S1-17).

#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tidegate_api::{
    analysis::{AnalysisRun, Measurement, Metric, MetricResult, phase},
    document,
    meta::Time,
};
use tidegate_core::analysis_run::{
    Concluded, Decision, Due, Ending, Masks, Measured, assess, conclude, decide, is_completed,
    validate,
};

/// The longest sequence.
const LONGEST: usize = 8;
/// What a measurement can come to.
const PHASES: [&str; 4] = [
    phase::SUCCESSFUL,
    phase::FAILED,
    phase::INCONCLUSIVE,
    phase::ERROR,
];
/// Between two measurements, but after an error.
const INTERVAL: SignedDuration = SignedDuration::from_secs(30);
/// Between two measurements after an error.
const AFTER_ERROR: SignedDuration = SignedDuration::from_secs(10);

/// Limits as upstream counts them.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// `None` without end.
    count: Option<usize>,
    /// −1 for any number.
    failures: i32,
    inconclusive: i32,
    errors: i32,
    /// 0 for none.
    successes: i32,
}

impl Limits {
    fn metric(&self, name: &str) -> Metric {
        serde_json::from_value(json!({
            "name": name,
            "interval": "30s",
            "count": self.count,
            "failureLimit": self.failures,
            "inconclusiveLimit": self.inconclusive,
            "consecutiveErrorLimit": self.errors,
            "consecutiveSuccessLimit": self.successes,
            "provider": {"prometheus": {"query": "q"}},
        }))
        .unwrap()
    }
}

/// Every combination of limits that a sequence of eight can tell apart from its neighbours.
fn all_limits() -> Vec<Limits> {
    let mut all = Vec::new();
    for count in [None, Some(1), Some(2), Some(4)] {
        for failures in [-1, 0, 2] {
            for inconclusive in [0, 1] {
                for errors in [0, 2, 4] {
                    for successes in [0, 2] {
                        all.push(Limits {
                            count,
                            failures,
                            inconclusive,
                            errors,
                            successes,
                        });
                    }
                }
            }
        }
    }
    all
}

/// The verdict over a sequence: that over the shortest beginning of it that has one.
fn reference(limits: &Limits, sequence: &[&'static str]) -> &'static str {
    (1..=sequence.len())
        .map(|length| verdict(limits, &sequence[..length]))
        .find(|verdict| *verdict != phase::RUNNING)
        .unwrap_or(phase::RUNNING)
}

fn verdict(limits: &Limits, sequence: &[&'static str]) -> &'static str {
    let all = |phase: &str| sequence.iter().filter(|one| **one == phase).count();
    let last = |phase: &str| {
        sequence
            .iter()
            .rev()
            .take_while(|one| **one == phase)
            .count()
    };
    let exceeds = |count: usize, limit: i32| i64::try_from(count).unwrap() > i64::from(limit);
    if exceeds(last(phase::ERROR), limits.errors) {
        phase::ERROR
    } else if exceeds(all(phase::INCONCLUSIVE), limits.inconclusive) {
        phase::INCONCLUSIVE
    } else if limits.failures >= 0 && exceeds(all(phase::FAILED), limits.failures) {
        phase::FAILED
    } else if limits.successes > 0 && exceeds(last(phase::SUCCESSFUL), limits.successes - 1) {
        phase::SUCCESSFUL
    } else if limits
        .count
        .is_some_and(|count| sequence.len() - all(phase::ERROR) >= count)
    {
        match (limits.failures >= 0, limits.successes > 0) {
            (true, true) => phase::INCONCLUSIVE,
            (false, true) => phase::FAILED,
            (true | false, false) => phase::SUCCESSFUL,
        }
    } else {
        phase::RUNNING
    }
}

fn measurement(phase: &str) -> Measurement {
    Measurement {
        phase: phase.to_owned(),
        finished_at: Some(Time::new(Timestamp::UNIX_EPOCH)),
        ..Measurement::default()
    }
}

/// Goes on with every measurement that can follow, as long as there is no verdict; tells how many sequences
/// that were.
fn extend(
    (limits, metric): (&Limits, &Metric),
    sequence: &mut Vec<&'static str>,
    result: &MetricResult,
) -> usize {
    if sequence.len() == LONGEST {
        return 0;
    }
    let mut count = 0;
    for phase in PHASES {
        let mut next = result.clone();
        let taken = measurement(phase);
        assess::count(&mut next, &taken);
        next.measurements = vec![taken];
        sequence.push(phase);
        next.phase = assess::metric(metric, &next, Ending::No);
        let expected = reference(limits, sequence);
        assert_eq!(next.phase, expected, "{limits:?} {sequence:?}");
        count += 1;
        if !is_completed(&next.phase) {
            count += extend((limits, metric), sequence, &next);
        }
        sequence.pop();
    }
    count
}

/// Keeps ANA-25 and ANA-27. A verdict stands, so nothing follows it.
#[test]
fn every_sequence_of_eight_has_the_verdict_of_the_reference() {
    let mut count = 0;
    for limits in all_limits() {
        let result = MetricResult {
            phase: phase::RUNNING.to_owned(),
            ..MetricResult::default()
        };
        let metric = limits.metric("m");
        count += extend((&limits, &metric), &mut Vec::new(), &result);
    }
    assert!(count > 100_000, "{count} sequences");
}

/// A run on its way, with the clock.
#[derive(Clone)]
struct Way {
    run: AnalysisRun,
    now: Timestamp,
}

impl Way {
    fn new(metrics: &[Metric], dry_run: &[&str]) -> Self {
        let rules: Vec<Value> = dry_run
            .iter()
            .map(|name| json!({"metricName": format!("^{name}$")}))
            .collect();
        let run = serde_json::from_value(json!({
            "metadata": {"name": "r", "namespace": "n", "resourceVersion": "1"},
            "spec": {"metrics": metrics, "dryRun": rules},
        }));
        Self {
            run: run.unwrap(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    /// What is due now; nothing once the run is over.
    fn due(&self) -> Option<Box<Due>> {
        match decide(&self.run, &BTreeSet::new(), self.now) {
            Decision::Measure(due) => Some(due),
            Decision::Idle(_) => None,
            Decision::Delete(_) | Decision::Refuse(_) => panic!("{:?}", self.run),
        }
    }

    /// The names of the metrics that are due.
    fn wanted(&self, due: &Due) -> Vec<String> {
        let armed = due.arm(&self.run, &BTreeMap::new()).unwrap();
        armed.into_iter().map(|one| one.metric.name).collect()
    }

    /// A pass in which the metrics come to these phases; what follows goes on at the instant that it names.
    fn pass(&mut self, due: &Due, phases: &[(String, &str)]) -> Option<Timestamp> {
        let taken = phases.iter().map(|(name, phase)| Measured {
            name: name.clone(),
            measurement: Measurement {
                phase: (*phase).to_owned(),
                started_at: Some(Time::new(self.now)),
                finished_at: Some(Time::new(self.now)),
                ..Measurement::default()
            },
            metadata: BTreeMap::new(),
        });
        let taken = (taken.collect(), &Masks::default());
        let concluded = conclude(&self.run, due, taken, self.now);
        self.apply(&concluded);
        concluded.wake.map(|wake| wake.at)
    }

    fn apply(&mut self, concluded: &Concluded) {
        if let Some(write) = &concluded.write {
            let mut status = json!({"status": self.run.status});
            document::apply_merge_patch(&write.body, &mut status);
            self.run.status = serde_json::from_value(status["status"].clone()).unwrap();
        }
    }

    /// Passes without a measurement until nothing changes: a verdict over a metric ends the run in the pass
    /// after it (ANA-32).
    fn settle(&mut self) {
        for _ in 0..2 {
            if let Some(due) = self.due()
                && self.wanted(&due).is_empty()
            {
                self.pass(&due, &[]);
            }
        }
    }
}

/// Goes on from here with everything that the metric can come to next.
fn go_on(limits: &Limits, sequence: &mut Vec<&'static str>, way: &Way) {
    for phase in PHASES {
        let mut next = way.clone();
        let due = next.due().unwrap();
        assert_eq!(next.wanted(&due), ["m"], "{limits:?} {sequence:?}");
        let wake = next.pass(&due, &[("m".to_owned(), phase)]);
        sequence.push(phase);
        let expected = reference(limits, sequence);
        let metric = &next.run.status.metric_results[0].phase;
        assert_eq!(metric, expected, "{limits:?} {sequence:?}");
        if expected == phase::RUNNING {
            // S1-15: not before its time, and then within its part of the second (ANA-36).
            let pause = if phase == phase::ERROR {
                AFTER_ERROR
            } else {
                INTERVAL
            };
            let at = next.now + pause;
            let within = at..at + SignedDuration::from_secs(1);
            assert!(within.contains(&wake.unwrap()), "{limits:?} {sequence:?}");
            next.now = at - SignedDuration::from_secs(1);
            let due = next.due().unwrap();
            assert!(next.wanted(&due).is_empty(), "{limits:?} {sequence:?}");
            next.now = at;
            if sequence.len() < 4 {
                go_on(limits, sequence, &next);
            }
        } else {
            next.settle();
            assert_eq!(next.run.status.phase, expected, "{limits:?} {sequence:?}");
            assert!(next.run.status.completed_at.is_some());
            next.now += SignedDuration::from_hours(1);
            assert!(next.due().is_none(), "nothing follows a verdict");
        }
        sequence.pop();
    }
}

/// Keeps ANA-21 to ANA-23, ANA-27, ANA-30 to ANA-32 and ANA-36, from decision to status.
#[test]
fn a_run_measures_when_it_should_and_ends_as_the_reference_says() {
    let mut count = 0;
    for limits in all_limits() {
        let metric = limits.metric("m");
        // Others are refused (VAL-40).
        if validate::metric(&metric).is_ok() {
            let way = Way::new(&[metric], &[]);
            go_on(&limits, &mut Vec::new(), &way);
            count += 1;
        }
    }
    assert!(count > 40, "{count} limits");
}

/// How bad phases are, best first.
const ORDER: [&str; 4] = [
    phase::SUCCESSFUL,
    phase::INCONCLUSIVE,
    phase::ERROR,
    phase::FAILED,
];

/// Plays two metrics, each of which always comes to the same; the first may only be tried out.
fn play_two((first, second): (&'static str, &'static str), dry_run: &[&str]) -> Way {
    let limits = Limits {
        count: Some(1),
        failures: 0,
        inconclusive: 0,
        errors: 0,
        successes: 0,
    };
    let metrics = [limits.metric("first"), limits.metric("second")];
    let mut way = Way::new(&metrics, dry_run);
    let due = way.due().unwrap();
    let of = |name: &String| (name.clone(), if name == "first" { first } else { second });
    let phases: Vec<(String, &str)> = way.wanted(&due).iter().map(of).collect();
    way.pass(&due, &phases);
    way.settle();
    way
}

/// Keeps ANA-30, ANA-31 and ANA-33: the run is as bad as its worst metric that counts.
#[test]
fn the_worst_metric_that_counts_is_the_verdict_over_the_run() {
    let badness = |name: &str| ORDER.iter().position(|known| *known == name).unwrap();
    for first in PHASES {
        for second in PHASES {
            let both = play_two((first, second), &[]);
            let worst = if badness(first) > badness(second) {
                first
            } else {
                second
            };
            assert_eq!(both.run.status.phase, worst, "{first} {second}");
            assert_eq!(both.run.status.run_summary.count, 2);
            let tried = play_two((first, second), &["first"]);
            assert_eq!(tried.run.status.phase, second, "{first} in a dry run");
            assert_eq!(tried.run.status.run_summary.count, 1);
            let summary = tried.run.status.dry_run_summary.clone().unwrap();
            assert_eq!(summary.count, 1);
            let counted = [
                summary.successful,
                summary.inconclusive,
                summary.error,
                summary.failed,
            ];
            assert_eq!(counted[badness(first)], 1, "{first}: {summary:?}");
            let neither = play_two((first, second), &["first", "second"]);
            assert_eq!(neither.run.status.phase, phase::SUCCESSFUL);
        }
    }
}

/// A metric that goes on for long.
const PATIENT: Limits = Limits {
    count: None,
    failures: 2,
    inconclusive: 1,
    errors: 2,
    successes: 0,
};

/// Keeps ANA-29: nothing is measured any more once a metric that counts was judged or somebody said so.
#[test]
fn a_run_that_ends_measures_nothing_new() {
    for phase in [phase::FAILED, phase::ERROR, phase::INCONCLUSIVE] {
        let patient = PATIENT;
        let mut strict = patient;
        (strict.failures, strict.inconclusive, strict.errors) = (0, 0, 0);
        let metrics = [strict.metric("first"), patient.metric("second")];
        let mut way = Way::new(&metrics, &[]);
        let due = way.due().unwrap();
        let results = [
            ("first".to_owned(), phase),
            ("second".to_owned(), phase::SUCCESSFUL),
        ];
        way.pass(&due, &results);
        way.now += INTERVAL;
        let due = way.due().unwrap();
        assert!(way.wanted(&due).is_empty(), "{phase}");
        way.pass(&due, &[]);
        assert_eq!(way.run.status.phase, phase);
        let phases = way.run.status.metric_results.iter();
        let phases: Vec<&str> = phases.map(|result| result.phase.as_str()).collect();
        assert_eq!(phases, [phase, phase::SUCCESSFUL]);
    }
    let mut way = Way::new(&[PATIENT.metric("m")], &[]);
    let due = way.due().unwrap();
    way.pass(&due, &[("m".to_owned(), phase::SUCCESSFUL)]);
    way.run.spec.terminate = true;
    way.now += INTERVAL;
    let due = way.due().unwrap();
    assert!(way.wanted(&due).is_empty());
    way.pass(&due, &[]);
    assert_eq!(
        (
            way.run.status.phase.as_str(),
            way.run.status.message.as_str()
        ),
        (phase::SUCCESSFUL, "Run Terminated")
    );
}
