//! Where keys come from.

use std::time::Duration;

use http::Method;
use url::{Host, Url};

use super::{
    super::{Certificate, Environment, Reach, Request, Turn},
    ACCESS_KEY_ID, CONTAINER_PATH, CONTAINER_TOKEN, CONTAINER_TOKEN_FILE, CONTAINER_URL, Keys,
    MACHINE_DISABLED, MACHINE_URL, ROLE_ARN, ROLE_SESSION_NAME, SECRET_ACCESS_KEY, SESSION_TOKEN,
    WEB_IDENTITY,
    profile::Profiles,
};

/// Where a container of ECS asks.
const CONTAINER: &str = "http://169.254.170.2";
/// Where a machine asks.
const MACHINE: &str = "http://169.254.169.254";
/// How long these may take: they are near.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the token is good for, in seconds: it is used at once.
const TOKEN_SECONDS: &str = "300";

/// Where keys come from.
#[derive(Clone)]
pub(super) enum Source {
    /// They are there.
    Keys(Keys),
    /// A role is taken with a token in a file.
    WebIdentity {
        /// Which.
        role: Role,
        /// The file.
        token_file: String,
    },
    /// An address that the container is given.
    Container {
        /// The address.
        url: String,
        /// What is shown there.
        token: String,
        /// Or where that lies.
        token_file: String,
    },
    /// The machine's metadata.
    Machine,
}

/// A role to be taken.
#[derive(Clone)]
pub(super) struct Role {
    /// Its name.
    pub arn: String,
    /// Under which name it is taken; one is made up if it is empty.
    pub session: String,
    /// A word that its owner asks for.
    pub external_id: String,
}

/// One profile's part of the way.
pub(super) struct Part {
    /// A role to be taken with what comes next.
    pub role: Option<Role>,
    /// What comes next.
    pub next: Next,
}

/// What a profile leads to.
pub(super) enum Next {
    /// The end.
    Source(Source),
    /// Another profile.
    Profile(String),
}

/// What the environment says by itself.
pub(super) fn of_environment(environment: &Environment) -> Option<Source> {
    let variable = |name: &str| environment.variable(name).to_owned();
    if let Some(keys) = environment_keys(environment) {
        return Some(Source::Keys(keys));
    }
    let token_file = variable(WEB_IDENTITY);
    (!token_file.is_empty()).then(|| Source::WebIdentity {
        role: Role {
            arn: variable(ROLE_ARN),
            session: variable(ROLE_SESSION_NAME),
            external_id: String::new(),
        },
        token_file,
    })
}

fn environment_keys(environment: &Environment) -> Option<Keys> {
    Keys::of(
        environment.variable(ACCESS_KEY_ID),
        environment.variable(SECRET_ACCESS_KEY),
        environment.variable(SESSION_TOKEN),
    )
}

/// What a profile says; one that says nothing leads to container and machine.
pub(super) fn of_profile(
    profiles: &Profiles,
    name: &str,
    environment: &Environment,
) -> Result<Part, String> {
    let get = |member: &str| profiles.get(name, member).to_owned();
    let keys = Keys::of(
        &get("aws_access_key_id"),
        &get("aws_secret_access_key"),
        &get("aws_session_token"),
    );
    let role = Role {
        arn: get("role_arn"),
        session: get("role_session_name"),
        external_id: get("external_id"),
    };
    let has_role = !role.arn.is_empty();
    let (source_profile, origin) = (get("source_profile"), get("credential_source"));
    let token_file = get("web_identity_token_file");
    let with_role = |next: Next| Part {
        role: has_role.then(|| role.clone()),
        next,
    };
    if has_role && !source_profile.is_empty() && source_profile != name {
        return Ok(with_role(Next::Profile(source_profile)));
    }
    if let Some(keys) = keys {
        return Ok(with_role(Next::Source(Source::Keys(keys))));
    }
    if has_role && !origin.is_empty() {
        let source = match origin.as_str() {
            "Environment" => environment_keys(environment)
                .map(Source::Keys)
                .ok_or_else(|| format!("profile {name} wants keys in the environment"))?,
            "EcsContainer" => of_container(environment)?
                .ok_or_else(|| format!("profile {name} wants a container's credentials"))?,
            "Ec2InstanceMetadata" => Source::Machine,
            _ => {
                return Err(format!(
                    "profile {name}: credential_source {origin} is none"
                ));
            }
        };
        return Ok(with_role(Next::Source(source)));
    }
    let end = |source| {
        let next = Next::Source(source);
        Ok(Part { role: None, next })
    };
    if has_role && !token_file.is_empty() {
        return end(Source::WebIdentity { role, token_file });
    }
    for unknown in ["credential_process", "sso_session", "sso_start_url"] {
        if !get(unknown).is_empty() {
            return Err(format!(
                "profile {name}: {unknown} is not supported; use a web identity, keys, or the machine's role"
            ));
        }
    }
    end(of_container(environment)?.unwrap_or(Source::Machine))
}

