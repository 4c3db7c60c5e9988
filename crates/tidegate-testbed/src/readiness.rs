//! Waiting until a server answers as it must.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::process::Process;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until the answer to a GET, head and body, is as it must be.
///
/// # Errors
/// When the process ends, or takes too long; the folder of its log is named.
pub(crate) async fn until(
    process: &mut Process,
    logs: &Path,
    (address, path): (SocketAddr, &str),
    holds: impl Fn(&str) -> bool,
) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        process
            .check()
            .with_context(|| format!("see its log in {}", logs.display()))?;
        match ask(address, &format!("GET {path}"), "").await {
            Ok(text) if holds(&text) => return Ok(()),
            Ok(_) | Err(_) if Instant::now() < end => tokio::time::sleep(LOOK).await,
            Ok(text) => bail!("http://{address}{path} still answers {text}"),
            Err(error) => bail!(
                "http://{address}{path} does not answer after {} s: {error}; see {}",
                PATIENCE.as_secs(),
                logs.display()
            ),
        }
    }
}

/// What is answered, head and body, to a request such as `GET /metrics`.
pub(crate) async fn ask(address: SocketAddr, request: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let text =
        format!("{request} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
