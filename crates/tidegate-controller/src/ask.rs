//! The only file that calls the outside world: metric providers' requests go out here, with a time
//! limit, a size limit, and to addresses that are open to them.

mod egress;

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt;
use reqwest::{
    Client as Http, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use serde::Deserialize;
use serde_json::Value;
use tidegate_core::{
    analysis_run::Secret,
    plan::{ObjectKey, Resource, SECRETS},
    run::{Failure, Unavailable},
};
use tidegate_integrations::metrics::{Answer, Certificate, Reach, Request};

pub use egress::Network;
pub(crate) use egress::Rules;

use crate::{
    path,
    server::{Server, Unanswered, chain},
};

/// The longest answer that is read. What is longer is refused rather than held in memory.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Who asks, unless a metric or its provider says otherwise.
const USER_AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));

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
    metadata: Http,
    rules: Rules,
}

impl Asker {
    pub(crate) fn new(egress: &Egress, rules: Rules) -> anyhow::Result<Self> {
        // Another part of the process may have chosen a provider already: then that one serves.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(Self {
            checked: http_client(egress, &rules, Certificate::Checked)?,
            unchecked: http_client(egress, &rules, Certificate::Ignored)?,
            // A cloud's credentials are on this machine, so to speak: no proxy leads there.
            metadata: Http::builder()
                .user_agent(USER_AGENT)
                .redirect(Policy::none())
                .no_proxy()
                .dns_resolver(Arc::new(Lookup(Rules::open())))
                .build()?,
            rules,
        })
    }

    /// Sends one request; whatever happens is an answer.
    pub(crate) async fn ask(&self, request: Request) -> Answer {
        let client = match (request.reach, request.certificate) {
            (Reach::Metadata, _) => &self.metadata,
            (Reach::Anywhere, Certificate::Checked) => &self.checked,
            (Reach::Anywhere, Certificate::Ignored) => &self.unchecked,
        };
        if request.reach == Reach::Anywhere
            && let Ok(url) = request.url.parse()
            && let Err(refused) = self.rules.check(&url)
        {
            return Answer::NoAnswer(refused.to_string());
        }
        let mut builder = client
            .request(request.method, &request.url)
            .timeout(request.timeout)
            .body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        match exchange(builder).await {
            Ok(answer) => answer,
            Err(error) if error.is_timeout() => Answer::NoAnswer(format!(
                "no whole answer within {} s; a longer timeout can be given in the metric",
                request.timeout.as_secs_f64()
            )),
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
                "the answer is longer than {limit} MiB; ask for less"
            )));
        }
    }
    Ok(Answer::Response { status, body })
}

fn http_client(egress: &Egress, rules: &Rules, certificate: Certificate) -> anyhow::Result<Http> {
    let mut builder = Http::builder()
        .user_agent(USER_AGENT)
        .redirect(redirects(rules.clone()))
        .dns_resolver(Arc::new(Lookup(rules.clone())))
        .danger_accept_invalid_certs(certificate == Certificate::Ignored);
    if let Egress::Proxy(proxy) = egress {
        builder = builder.proxy(Proxy::all(proxy)?);
    }
    Ok(builder.build()?)
}

/// Looks names up, and finds no address that is closed.
struct Lookup(Rules);

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let open = egress::look_up(&rules, name.as_str()).await?;
            let open: Addrs = Box::new(open.into_iter());
            Ok(open)
        })
    }
}

fn redirects(rules: Rules) -> Policy {
    Policy::custom(move |attempt| {
        match egress::check_redirect(&rules, attempt.previous(), attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(why) => attempt.error(why),
        }
    })
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// Whether an object exists, read live: caches show only those of this instance of the controller.
pub(crate) async fn exists(server: &Server, key: &ObjectKey) -> Result<Existence, String> {
    match read(server, key).await {
        Ok(_) => Ok(Existence::There),
        Err(Unanswered::Unaskable(_)) => Ok(Existence::Gone),
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
    let error = match read(server, &key).await {
        Ok(text) => {
            let secret: Data = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            return Ok(Secret::Values(
                secret
                    .data
                    .into_iter()
                    .filter_map(|(name, coded)| Some((name, decode(&coded)?)))
                    .collect(),
            ));
        }
        Err(error) => error,
    };
    let failure = unread(&error);
    if failure == Failure::NotFound {
        return Ok(Secret::Absent);
    }
    if let Failure::Refused(why) = failure {
        return Ok(Secret::Refused(why));
    }
    Err(error.to_string())
}

/// Reads one object as it is now; `None` if it does not exist.
///
/// # Errors
/// A sentence when nobody can say.
pub(crate) async fn object(server: &Server, key: &ObjectKey) -> Result<Option<Value>, String> {
    match read(server, key).await {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| error.to_string()),
        Err(Unanswered::Unaskable(_)) => Ok(None),
        Err(Unanswered::Refused(refused)) if refused.code == 404 => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// A file of the controller's own, such as a token that is renewed there.
pub(crate) async fn file(path: &str) -> Result<String, String> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|error| format!("{path}: {error}"))
}

/// Reads one object that a decision or a measurement depends on.
pub(crate) async fn value(server: &Server, key: &ObjectKey) -> Result<Value, Failure> {
    parsed(read(server, key).await)
}

/// Reads all objects of a namespace with these labels.
pub(crate) async fn list(
    server: &Server,
    (resource, namespace, selector): (&Resource, &str, &str),
) -> Result<Value, Failure> {
    parsed(text(server, list_path(resource, namespace, selector)).await)
}

fn parsed(answer: Result<String, Unanswered>) -> Result<Value, Failure> {
    let text = answer.map_err(|error| unread(&error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::Unavailable(Unavailable::because(error.to_string())))
}

async fn read(server: &Server, key: &ObjectKey) -> Result<String, Unanswered> {
    text(server, path::of_object(key)?).await
}

/// The path at which all objects of a namespace with these labels are read.
pub(crate) fn list_path(resource: &Resource, namespace: &str, selector: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("labelSelector", selector)
        .finish();
    format!("{}?{query}", path::of_kind(resource, namespace))
}

/// What is read at a path of the API server.
pub(crate) async fn text(server: &Server, path: String) -> Result<String, Unanswered> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Unanswered::Unaskable(error.to_string()))?;
    server.read(request).await
}

/// Why something was not read. What is refused stays so however often one asks.
fn unread(error: &Unanswered) -> Failure {
    let unavailable = || Failure::Unavailable(Unavailable::because(error.to_string()));
    let refused = match error {
        Unanswered::Refused(refused) => refused,
        Unanswered::Unaskable(why) => return Failure::Refused(why.clone()),
        Unanswered::NeverSent(_) | Unanswered::Lost(_) | Unanswered::Silent(_) => {
            return unavailable();
        }
    };
    match refused.code {
        404 => Failure::NotFound,
        // Tokens are renewed; what takes long or comes too often is asked for once more.
        401 | 408 | 429 => unavailable(),
        400..500 => Failure::Refused(refused.message.clone()),
        _ => unavailable(),
    }
}

/// What a Secret holds under a key.
pub(crate) fn decode(coded: &str) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(coded)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
