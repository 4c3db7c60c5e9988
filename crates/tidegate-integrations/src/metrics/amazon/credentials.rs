//! Keys, and how Amazon's addresses hand them out.

use serde_json::Value as Json;

use super::super::Answer;

/// What requests are signed with. Not to be logged.
#[derive(Clone)]
pub(in super::super) struct Keys {
    /// Their name, which everybody may see.
    pub id: String,
    /// Their secret part.
    pub secret: String,
    /// What goes with keys that do not last.
    pub token: Option<String>,
}

/// Who asks, and in which region.
pub(in super::super) struct Identity {
    /// Signs.
    pub keys: Keys,
    /// Such as `eu-west-1`.
    pub region: String,
}

impl Keys {
    /// If both parts are there.
    pub(super) fn of(id: &str, secret: &str, token: &str) -> Option<Self> {
        if id.is_empty() || secret.is_empty() {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            token: (!token.is_empty()).then(|| token.to_owned()),
        })
    }

    /// What nobody may see.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        let token = self.token.clone();
        [self.secret.clone()].into_iter().chain(token)
    }
}

/// The text that an address gives. What else it says is not told: nobody knows what is in it.
pub(super) fn text(answer: Answer, what: &str) -> Result<String, String> {
    let (status, body) = answer
        .http()
        .map_err(|why| format!("{what} cannot be reached: {why}"))?;
    if status != 200 {
        return Err(format!("{what} answered with status {status}"));
    }
    String::from_utf8(body).map_err(|_| format!("{what} gave no text"))
}

/// The keys that an address gives.
pub(super) fn handed_out(answer: Answer, what: &str) -> Result<Keys, String> {
    let text = text(answer, what)?;
    let json: Json = serde_json::from_str(&text).map_err(|_| format!("{what} gave no JSON"))?;
    let member = |name: &str| json[name].as_str().unwrap_or_default();
    let code = member("Code");
    if !code.is_empty() && code != "Success" {
        return Err(format!("{what} gave no keys: {code}"));
    }
    Keys::of(
        member("AccessKeyId"),
        member("SecretAccessKey"),
        member("Token"),
    )
    .ok_or_else(|| format!("{what} gave no keys"))
}
