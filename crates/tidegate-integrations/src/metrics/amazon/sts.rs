//! Amazon's Security Token Service, which gives keys to who takes a role.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;

use super::{
    super::{Answer, Certificate, Environment, Reach, Request, Turn, finding::excerpt},
    Keys, STS_ENDPOINT, endpoint, sign,
    source::Role,
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The API's version.
const VERSION: &str = "2011-06-15";
/// How long the keys are to last, in seconds: they are used at once, and this is the least.
const SECONDS: &str = "900";

/// Takes a role with a token of somebody else's.
pub(super) fn with_web_identity(
    environment: &Environment,
    region: &str,
    role: &Role,
    (token, now): (&str, Timestamp),
) -> Turn {
    let action = ("Action", "AssumeRoleWithWebIdentity");
    let body = form(&[action, ("WebIdentityToken", token)], role, now);
    Turn::Ask(Box::new(request(environment, region, body)))
}

/// Takes a role with keys.
pub(super) fn role(
    environment: &Environment,
    (region, keys): (&str, &Keys),
    role: &Role,
    now: Timestamp,
) -> Result<Turn, String> {
    let body = form(&[("Action", "AssumeRole")], role, now);
    let mut request = request(environment, region, body);
    sign(&mut request, keys, (region, "sts"), now)?;
    Ok(Turn::Ask(Box::new(request)))
}

fn form(more: &[(&str, &str)], role: &Role, now: Timestamp) -> Vec<u8> {
    let session = match role.session.as_str() {
        "" => format!("tidegate-{}", now.as_second()),
        name => name.to_owned(),
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(more)
        .append_pair("DurationSeconds", SECONDS)
        .append_pair("RoleArn", &role.arn)
        .append_pair("RoleSessionName", &session)
        .append_pair("Version", VERSION);
    if !role.external_id.is_empty() {
        form.append_pair("ExternalId", &role.external_id);
    }
    form.finish().into_bytes()
}

fn request(environment: &Environment, region: &str, body: Vec<u8>) -> Request {
    Request {
        method: Method::POST,
        url: endpoint(environment, (STS_ENDPOINT, "sts"), region),
        headers: vec![(
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body,
        timeout: TIMEOUT,
        certificate: Certificate::Checked,
        reach: Reach::Anywhere,
    }
}

/// The keys in an answer.
pub(super) fn keys(answer: Answer) -> Result<Keys, String> {
    let (status, body) = answer
        .http()
        .map_err(|why| format!("sts cannot be reached: {why}"))?;
    let text = String::from_utf8_lossy(&body);
    if status != 200 {
        let told = match (element(&text, "Code"), element(&text, "Message")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code,
            (None, _) => String::new(),
        };
        let told = excerpt(told.as_bytes());
        return Err(format!("sts answered with status {status}: {told}"));
    }
    let part = |name: &str| element(&text, name).unwrap_or_default();
    Keys::of(
        &part("AccessKeyId"),
        &part("SecretAccessKey"),
        &part("SessionToken"),
    )
    .ok_or_else(|| "sts gave no keys".to_owned())
}

/// The text of the first element of a name. The service's answers are flat, and these elements hold nothing but text: for them
/// a reader of all XML would be too much.
fn element(xml: &str, name: &str) -> Option<String> {
    const ENTITIES: [(&str, &str); 5] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once('<')?;
    let plain = |text: String, (entity, plain): (&str, &str)| text.replace(entity, plain);
    Some(ENTITIES.into_iter().fold(text.trim().to_owned(), plain))
}
