//! Signing in by OAuth 2 client credentials: a token is asked for before each measurement (MP-106, MP-303).

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value as Json;
use tidegate_api::analysis::OAuth2Config;
use tidegate_gocompat::quote::quote;

use super::{
    Answer, Certificate, Reach, Request,
    basic::{self, without_credentials},
    finding::excerpt,
};

/// A client that asks for a token.
#[derive(Debug)]
pub(super) struct Client {
    config: OAuth2Config,
    timeout: Duration,
    certificate: Certificate,
    style: Style,
}

/// How the client says who it is. Both ways are tried, since servers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// In a header: this comes first.
    Header,
    /// Among the parameters.
    Parameters,
}

/// What comes after an answer.
#[derive(Debug)]
pub(super) enum Step {
    /// This is asked.
    Ask(Box<Request>),
    /// The value of the header `Authorization`.
    Token(String),
    /// There is no token, and why.
    Failed(String),
}

impl Client {
    /// The client that a metric describes, if it does.
    ///
    /// # Errors
    /// If it is described by half.
    pub(super) fn of(
        config: &OAuth2Config,
        timeout: Duration,
        certificate: Certificate,
    ) -> Result<Option<Self>, String> {
        if config.token_url.is_empty() {
            return Ok(None);
        }
        if config.client_id.is_empty() || config.client_secret.is_empty() {
            return Err("missing mandatory parameter in metric for OAuth2 setup".to_owned());
        }
        Ok(Some(Self {
            config: config.clone(),
            timeout,
            certificate,
            style: Style::Header,
        }))
    }

    /// Asks for a token.
    pub(super) fn request(&self) -> Request {
        let OAuth2Config {
            client_id,
            client_secret,
            token_url,
            scopes,
        } = &self.config;
        let mut headers = vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )];
        let mut form = form_urlencoded::Serializer::new(String::new());
        match self.style {
            Style::Header => {
                let code = basic::code(&escape(client_id), &escape(client_secret));
                headers.push(("authorization".to_owned(), format!("Basic {code}")));
            }
            Style::Parameters => {
                form.append_pair("client_id", client_id);
                form.append_pair("client_secret", client_secret);
            }
        }
        form.append_pair("grant_type", "client_credentials");
        if !scopes.is_empty() {
            form.append_pair("scope", &scopes.join(" "));
        }
        Request {
            method: Method::POST,
            url: token_url.clone(),
            headers,
            body: form.finish().into_bytes(),
            timeout: self.timeout,
            certificate: self.certificate,
            reach: Reach::Anywhere,
        }
    }

    /// Reads the answer. Differs from upstream: a server that cannot be reached is not asked a second time.
    pub(super) fn read(&mut self, answer: Answer) -> Step {
        let (status, body) = match answer.http() {
            Ok(answer) => answer,
            Err(why) => {
                let url = without_credentials(&self.config.token_url);
                return Step::Failed(format!(
                    "Post {}: {why}; check authentication.oauth2.tokenUrl",
                    quote(url.as_bytes())
                ));
            }
        };
        match (token(status, &body), self.style) {
            (Ok(token), _) => Step::Token(token),
            (Err(_), Style::Header) => {
                self.style = Style::Parameters;
                Step::Ask(Box::new(self.request()))
            }
            (Err(why), Style::Parameters) => Step::Failed(why),
        }
    }
}

