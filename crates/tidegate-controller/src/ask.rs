//! The only file that calls the outside world: metric providers' requests go out here, with a time
//! limit, a size limit, and no redirects.

use std::collections::BTreeMap;

use futures::StreamExt;
use reqwest::{Client as Http, Proxy, redirect::Policy};
use serde::Deserialize;
use serde_json::Value;
use tidegate_core::{
    analysis_run::Secret,
    plan::{ObjectKey, SECRETS},
};
use tidegate_integrations::metrics::{Answer, Certificate, Request};

use crate::{
    apply,
    server::{Server, Unanswered, chain},
};

/// The longest answer that is read. What is longer is refused rather than held in memory.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// How metric providers are reached.
#[derive(Clone, Debug)]
pub enum Egress {
    /// As the proxy variables of the environment say.
    FromEnvironment,
    /// Through this HTTP proxy, whatever the address.
    Proxy(String),
}

/// Sends requests.
#[derive(Debug)]
pub(crate) struct Asker {
    checked: Http,
    unchecked: Http,
}

impl Asker {
    pub(crate) fn new(egress: &Egress) -> anyhow::Result<Self> {
        // Another part of the process may have chosen a provider already: then that one serves.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(Self {
            checked: http_client(egress, Certificate::Checked)?,
            unchecked: http_client(egress, Certificate::Ignored)?,
        })
    }

    /// Sends one request; whatever happens is an answer.
    pub(crate) async fn ask(&self, request: Request) -> Answer {
        let client = match request.certificate {
            Certificate::Checked => &self.checked,
            Certificate::Ignored => &self.unchecked,
        };
        let mut builder = client
            .request(request.method, &request.url)
            .timeout(request.timeout)
            .body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        match exchange(builder).await {
            Ok(answer) => answer,
            Err(error) => Answer::NoAnswer(chain(&error.without_url())),
        }
    }
}

async fn exchange(builder: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = builder.send().await?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
        if body.len() > LONGEST_ANSWER {
            let limit = LONGEST_ANSWER / (1024 * 1024);
            return Ok(Answer::NoAnswer(format!(
                "the answer is longer than {limit} MiB"
            )));
        }
    }
    Ok(Answer::Response { status, body })
}

fn http_client(egress: &Egress, certificate: Certificate) -> anyhow::Result<Http> {
    let mut builder = Http::builder()
        .redirect(Policy::none())
        .danger_accept_invalid_certs(certificate == Certificate::Ignored);
    if let Egress::Proxy(proxy) = egress {
        builder = builder.proxy(Proxy::all(proxy)?);
    }
    Ok(builder.build()?)
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// Whether an object exists, read live: caches show only those of this instance of the controller.
pub(crate) async fn exists(server: &Server, key: &ObjectKey) -> Result<Existence, String> {
    let request = http::Request::get(apply::object_path(key))
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    match server.read(request).await {
        Ok(_) => Ok(Existence::There),
        Err(Unanswered::Refused(refused)) if refused.code == 404 => Ok(Existence::Gone),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether an object exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// It does.
    There,
    /// It does not.
    Gone,
}

/// A secret, read live (ANA-26).
///
/// # Errors
/// What the connection or the server says, if asking again may give another answer.
pub(crate) async fn secret(server: &Server, namespace: &str, name: &str) -> Result<Secret, String> {
    let key = ObjectKey::new(SECRETS, namespace, name);
    let request = http::Request::get(apply::object_path(&key))
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    match server.read(request).await {
        Ok(text) => {
            let secret: Data = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok(Secret::Values(
                secret
                    .data
                    .into_iter()
                    .filter_map(|(name, coded)| Some((name, decode(&coded)?)))
                    .collect(),
            ))
        }
        Err(error) => refusal(&error).ok_or_else(|| error.to_string()),
    }
}

/// Reads one object as it is now; `None` if it does not exist.
///
/// # Errors
/// A sentence when nobody can say.
pub(crate) async fn object(server: &Server, key: &ObjectKey) -> Result<Option<Value>, String> {
    let request = http::Request::get(apply::object_path(key))
        .body(Vec::new())
        .map_err(|error| error.to_string())?;
    match server.read(request).await {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| error.to_string()),
        Err(Unanswered::Refused(refused)) if refused.code == 404 => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// An answer that stays the same however often one asks.
fn refusal(error: &Unanswered) -> Option<Secret> {
    let Unanswered::Refused(refused) = error else {
        return None;
    };
    match refused.code {
        404 => Some(Secret::Absent),
        // Tokens are renewed; what takes long or comes too often is asked for once more.
        401 | 408 | 429 => None,
        400..500 => Some(Secret::Refused(refused.message.clone())),
        _ => None,
    }
}

fn decode(coded: &str) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(coded)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
