//! What a provider found, and the measurement that it makes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tidegate_api::{
    analysis::{Measurement, Metric, phase},
    meta::Time,
};
use tidegate_gocompat::expr::Value;

use super::{Turn, basic::without_credentials, condition};

/// How much of an answer that cannot be read is shown, in characters.
const EXCERPT: usize = 200;

/// What a provider found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// As conditions see it.
    pub value: Value,
    /// As the status shows it.
    pub text: String,
    /// What else the status shows.
    pub metadata: BTreeMap<String, String>,
}

impl Finding {
    /// Without metadata.
    pub(super) fn new(value: Value, text: impl Into<String>) -> Self {
        Self {
            value,
            text: text.into(),
            metadata: BTreeMap::new(),
        }
    }
}

/// The measurement of what was found. One that the conditions cannot judge shows it nevertheless.
pub(super) fn judge(metric: &Metric, found: Finding, started: Timestamp, now: Timestamp) -> Turn {
    let mut measurement = Measurement {
        started_at: Some(Time::new(started)),
        finished_at: Some(Time::new(now)),
        metadata: found.metadata,
        ..Measurement::default()
    };
    match condition::evaluate(metric, &found.value, now) {
        Ok(phase) => phase.clone_into(&mut measurement.phase),
        Err(message) => {
            phase::ERROR.clone_into(&mut measurement.phase);
            measurement.message = message;
        }
    }
    measurement.value = found.text;
    Turn::Measured(Box::new(measurement))
}

/// The beginning of an answer.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A server, as sentences about it name it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Whose.
    pub vendor: &'static str,
    /// Its address.
    pub address: String,
    /// What to check if it does not answer as it should.
    pub advice: &'static str,
}

impl Server {
    /// It did not answer.
    pub(super) fn unreachable(&self, why: &str) -> String {
        let Self { vendor, advice, .. } = self;
        let address = without_credentials(&self.address);
        format!("{vendor} at {address} cannot be reached: {why}; {advice}")
    }

    /// It answered something else.
    pub(super) fn puzzling(&self, why: impl std::fmt::Display, body: &[u8]) -> String {
        let Self { vendor, advice, .. } = self;
        let address = without_credentials(&self.address);
        let excerpt = excerpt(body);
        format!("{vendor} at {address} gave no valid answer ({why}): {excerpt}; {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_quoted_by_its_beginning() {
        assert_eq!(excerpt(b"short"), "short");
        assert_eq!(excerpt(&[b'x'; 300]).chars().count(), EXCERPT + 1);
    }
}
