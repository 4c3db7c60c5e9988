//! Amazon's servers: who asks them, found where Amazon's own libraries look, and how requests are signed (MP-106, MP-505).
//!
//! The order is that of Amazon's library for Go: a profile that is named; keys in the environment; a web identity, as a
//! cluster gives its pods one; the profile `default`; the address that a container is given; the machine's metadata.

mod credentials;
mod profile;
mod sign;
mod source;
mod sts;

use jiff::Timestamp;

use super::{Answer, Environment, Turn};
use profile::Profiles;
use source::{Role, Source};

pub(super) use credentials::{Identity, Keys};
pub(super) use sign::sign;

/// Region of the controller.
pub(super) const REGION: &str = "AWS_REGION";
/// The same, in another library's words.
pub(super) const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
/// Keys.
pub(super) const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// Their secret part.
pub(super) const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// What keys that do not last need besides.
pub(super) const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
/// The profile in the files of the controller.
pub(super) const PROFILE: &str = "AWS_PROFILE";
/// The file with profiles' keys.
pub(super) const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
/// The file with what else there is of profiles.
pub(super) const CONFIG_FILE: &str = "AWS_CONFIG_FILE";
/// Where these files lie if nobody says so.
pub(super) const HOME: &str = "HOME";
/// Which role the web identity takes.
pub(super) const ROLE_ARN: &str = "AWS_ROLE_ARN";
/// Under which name.
pub(super) const ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
/// Where the web identity's token lies.
pub(super) const WEB_IDENTITY: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
/// Where a container of ECS asks.
pub(super) const CONTAINER_PATH: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
/// Where a container asks, such as a pod of EKS.
pub(super) const CONTAINER_URL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// What it shows there.
pub(super) const CONTAINER_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
/// Where that lies.
pub(super) const CONTAINER_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// Whether the machine's metadata is not to be asked.
pub(super) const MACHINE_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
/// Where it is.
pub(super) const MACHINE_URL: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
/// Where all services are, instead of at Amazon.
pub(super) const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// Where roles are taken.
pub(super) const STS_ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";
/// Where `CloudWatch` is.
pub(super) const CLOUDWATCH_ENDPOINT: &str = "AWS_ENDPOINT_URL_CLOUDWATCH";

/// How long files are followed from profile to profile.
const LONGEST_CHAIN: usize = 8;

/// What a metric says about who asks; what is empty is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// The region.
    pub region: String,
    /// The profile.
    pub profile: String,
    /// The role that is taken at last.
    pub role_arn: String,
}

/// What comes next.
pub(super) enum Step {
    /// This is wanted.
    Turn(Turn),
    /// It is known who asks.
    Known(Box<Identity>),
}

/// The way to who asks.
pub(super) struct Chain {
    environment: Environment,
    wanted: Wanted,
    profiles: Profiles,
    region: String,
    /// Roles to be taken one after another, the first at the end.
    roles: Vec<Role>,
    state: State,
    /// What nobody may see: tokens on the way.
    passed: Vec<String>,
}

/// What is waited for.
#[derive(Clone)]
enum State {
    Credentials,
    Config,
    Token(Source),
    Keys(Source),
    Machine(Machine),
    Role,
}

/// The machine's metadata is asked three times.
#[derive(Clone)]
enum Machine {
    Token,
    Role { token: String },
    Keys,
}

impl Chain {
    /// Nothing is asked yet.
    pub(super) fn new(environment: &Environment, wanted: Wanted) -> Self {
        Self {
            environment: environment.clone(),
            wanted,
            profiles: Profiles::default(),
            region: String::new(),
            roles: Vec::new(),
            state: State::Credentials,
            passed: Vec::new(),
        }
    }

    /// What comes first.
    ///
    /// # Errors
    /// If nobody says who asks.
    pub(super) fn begin(&mut self, now: Timestamp) -> Result<Step, String> {
        let is_complete = self.profile().is_none()
            && !self.told_region().is_empty()
            && source::of_environment(&self.environment).is_some();
        if is_complete {
            return self.resolve(now);
        }
        Ok(self.file(State::Credentials, CREDENTIALS_FILE, "credentials"))
    }

