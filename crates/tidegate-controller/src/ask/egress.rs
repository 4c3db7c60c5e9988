//! Which addresses metrics may lead to. A metric's address comes from whoever may write a template, and the controller stands
//! where that person does not: so it does not ask the addresses at which clouds hand out credentials, unless told to.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use url::{Host, Url};

/// How many redirects are followed: a server that has moved needs one, one with a load balancer before it two.
const REDIRECTS: usize = 3;

/// Networks at which no metric is to be had, but credentials and the node itself: link-local ones, and where the clouds keep their
/// metadata outside of those.
const REFUSED: [Network; 5] = [
    Network::new(IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    Network::new(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
    // Amazon, by IPv6.
    Network::new(
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        128,
    ),
    // Google, by IPv6.
    Network::new(
        IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
        128,
    ),
    // Alibaba.
    Network::new(IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), 32),
];

/// Names of the same, for a proxy might look them up instead of us.
const NAMES: [&str; 3] = [
    "metadata.google.internal",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
];

/// A network such as `10.0.0.0/8`; an address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    const fn new(address: IpAddr, prefix: u32) -> Self {
        Self { address, prefix }
    }

    fn contains(&self, address: IpAddr) -> bool {
        // What is the same in the first bits vanishes when the rest is shifted out.
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no network such as 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
        };
        if prefix > longest {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

/// Which addresses are open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    allow: Vec<Network>,
    deny: Vec<Network>,
}

/// An address or name is closed, or a redirect leads astray. `Display` says why, and what to do about it.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error for Refused {}

impl Rules {
    /// No address is closed.
    pub(crate) fn open() -> Self {
        Self::new(&REFUSED, &[])
    }

    pub(crate) fn new(allow: &[Network], deny: &[Network]) -> Self {
        Self {
            allow: allow.to_vec(),
            deny: deny.to_vec(),
        }
    }

    /// Whether an address is open. What is denied stays closed, whatever is allowed.
    fn check_address(&self, address: IpAddr, host: &str) -> Result<(), Refused> {
        let address = plain(address);
        let lies_in =
            |networks: &[Network]| networks.iter().copied().find(|net| net.contains(address));
        let of = if address.to_string() == host {
            String::new()
        } else {
            format!(" of {host}")
        };
        if let Some(network) = lies_in(&self.deny) {
            return Err(Refused(format!(
                "address {address}{of} is not asked for metrics: --metric-egress-deny closes {network}"
            )));
        }
        match lies_in(&REFUSED) {
            Some(network) if lies_in(&self.allow).is_none() => Err(Refused(format!(
                "address {address}{of} is not asked for metrics: it lies in {network}, where clouds hand out credentials; \
                 start the controller with --metric-egress-allow={address} if this is meant"
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the host of a URL is open, as far as can be said before it is looked up.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Refused> {
        match url.host() {
            Some(Host::Ipv4(address)) => {
                self.check_address(IpAddr::V4(address), &address.to_string())
            }
            Some(Host::Ipv6(address)) => {
                self.check_address(IpAddr::V6(address), &address.to_string())
            }
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                if NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
                    && self.allow.is_empty()
                {
                    return Err(Refused(format!(
                        "{name} is not asked for metrics: a cloud hands out credentials there; start the controller \
                         with --metric-egress-allow and its address if this is meant"
                    )));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// An IPv4 address behind an IPv6 one: mapped, or through a translator.
fn plain(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    let IpAddr::V6(six) = address else {
        return address;
    };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0, 0, 1..=u16::MAX, _] => {
            let [.., a, b, c, d] = six.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// Looks a name up. What is closed is kept back, so that what was checked is what is connected to.
pub(crate) async fn look_up(
    rules: &Rules,
    host: &str,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    let mut open: Vec<SocketAddr> = Vec::new();
    let mut refused = None;
    for address in tokio::net::lookup_host((host, 0)).await? {
        match rules.check_address(address.ip(), host) {
            Ok(()) => open.push(address),
            Err(why) => refused = Some(why),
        }
    }
    match refused {
        Some(why) if open.is_empty() => Err(why.into()),
        Some(_) | None => Ok(open),
    }
}

/// Whether a redirect is followed: few are, within one host. Differs from upstream, which follows ten anywhere: a server that
/// is asked for a metric could send the controller to others that it can reach, with the headers of the metric.
pub(crate) fn check_redirect(rules: &Rules, previous: &[Url], to: &Url) -> Result<(), Refused> {
    let Some(from) = previous.last() else {
        return Ok(());
    };
    if previous.len() > REDIRECTS {
        return Err(Refused(format!(
            "the server redirects more than {REDIRECTS} times"
        )));
    }
    let told = |why: &str| {
        let to = format!("{}://{}", to.scheme(), to.authority());
        Err(Refused(format!(
            "the server redirects to {to}, which is not followed {why}; give that address in the metric if it is meant"
        )))
    };
    if from.host_str() != to.host_str() {
        return told("because it is another host");
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return told("because it is not encrypted");
    }
    rules.check(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[track_caller]
    fn check(rules: &Rules, url: &str, expected: Option<&str>) {
        let refused = rules.check(&url.parse().unwrap()).err();
        let told = refused.map(|refused| refused.to_string());
        match expected {
            None => assert_eq!(told, None, "{url}"),
            Some(part) => {
                let told = told.unwrap_or_default();
                assert!(told.contains(part), "{url}: {told}");
            }
        }
    }

    #[test]
    fn credentials_of_clouds_are_closed_in_every_spelling() {
        let rules = Rules::default();
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://169.254.170.2/",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[::a9fe:a9fe]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
        ] {
            check(&rules, url, Some("--metric-egress-allow="));
        }
        check(
            &rules,
            "http://Metadata.Google.Internal./",
            Some("hands out credentials"),
        );
    }

    #[test]
    fn addresses_inside_of_clusters_are_open() {
        let rules = Rules::default();
        for url in [
            "http://127.0.0.1:9090/",
            "http://10.0.0.1/",
            "http://192.168.0.1/",
            "http://[::1]/",
            "http://[fd00::1]/",
            "http://prometheus.monitoring/",
            "http://169.253.0.1/",
        ] {
            check(&rules, url, None);
        }
    }

    #[test]
    fn flags_open_and_close() {
        let rules = Rules::new(
            &networks(&["169.254.20.10"]),
            &networks(&["10.0.0.0/8", "::1"]),
        );
        check(&rules, "http://169.254.20.10/", None);
        check(&rules, "http://169.254.169.254/", Some("169.254.0.0/16"));
        check(
            &rules,
            "http://10.1.2.3/",
            Some("--metric-egress-deny closes 10.0.0.0/8"),
        );
        check(&rules, "http://[::1]/", Some("closes ::1/128"));
        let all = Rules::new(&networks(&["0.0.0.0/0"]), &networks(&["::/0"]));
        check(&all, "http://169.254.169.254/", None);
        check(&all, "http://[2001:db8::1]/", Some("closes ::/0"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "::/129", "ten/8", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
