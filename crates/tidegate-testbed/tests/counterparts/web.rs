//! Servers over HTTPS, with a CA that only the controller's environment knows (MP-301 to MP-304), and all that
//! can be wrong with them, their certificates and their answers.

use anyhow::Result;
use rcgen::date_time_ymd;
use serde_json::json;
use tidegate_testbed::{bench::Bench, control_plane::free_port};

use crate::{
    runs::{self, Case},
    servers::{Authority, Server},
    vendors,
};

/// The most of an enormous answer that may be on its way when it is given up, in mebibytes: the limit of 16, and
/// what lies in sockets.
const MOST_TAKEN: usize = 32;
/// The most memory that the controller may ever have had, in kibibytes: it has some 60 MiB without any answers,
/// and those that are refused have 100 each.
const MOST_MEMORY: u64 = 160 * 1024;

/// A case of a server whose answers are good, if it is asked at all.
fn case(name: &str, url: &str, comes_to: (&str, &str)) -> Case {
    let asks = json!({"url": url, "jsonPath": "{.rate}"});
    Case::new(name, json!({"web": asks}), comes_to)
}

/// Servers with a certificate that does not fit, and what is said about each.
async fn bad_certificates(ca: &Authority) -> Result<(Vec<Server>, Vec<Case>)> {
    let stranger = Authority::new("stranger")?.certify("127.0.0.1", |_| {})?;
    let other_name = ca.certify("other.example.com", |_| {})?;
    let expired = ca.certify("127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    })?;
    let (mut servers, mut cases) = (Vec::new(), Vec::new());
    for (name, tls, told) in [
        (
            "unknown-ca",
            stranger,
            "invalid peer certificate: UnknownIssuer",
        ),
        (
            "other-name",
            other_name,
            "certificate not valid for name \"127.0.0.1\"",
        ),
        (
            "expired",
            expired,
            "invalid peer certificate: certificate expired",
        ),
    ] {
        let server = Server::start(Some(tls)).await?;
        let url = format!("https://127.0.0.1:{}/rate", server.port);
        cases.push(case(name, &url, ("Error", told)));
        servers.push(server);
    }
    let ignored = [
        "unknown-ca-ignored",
        "other-name-ignored",
        "expired-ignored",
    ];
    for (name, server) in ignored.into_iter().zip(&servers) {
        let url = format!("https://127.0.0.1:{}/rate", server.port);
        let asks = json!({"url": url, "jsonPath": "{.rate}", "insecure": true});
        cases.push(Case::new(name, json!({"web": asks}), ("Successful", "0.5")));
    }
    Ok((servers, cases))
}

/// Nobody there, somebody who does not speak TLS, and addresses that nobody may be asked at.
fn nobody(plain: &Server) -> Result<Vec<Case>> {
    let refused = |name, url: &str, told: &str| case(name, url, ("Error", told));
    let free = format!("https://127.0.0.1:{}/", free_port()?);
    Ok(vec![
        refused("nobody", &free, "Connection refused"),
        refused("no-such-name", "https://metrics.invalid/", "dns error"),
        refused(
            "no-tls",
            &format!("https://127.0.0.1:{}/rate", plain.port),
            "received corrupt message",
        ),
        refused(
            "closed",
            "http://169.254.169.254/latest/meta-data",
            "start the controller with --metric-egress-allow=169.254.169.254 if this is meant",
        ),
        refused("no-url", "rate", "unsupported protocol scheme \"\""),
    ])
}

/// The most memory that a process ever had, in kibibytes.
fn peak(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.unwrap_or_default().parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_https_is_asked_and_whatever_is_wrong_with_it_is_told() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-web").await? else {
        return Ok(());
    };
    let ca = Authority::new("known")?;
    let file = bench.folder().join("web-ca.crt");
    std::fs::write(&file, ca.pem())?;
    let trusted = Server::start(Some(ca.certify("127.0.0.1", |_| {})?)).await?;
    let plain = Server::start(None).await?;
    let (_servers, mut cases) = bad_certificates(&ca).await?;
    let url = format!("https://127.0.0.1:{}", trusted.port);
    cases.extend(Case::read(include_str!("web.yaml"), |mut asks| {
        let path = asks["url"].as_str().unwrap_or_default();
        asks["url"] = json!(format!("{url}{path}"));
        json!({"web": asks})
    })?);
    let agent = concat!("\"tidegate/", env!("CARGO_PKG_VERSION"), "\"");
    let asks = json!({"url": format!("{url}/mirror"), "jsonPath": "{.agent}"});
    cases.push(Case::new(
        "agent",
        json!({"web": asks}),
        ("Successful", agent),
    ));
    cases.extend(nobody(&plain)?);
    let stranger = Server::start(Some(
        Authority::new("stranger")?.certify("127.0.0.1", |_| {})?,
    ))
    .await?;
    let unknown = format!("https://127.0.0.1:{}", stranger.port);
    let vendors = [
        (
            "unknown",
            &*unknown,
            "invalid peer certificate: UnknownIssuer",
        ),
        ("refused", &*url, "403"),
    ];
    cases.extend(vendors::cases(&bench, &vendors).await?);

    let variable = ("SSL_CERT_FILE", file.display().to_string());
    let controller = bench.controller(&[variable])?;
    runs::check(&bench, "", &cases).await?;

    let taken = trusted.taken();
    assert!(taken <= MOST_TAKEN, "{taken} MiB of an answer were taken");
    let memory = peak(controller.id())?;
    assert!(memory <= MOST_MEMORY, "the controller had {memory} KiB");
    Ok(())
}