    /// What comes after an answer.
    ///
    /// # Errors
    /// If nobody says who asks.
    pub(super) fn read(&mut self, answer: Answer, now: Timestamp) -> Result<Step, String> {
        match self.state.clone() {
            State::Credentials => {
                if let Ok(text) = answer.file() {
                    self.profiles.read_credentials(&text);
                }
                Ok(self.file(State::Config, CONFIG_FILE, "config"))
            }
            State::Config => {
                if let Ok(text) = answer.file() {
                    self.profiles.read_config(&text);
                }
                self.resolve(now)
            }
            State::Token(source) => {
                let token = answer.file()?.trim().to_owned();
                self.passed.push(token.clone());
                self.fetch(source, &token, now)
            }
            State::Keys(Source::WebIdentity { .. }) | State::Role => {
                let keys = sts::keys(answer)?;
                self.known(keys, now)
            }
            State::Keys(_) => {
                let keys = credentials::handed_out(answer, "the container's credentials")?;
                self.known(keys, now)
            }
            State::Machine(step) => self.read_machine(&step, answer, now),
        }
    }

    /// What nobody may see.
    pub(super) fn secrets(&self) -> Vec<String> {
        self.passed.clone()
    }

    /// The profile that somebody names.
    fn profile(&self) -> Option<&str> {
        let named = [
            self.wanted.profile.as_str(),
            self.environment.variable(PROFILE),
        ];
        named.into_iter().find(|name| !name.is_empty())
    }

    /// The region that somebody names outside of files.
    fn told_region(&self) -> &str {
        let told = [
            self.wanted.region.as_str(),
            self.environment.variable(REGION),
            self.environment.variable(DEFAULT_REGION),
        ];
        told.into_iter()
            .find(|region| !region.is_empty())
            .unwrap_or_default()
    }

    fn file(&mut self, state: State, variable: &str, name: &str) -> Step {
        self.state = state;
        Step::Turn(Turn::File(match self.environment.variable(variable) {
            "" => format!("{}/.aws/{name}", self.environment.variable(HOME)),
            path => path.to_owned(),
        }))
    }