fn escape(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The members of an answer that matter.
#[derive(Default)]
struct Reply {
    token: String,
    kind: String,
    error: [String; 3],
}

/// The value of the header, in upstream's words if there is none.
fn token(status: u16, body: &[u8]) -> Result<String, String> {
    let is_success = (200..300).contains(&status);
    let reply = match reply(body) {
        Ok(reply) => reply,
        Err(_) if !is_success => Reply::default(),
        Err(why) => return Err(format!("oauth2: cannot parse json: {why}")),
    };
    let [code, description, uri] = &reply.error;
    if !code.is_empty() {
        let mut message = format!("oauth2: {}", quote(code.as_bytes()));
        for more in [description, uri] {
            if !more.is_empty() {
                message.push(' ');
                message.push_str(&quote(more.as_bytes()));
            }
        }
        return Err(message);
    }
    if !is_success {
        let reason = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let shown = excerpt(body);
        return Err(format!(
            "oauth2: cannot fetch token: {status} {reason}\nResponse: {shown}"
        ));
    }
    if reply.token.is_empty() {
        return Err("oauth2: server response missing access_token".to_owned());
    }
    let kind = match reply.kind.to_ascii_lowercase().as_str() {
        "" | "bearer" => "Bearer",
        "mac" => "MAC",
        "basic" => "Basic",
        _ => &reply.kind,
    };
    Ok(format!("{kind} {}", reply.token))
}

/// Most servers answer in JSON, some as forms are sent. Upstream goes by the content type, we by the content.
fn reply(body: &[u8]) -> Result<Reply, String> {
    let json: Json = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(_) if is_form(body) => {
            let mut reply = Reply::default();
            for (name, value) in form_urlencoded::parse(body) {
                let place = match name.as_ref() {
                    "access_token" => &mut reply.token,
                    "token_type" => &mut reply.kind,
                    "error" => &mut reply.error[0],
                    "error_description" => &mut reply.error[1],
                    "error_uri" => &mut reply.error[2],
                    _ => continue,
                };
                *place = value.into_owned();
            }
            return Ok(reply);
        }
        Err(error) => return Err(error.to_string()),
    };
    let text = |name: &str| match &json[name] {
        Json::Null => Ok(String::new()),
        Json::String(text) => Ok(text.clone()),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            Err(format!("{name} is no text"))
        }
    };
    if !json.is_object() {
        return Err("the answer is no object".to_owned());
    }
    Ok(Reply {
        token: text("access_token")?,
        kind: text("token_type")?,
        error: [
            text("error")?,
            text("error_description")?,
            text("error_uri")?,
        ],
    })
}

fn is_form(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, _)| matches!(name.as_ref(), "access_token" | "error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        let config = OAuth2Config {
            token_url: "https://id/token".to_owned(),
            client_id: "a b".to_owned(),
            client_secret: "s&t".to_owned(),
            scopes: vec!["one".to_owned(), "two".to_owned()],
        };
        Client::of(&config, Duration::from_secs(1), Certificate::Checked)
            .unwrap()
            .unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        let body = body.as_bytes().to_vec();
        Answer::Response { status, body }
    }

    /// The outcome of two answers of the same kind.
    #[track_caller]
    fn check(status: u16, body: &str, expected: &str) {
        let mut client = client();
        let step = match client.read(answer(status, body)) {
            Step::Ask(_) => client.read(answer(status, body)),
            step @ (Step::Token(_) | Step::Failed(_)) => step,
        };
        let told = match step {
            Step::Token(header) => header,
            Step::Failed(why) => why,
            Step::Ask(_) => panic!("there are two ways only"),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_client_names_itself_in_a_header_and_then_in_parameters() {
        let mut client = client();
        let first = client.request();
        assert_eq!(first.headers[1].1, "Basic YStiOnMlMjZ0");
        assert_eq!(
            first.body,
            b"grant_type=client_credentials&scope=one+two".to_vec()
        );
        let Step::Ask(second) = client.read(answer(401, "")) else {
            panic!("the other way is tried");
        };
        assert_eq!(second.headers.len(), 1);
        assert_eq!(
            String::from_utf8(second.body).unwrap(),
            "client_id=a+b&client_secret=s%26t&grant_type=client_credentials&scope=one+two"
        );
    }

    #[test]
    fn tokens_of_all_kinds_become_headers() {
        check(200, r#"{"access_token":"t"}"#, "Bearer t");
        check(
            200,
            r#"{"access_token":"t","token_type":"bearer","expires_in":"1"}"#,
            "Bearer t",
        );
        check(200, r#"{"access_token":"t","token_type":"DPoP"}"#, "DPoP t");
        check(200, "access_token=t&token_type=mac", "MAC t");
    }

    #[test]
    fn a_server_that_gives_no_token_is_quoted() {
        check(
            400,
            r#"{"error":"invalid_client","error_description":"who?"}"#,
            r#"oauth2: "invalid_client" "who?""#,
        );
        check(
            503,
            "busy",
            "oauth2: cannot fetch token: 503 Service Unavailable\nResponse: busy",
        );
        check(200, "{}", "oauth2: server response missing access_token");
        check(
            200,
            "<html>",
            "oauth2: cannot parse json: expected value at line 1 column 1",
        );
        check(200, r#"{"error":"slow_down"}"#, r#"oauth2: "slow_down""#);
    }

    #[test]
    fn a_client_described_by_half_is_refused() {
        let config = OAuth2Config {
            token_url: "https://id/token".to_owned(),
            client_id: "a".to_owned(),
            ..OAuth2Config::default()
        };
        let refused = Client::of(&config, Duration::ZERO, Certificate::Checked).unwrap_err();
        assert_eq!(
            refused,
            "missing mandatory parameter in metric for OAuth2 setup"
        );
    }
}
