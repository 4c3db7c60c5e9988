//! Metrics that cannot be measured: upstream's rules, order and sentences (VAL-40).

use std::collections::BTreeSet;

use tidegate_api::analysis::{Metric, MetricProvider};
use tidegate_gocompat::duration;

use super::number;

/// All metrics of a run.
///
/// # Errors
/// The first thing that is wrong, with the index of its metric.
pub fn metrics(metrics: &[Metric]) -> Result<(), String> {
    if metrics.is_empty() {
        return Err("no metrics specified".to_owned());
    }
    let mut names = BTreeSet::new();
    for (index, one) in metrics.iter().enumerate() {
        if !names.insert(&one.name) {
            return Err(format!("metrics[{index}]: duplicate name '{}'", one.name));
        }
        metric(one).map_err(|error| format!("metrics[{index}]: {error}"))?;
    }
    Ok(())
}

/// One metric.
///
/// # Errors
/// The first thing that is wrong.
pub fn metric(metric: &Metric) -> Result<(), String> {
    limits(metric)?;
    durations(metric)?;
    match providers(&metric.provider) {
        0 => Err("no provider specified".to_owned()),
        1 => Ok(()),
        _ => Err("multiple providers specified".to_owned()),
    }
}

fn limits(metric: &Metric) -> Result<(), String> {
    let count = number(metric.count.as_ref());
    let failure = number(metric.failure_limit.as_ref());
    let success = number(metric.consecutive_success_limit.as_ref());
    let inconclusive = number(metric.inconclusive_limit.as_ref());
    let error = number(metric.consecutive_error_limit.as_ref());
    let refuse = |sentence: &str| Err(sentence.to_owned());
    if success < 0 {
        return refuse("consecutiveSuccessLimit must be >= 0");
    }
    if failure < -1 {
        return refuse("failureLimit must be >= 0, or -1 to be disabled");
    }
    if success == 0 && failure == -1 {
        return refuse("failureLimit and consecutiveSuccessLimit cannot both be disabled");
    }
    if inconclusive < 0 {
        return refuse("inconclusiveLimit must be >= 0");
    }
    if error < 0 {
        return refuse("consecutiveErrorLimit must be >= 0");
    }
    if count > 0 {
        if failure >= 0 && count < failure.saturating_add(success) {
            return Err(format!(
                "count ({count}) must be >= failureLimit + consecutiveSuccessLimit ({failure} + {success}) if both >= 0"
            ));
        }
        if failure < 0 && count < success {
            return refuse("count must be >= consecutiveSuccessLimit");
        }
        if count < inconclusive {
            return refuse("count must be >= inconclusiveLimit");
        }
    }
    if count > 1 && metric.interval.is_empty() {
        return refuse("interval must be specified when count > 1");
    }
    Ok(())
}

fn durations(metric: &Metric) -> Result<(), String> {
    for (text, what) in [
        (&metric.interval, "interval"),
        (&metric.initial_delay, "startDelay"),
    ] {
        if !text.is_empty() {
            duration::parse(text).map_err(|error| format!("invalid {what} string: {error}"))?;
        }
    }
    Ok(())
}

fn providers(provider: &MetricProvider) -> usize {
    let single = [
        provider.prometheus.is_some(),
        provider.job.is_some(),
        provider.web.is_some(),
        provider.wavefront.is_some(),
        provider.kayenta.is_some(),
        provider.datadog.is_some(),
        provider.new_relic.is_some(),
        provider.cloud_watch.is_some(),
        provider.graphite.is_some(),
        provider.influxdb.is_some(),
        provider.skywalking.is_some(),
    ];
    single.into_iter().filter(|given| *given).count() + provider.plugin.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_api::document::apply_merge_patch;

    use super::*;

    /// What is said of a metric that differs in this from one with a query alone.
    fn of_metric(change: &Value) -> Result<(), String> {
        let mut sound = json!({"name": "m", "provider": {"prometheus": {"query": "q"}}});
        apply_merge_patch(change, &mut sound);
        metrics(&[serde_json::from_value(sound).unwrap()])
    }

    /// Keeps VAL-40.
    #[test]
    fn each_flaw_of_a_metric_has_its_sentence() {
        for (change, sentence) in [
            (
                json!({"consecutiveSuccessLimit": -1}),
                "consecutiveSuccessLimit must be >= 0",
            ),
            (
                json!({"failureLimit": -2}),
                "failureLimit must be >= 0, or -1 to be disabled",
            ),
            (
                json!({"failureLimit": -1}),
                "failureLimit and consecutiveSuccessLimit cannot both be disabled",
            ),
            (
                json!({"inconclusiveLimit": -1}),
                "inconclusiveLimit must be >= 0",
            ),
            (
                json!({"consecutiveErrorLimit": -1}),
                "consecutiveErrorLimit must be >= 0",
            ),
            (
                json!({"count": 3, "interval": "1s", "failureLimit": 2, "consecutiveSuccessLimit": 2}),
                "count (3) must be >= failureLimit + consecutiveSuccessLimit (2 + 2) if both >= 0",
            ),
            (
                json!({"count": 1, "failureLimit": -1, "consecutiveSuccessLimit": 2}),
                "count must be >= consecutiveSuccessLimit",
            ),
            (
                json!({"count": 1, "inconclusiveLimit": 2}),
                "count must be >= inconclusiveLimit",
            ),
            (
                json!({"count": 2}),
                "interval must be specified when count > 1",
            ),
            (
                json!({"interval": "soon"}),
                "invalid interval string: time: invalid duration \"soon\"",
            ),
            (
                json!({"initialDelay": "5"}),
                "invalid startDelay string: time: missing unit in duration \"5\"",
            ),
            (json!({"provider": null}), "no provider specified"),
            (
                json!({"provider": {"web": {"url": "u"}}}),
                "multiple providers specified",
            ),
        ] {
            assert_eq!(of_metric(&change), Err(format!("metrics[0]: {sentence}")));
        }
    }

    /// Keeps VAL-40: the last value that is still allowed.
    #[test]
    fn what_is_just_allowed_is_allowed() {
        for change in [
            json!({}),
            json!({"count": 1}),
            json!({"failureLimit": -1, "consecutiveSuccessLimit": 1}),
            json!({"count": 4, "interval": "1s", "failureLimit": 2, "consecutiveSuccessLimit": 2}),
            json!({"count": 2, "interval": "1s", "failureLimit": -1, "consecutiveSuccessLimit": 2}),
            json!({"count": 2, "interval": "1s", "inconclusiveLimit": 2}),
        ] {
            assert_eq!(of_metric(&change), Ok(()), "{change}");
        }
    }

    /// Keeps VAL-40.
    #[test]
    fn a_run_measures_something_and_nothing_twice() {
        assert_eq!(metrics(&[]), Err("no metrics specified".to_owned()));
        let one = json!({"name": "m", "provider": {"prometheus": {"query": "q"}}});
        let one: Metric = serde_json::from_value(one).unwrap();
        let twice = metrics(&[one.clone(), one]);
        assert_eq!(twice, Err("metrics[1]: duplicate name 'm'".to_owned()));
    }
}