    /// All files are read: who it is.
    fn resolve(&mut self, now: Timestamp) -> Result<Step, String> {
        let name = self.profile().unwrap_or("default").to_owned();
        self.region = match self.told_region() {
            "" => self.profiles.region(&name).to_owned(),
            region => region.to_owned(),
        };
        if self.region.is_empty() {
            return Err(
                "region not configured in sigv4 or in default credentials chain: set AWS_REGION for the controller"
                    .to_owned(),
            );
        }
        // It becomes a part of addresses to which tokens are sent, and a metric may have written it.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !self.region.bytes().all(is_plain) {
            return Err(format!("region {:?} is none", self.region));
        }
        if !self.wanted.role_arn.is_empty() {
            self.roles.push(Role {
                arn: self.wanted.role_arn.clone(),
                session: String::new(),
                external_id: String::new(),
            });
        }
        let is_named = self.profile().is_some();
        if is_named && !self.profiles.has(&name) {
            return Err(format!("failed to get shared config profile, {name}"));
        }
        let of_environment = source::of_environment(&self.environment);
        let source = match of_environment.filter(|_| !is_named) {
            Some(source) => source,
            None => self.of_profile(name)?,
        };
        self.follow(source, now)
    }

    /// What a profile says, and those that it names.
    fn of_profile(&mut self, mut name: String) -> Result<Source, String> {
        for _ in 0..LONGEST_CHAIN {
            let step = source::of_profile(&self.profiles, &name, &self.environment)?;
            self.roles.extend(step.role);
            match step.next {
                source::Next::Source(source) => return Ok(source),
                source::Next::Profile(next) => name = next,
            }
        }
        Err(format!("profile {name} names itself in a circle"))
    }

    fn follow(&mut self, source: Source, now: Timestamp) -> Result<Step, String> {
        match &source {
            Source::Keys(keys) => self.known(keys.clone(), now),
            Source::WebIdentity { token_file, .. } => {
                let path = token_file.clone();
                self.state = State::Token(source);
                Ok(Step::Turn(Turn::File(path)))
            }
            Source::Container { token_file, .. } if !token_file.is_empty() => {
                let path = token_file.clone();
                self.state = State::Token(source);
                Ok(Step::Turn(Turn::File(path)))
            }
            Source::Container { token, .. } => {
                let token = token.clone();
                self.passed.push(token.clone());
                self.fetch(source, &token, now)
            }
            Source::Machine => {
                self.state = State::Machine(Machine::Token);
                source::machine_token(&self.environment).map(Step::Turn)
            }
        }
    }

    /// Asks for keys, by a token.
    fn fetch(&mut self, source: Source, token: &str, now: Timestamp) -> Result<Step, String> {
        let turn = match &source {
            Source::WebIdentity { role, .. } => {
                sts::with_web_identity(&self.environment, &self.region, role, (token, now))
            }
            Source::Container { url, .. } => source::container(url, token),
            Source::Keys(_) | Source::Machine => {
                return Err("there is no token to ask with".to_owned());
            }
        };
        self.state = State::Keys(source);
        Ok(Step::Turn(turn))
    }

    fn read_machine(
        &mut self,
        step: &Machine,
        answer: Answer,
        now: Timestamp,
    ) -> Result<Step, String> {
        let what = "the machine's metadata";
        match step {
            Machine::Token => {
                let token = credentials::text(answer, what)?;
                self.passed.push(token.clone());
                let turn = source::machine_role(&self.environment, &token, "");
                self.state = State::Machine(Machine::Role { token });
                Ok(Step::Turn(turn))
            }
            Machine::Role { token } => {
                let roles = credentials::text(answer, what)?;
                let role = roles.lines().next().unwrap_or_default().trim();
                if role.is_empty() {
                    return Err(format!("{what} names no role"));
                }
                let turn = source::machine_role(&self.environment, token, role);
                self.state = State::Machine(Machine::Keys);
                Ok(Step::Turn(turn))
            }
            Machine::Keys => {
                let keys = credentials::handed_out(answer, what)?;
                self.known(keys, now)
            }
        }
    }

    /// Keys are there: a role is taken with them, or they are what was looked for.
    fn known(&mut self, keys: Keys, now: Timestamp) -> Result<Step, String> {
        self.passed.extend(keys.secrets());
        let Some(role) = self.roles.pop() else {
            return Ok(Step::Known(Box::new(Identity {
                keys,
                region: self.region.clone(),
            })));
        };
        let turn = sts::role(&self.environment, (&self.region, &keys), &role, now)?;
        self.state = State::Role;
        Ok(Step::Turn(turn))
    }
}

/// Where a service of a region is.
pub(super) fn endpoint(
    environment: &Environment,
    (variable, service): (&str, &str),
    region: &str,
) -> String {
    let told = [
        environment.variable(variable),
        environment.variable(ENDPOINT),
    ];
    match told.into_iter().find(|url| !url.is_empty()) {
        Some(url) => format!("{}/", url.trim_end_matches('/')),
        None => format!("https://{service}.{region}.{}/", domain(region)),
    }
}

/// Whether a host is one of Amazon's, so that others cannot collect what is signed.
pub(super) fn is_amazons(host: &str) -> bool {
    let domains = DOMAINS.iter().map(|(_, domain)| *domain);
    domains.chain([DOMAIN, "api.aws"]).any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|name| name.ends_with('.'))
    })
}

/// The domain of most servers.
const DOMAIN: &str = "amazonaws.com";
/// Those of other partitions, by how their regions begin.
const DOMAINS: [(&str, &str); 4] = [
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eusc-", "amazonaws.eu"),
];

/// The domain of a region's servers.
fn domain(region: &str) -> &'static str {
    DOMAINS
        .into_iter()
        .find(|(start, _)| region.starts_with(start))
        .map_or(DOMAIN, |(_, domain)| domain)
}
