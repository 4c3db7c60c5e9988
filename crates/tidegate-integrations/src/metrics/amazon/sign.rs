//! Amazon's signature of requests, version 4: who asks is told by a code over what is asked.

use std::{collections::BTreeMap, fmt::Write as _};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use url::Url;

use super::{super::Request, Keys};

/// How it is called.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All that is escaped.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The same in a path.
const ESCAPED_IN_PATH: AsciiSet = ESCAPED.remove(b'/');

/// Adds the headers that say who asks, at an instant which may be at most some minutes past when the request arrives.
///
/// # Errors
/// If the address is none.
pub(in super::super) fn sign(
    request: &mut Request,
    keys: &Keys,
    (region, service): (&str, &str),
    now: Timestamp,
) -> Result<(), String> {
    let failed = |why: String| format!("failed to sign request: {why}");
    let url = Url::parse(&request.url).map_err(|error| failed(error.to_string()))?;
    let at = now.to_zoned(TimeZone::UTC);
    let (date, time) = (
        at.strftime("%Y%m%d").to_string(),
        at.strftime("%Y%m%dT%H%M%SZ").to_string(),
    );
    let mut add = |name: &str, value: &str| {
        request.headers.push((name.to_owned(), value.to_owned()));
    };
    add("X-Amz-Date", &time);
    if let Some(token) = &keys.token {
        add("X-Amz-Security-Token", token);
    }
    let mut headers = signed(&request.headers);
    headers.insert("host".to_owned(), host(&url));
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    let names = names.join(";");
    let mut canonical = format!(
        "{}\n{}\n{}\n",
        request.method,
        utf8_percent_encode(url.path(), &ESCAPED_IN_PATH),
        query(&url)
    );
    for (name, value) in &headers {
        // Writing to a String cannot fail.
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(
        canonical,
        "\n{names}\n{}",
        hex(&Sha256::digest(&request.body))
    );
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let text = format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        hex(&Sha256::digest(&canonical))
    );
    let mut key = format!("AWS4{}", keys.secret).into_bytes();
    for part in [&*date, region, service, "aws4_request"] {
        key = code(&key, part);
    }
    let signature = hex(&code(&key, &text));
    request.headers.push((
        "Authorization".to_owned(),
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            keys.id
        ),
    ));
    Ok(())
}

/// The headers that nobody changes on the way.
fn signed(headers: &[(String, String)]) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| name == "content-type" || name.starts_with("x-amz-"))
        .map(|(name, value)| {
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            (name, words.join(" "))
        })
        .collect()
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The parameters in their order.
fn query(url: &Url) -> String {
    let escape = |text: &str| utf8_percent_encode(text, &ESCAPED).to_string();
    let mut pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (escape(&name), escape(&value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// The code of a text under a key.
fn code(key: &[u8], text: &str) -> Vec<u8> {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("keys may have any length");
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