fn of_container(environment: &Environment) -> Result<Option<Source>, String> {
    let (path, url) = (
        environment.variable(CONTAINER_PATH),
        environment.variable(CONTAINER_URL),
    );
    let url = match (path, url) {
        ("", "") => return Ok(None),
        ("", url) => {
            check(url)?;
            url.to_owned()
        }
        (path, _) => format!("{CONTAINER}{path}"),
    };
    Ok(Some(Source::Container {
        url,
        token: environment.variable(CONTAINER_TOKEN).to_owned(),
        token_file: environment.variable(CONTAINER_TOKEN_FILE).to_owned(),
    }))
}

/// What is not encrypted may lead no farther than to this machine.
fn check(url: &str) -> Result<(), String> {
    let parsed = Url::parse(url).map_err(|error| format!("{CONTAINER_URL} is no URL: {error}"))?;
    let is_near = match parsed.host() {
        Some(Host::Ipv4(address)) => {
            address.is_loopback() || matches!(address.octets(), [169, 254, 170, 2 | 23])
        }
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]
        }
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if is_near || parsed.scheme() == "https" {
        return Ok(());
    }
    Err(format!(
        "{CONTAINER_URL} leads to another machine, and not by https"
    ))
}

/// Asks the address that the container is given.
pub(super) fn container(url: &str, token: &str) -> Turn {
    let token = (!token.is_empty()).then(|| ("Authorization".to_owned(), token.to_owned()));
    metadata(Method::GET, url.to_owned(), token)
}

/// Asks the machine for a token.
pub(super) fn machine_token(environment: &Environment) -> Result<Turn, String> {
    if environment
        .variable(MACHINE_DISABLED)
        .eq_ignore_ascii_case("true")
    {
        return Err(
            "no credentials for Amazon: neither keys, web identity, profile nor container say who asks, and the machine \
             is not to be asked (AWS_EC2_METADATA_DISABLED)"
                .to_owned(),
        );
    }
    let header = (
        "X-aws-ec2-metadata-token-ttl-seconds".to_owned(),
        TOKEN_SECONDS.to_owned(),
    );
    let url = format!("{}/latest/api/token", machine(environment));
    Ok(metadata(Method::PUT, url, Some(header)))
}

/// Asks the machine for its role, or for that role's keys.
pub(super) fn machine_role(environment: &Environment, token: &str, role: &str) -> Turn {
    let base = machine(environment);
    let url = format!("{base}/latest/meta-data/iam/security-credentials/{role}");
    let header = ("X-aws-ec2-metadata-token".to_owned(), token.to_owned());
    metadata(Method::GET, url, Some(header))
}

fn machine(environment: &Environment) -> &str {
    match environment.variable(MACHINE_URL) {
        "" => MACHINE,
        url => url.trim_end_matches('/'),
    }
}

fn metadata(method: Method, url: String, header: Option<(String, String)>) -> Turn {
    Turn::Ask(Box::new(Request {
        method,
        url,
        headers: header.into_iter().collect(),
        body: Vec::new(),
        timeout: TIMEOUT,
        certificate: Certificate::Checked,
        reach: Reach::Metadata,
    }))
}
