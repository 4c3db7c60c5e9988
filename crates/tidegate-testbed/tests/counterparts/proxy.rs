//! A proxy of the environment: what it is asked for, and what passes it by.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use serde_json::json;
use tidegate_testbed::bench::Bench;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    runs::{self, Case},
    servers::{Authority, Server},
};

/// A name that only the proxy knows.
const NAME: &str = "metrics.example.com";
/// The longest head of a request that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// A proxy that leads wherever it is asked to one server; dropping it ends it.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// `encrypted` is where tunnels lead, `plain` where everything else does.
    async fn start(encrypted: u16, plain: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    // However it ends, the run tells.
                    let _ended = lead(stream, (encrypted, plain), &seen).await;
                });
            }
        });
        Ok(Self { port, asked, task })
    }

    /// The first lines of what it was asked. A tunnel may serve twice, so each counts once.
    fn asked(&self) -> Result<BTreeSet<String>> {
        let asked = self.asked.lock().ok().context("nobody panics with it")?;
        Ok(asked.iter().cloned().collect())
    }
}

async fn lead(
    mut stream: TcpStream,
    (encrypted, plain): (u16, u16),
    asked: &Mutex<Vec<String>>,
) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST {
        head.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head);
    let first = text.lines().next().unwrap_or_default().to_owned();
    let is_tunnel = first.starts_with("CONNECT ");
    asked
        .lock()
        .ok()
        .context("nobody panics with it")?
        .push(first);
    let port = if is_tunnel { encrypted } else { plain };
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    if is_tunnel {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    } else {
        // The whole address in the first line is what servers must take, too.
        server.write_all(&head).await?;
    }
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_of_the_environment_is_asked_but_for_what_it_says() -> Result<()> {
    let Some(bench) = Bench::start("counterparts-proxy").await? else {
        return Ok(());
    };
    let ca = Authority::new("known")?;
    let file = bench.folder().join("web-ca.crt");
    std::fs::write(&file, ca.pem())?;
    let named = Server::start(Some(ca.certify(NAME, |_| {})?)).await?;
    let near = Server::start(Some(ca.certify("127.0.0.1", |_| {})?)).await?;
    let plain = Server::start(None).await?;
    let proxy = Proxy::start(named.port, plain.port).await?;
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let _controller = bench.controller(&[
        ("SSL_CERT_FILE", file.display().to_string()),
        ("HTTPS_PROXY", address.clone()),
        ("HTTP_PROXY", address),
        ("NO_PROXY", "127.0.0.1".to_owned()),
    ])?;
    let case = |name, url: &str, comes_to| {
        let web = json!({"web": {"url": url, "jsonPath": "{.rate}"}});
        Case::new(name, web, comes_to)
    };
    let cases = [
        case(
            "tunnel",
            &format!("https://{NAME}/rate"),
            ("Successful", "0.5"),
        ),
        case(
            "no-tunnel",
            &format!("http://{NAME}/rate"),
            ("Successful", "0.5"),
        ),
        case(
            "near",
            &format!("https://127.0.0.1:{}/rate", near.port),
            ("Successful", "0.5"),
        ),
        // A proxy would look it up, where nobody holds it against rules.
        case(
            "metadata",
            "http://metadata.google.internal/",
            ("Error", "hands out credentials"),
        ),
    ];
    runs::check(&bench, "", &cases).await?;
    let asked = [
        format!("CONNECT {NAME}:443 HTTP/1.1"),
        format!("GET http://{NAME}/rate HTTP/1.1"),
    ];
    assert_eq!(proxy.asked()?, BTreeSet::from(asked));
    assert_eq!(near.requests(), 1);
    Ok(())
}
