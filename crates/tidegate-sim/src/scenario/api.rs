//! How the API server treats the controller, in a scenario's words.

use anyhow::bail;
use serde::Deserialize;
use serde_json::Value;
use tidegate_core::{plan::Verb, run::Failure};

use super::duration;
use crate::faults::{Answer, Concerned, Weather};

/// How the API server treats the controller.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// As it should.
    Works,
    /// It cannot be reached.
    Unavailable,
    /// The status of an AnalysisRun takes so long to arrive, such as `2500ms`.
    Slow(String),
    /// It refuses to create objects of a kind.
    Refuses {
        /// Which.
        kind: String,
        /// In which words.
        with: String,
    },
    /// It gives an answer to some writes.
    Answers(Answers),
}

/// An answer to some writes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Which: `create`, `patch`, `status`, `delete`, `evict` or `write` for any of them, then a kind, then a
    /// name, such as `patch ReplicaSet`; what is not said may be any.
    to: String,
    /// A status code; `nothing` if the request is lost; `lost` if the answer is.
    with: Value,
    /// In which words.
    #[serde(default)]
    saying: String,
    /// How often.
    #[serde(default)]
    times: Option<u32>,
}

impl Api {
    /// The weather that it makes.
    ///
    /// # Errors
    /// When no such verb or answer is known.
    pub fn weather(&self) -> anyhow::Result<Weather> {
        Ok(match self {
            Self::Works => Weather::Fair,
            Self::Unavailable => Weather::Unavailable,
            Self::Slow(by) => Weather::Slow(duration(by)?),
            Self::Refuses { kind, with } => Weather::Answers {
                to: Concerned {
                    verb: Some(Verb::Create),
                    kind: Some(kind.clone()),
                    name: None,
                },
                answer: Answer::of_code(403, with),
                times: None,
            },
            Self::Answers(answers) => answers.weather()?,
        })
    }
}

impl Answers {
    fn weather(&self) -> anyhow::Result<Weather> {
        let mut words = self.to.split_whitespace();
        let verb = match words.next() {
            Some("create") => Some(Verb::Create),
            Some("patch") => Some(Verb::Patch),
            Some("status") => Some(Verb::PatchStatus),
            Some("delete") => Some(Verb::Delete),
            Some("evict") => Some(Verb::Evict),
            Some("write") => None,
            Some(_) | None => bail!("no such verb: {}", self.to),
        };
        let answer = match (self.with.as_u64(), self.with.as_str()) {
            (Some(code), _) => Answer::of_code(u16::try_from(code)?, &self.saying),
            (None, Some("nothing")) => Answer::Fails(Failure::Unknown("timeout".to_owned())),
            (None, Some("lost")) => Answer::Lost,
            (None, _) => bail!("no such answer: {}", self.with),
        };
        Ok(Weather::Answers {
            to: Concerned {
                verb,
                kind: words.next().map(str::to_owned),
                name: words.next().map(str::to_owned),
            },
            answer,
            times: self.times,
        })
    }

    /// The same in words.
    pub(crate) fn words(&self) -> String {
        let times = match self.times {
            Some(1) => "once ".to_owned(),
            Some(times) => format!("{times} times "),
            None => String::new(),
        };
        let with = self
            .with
            .as_str()
            .map_or_else(|| self.with.to_string(), str::to_owned);
        let text = format!("answers {times}with {with} to {} {}", self.to, self.saying);
        text.trim_end().to_owned()
    }
}
