//! The parameters behind a request's question mark.

use std::collections::BTreeMap;

use crate::cluster::{
    DeletionOptions, Mode, PageRequest, Propagation, Query, Validation,
    kinds::{Kind, KindId},
    refusal::Refusal,
    selector::{FieldSelector, LabelSelector},
};

/// The parameters of a request by name; of several of one name the first counts.
pub(super) struct Parameters {
    values: BTreeMap<String, String>,
}

impl Parameters {
    pub(super) fn read(query: &str) -> Self {
        let mut values = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            values.entry(decode(name)).or_insert_with(|| decode(value));
        }
        Self { values }
    }

    /// A parameter's value; empty if it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        ["true", "1"].contains(&self.get(name))
    }

    /// A whole number; `None` if it is missing or none.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).parse().ok()
    }

    /// Which objects are asked for.
    pub(super) fn query(
        &self,
        (id, kind): (KindId, &Kind),
        namespace: Option<&str>,
    ) -> Result<Query, Refusal> {
        Ok(Query {
            namespace: namespace.map(str::to_owned),
            labels: LabelSelector::parse(self.get("labelSelector"))?,
            fields: FieldSelector::parse(self.get("fieldSelector"), id, kind)?,
        })
    }

    /// Which page of them.
    pub(super) fn page(&self) -> PageRequest {
        PageRequest {
            limit: self
                .number("limit")
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(0),
            token: self.get("continue").to_owned(),
        }
    }

    /// Whether the change is to stay.
    pub(super) fn mode(&self) -> Result<Mode, Refusal> {
        match self.get("dryRun") {
            "" => Ok(Mode::Commit),
            "All" => Ok(Mode::DryRun),
            other => Err(Refusal::bad_request(format!(
                "invalid dryRun: Invalid value: [\"{other}\"]: supported values: \"All\""
            ))),
        }
    }

    /// What happens to unknown fields.
    pub(super) fn validation(&self) -> Validation {
        match self.get("fieldValidation") {
            "Strict" => Validation::Strict,
            _ => Validation::Ignore,
        }
    }

    /// What a deletion demands, as far as the parameters say.
    pub(super) fn deletion(&self) -> DeletionOptions {
        DeletionOptions {
            uid: None,
            version: None,
            propagation: propagation(self.get("propagationPolicy")),
            grace_seconds: self
                .number("gracePeriodSeconds")
                .and_then(|seconds| i64::try_from(seconds).ok()),
        }
    }
}

/// The word of `propagationPolicy`.
pub(super) fn propagation(word: &str) -> Propagation {
    match word {
        "Foreground" => Propagation::Foreground,
        "Orphan" => Propagation::Orphan,
        _ => Propagation::Background,
    }
}

/// Undoes percent encoding; `+` is a blank.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = rest.clone().take(2).collect::<Vec<u8>>();
                let value = std::str::from_utf8(&digits)
                    .ok()
                    .filter(|digits| digits.len() == 2)
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                if let Some(value) = value {
                    bytes.push(value);
                    rest.nth(1);
                } else {
                    bytes.push(byte);
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let parameters =
            Parameters::read("labelSelector=app%3Dweb%2Ctier+in+%28a%29&watch=true&odd=%zz");
        assert_eq!(parameters.get("labelSelector"), "app=web,tier in (a)");
        assert!(parameters.is_on("watch"));
        assert_eq!(parameters.get("odd"), "%zz");
        assert_eq!(parameters.get("missing"), "");
    }
}
