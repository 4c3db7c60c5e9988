//! What operators and their machines ask the process itself: `/healthz` and `/metrics` (OPS-05).

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};

/// The longest request that is read: those that are answered have a line and a few headers.
const LONGEST_REQUEST: usize = 8 * 1024;
/// How long one exchange may take, so that silent clients take no place for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// Exchanges at once; more wait.
const AT_ONCE: usize = 16;
/// What answers from `/healthz`.
const HEALTHY: &str = "ok";
/// The format of `/metrics`.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Makes the page of `/metrics`.
pub(crate) type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What a listener answers.
#[derive(Clone)]
pub(crate) enum Page {
    /// `ok`, whatever is asked: the process is alive.
    Health,
    /// The metrics, at `/metrics`.
    Metrics(Metrics),
}

/// A listener.
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Ends with it.
    pub(crate) task: JoinHandle<()>,
}

/// Answers on a port until the task is aborted; port 0 takes any free one.
///
/// # Errors
/// When the port cannot be bound; the sentence names the flag.
pub(crate) async fn serve(port: u16, flag: &str, page: Page) -> anyhow::Result<Listener> {
    // Where there is IPv6, its socket takes IPv4 as well.
    let all: [SocketAddr; 2] = [
        (Ipv6Addr::UNSPECIFIED, port).into(),
        (Ipv4Addr::UNSPECIFIED, port).into(),
    ];
    let listener = TcpListener::bind(&all[..])
        .await
        .with_context(|| format!("cannot listen on port {port}: choose another with {flag}"))?;
    let address = listener.local_addr()?;
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let task = tokio::spawn(async move {
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = listener.accept().await else {
                // Too many open files, say: they become fewer.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let page = page.clone();
            tokio::spawn(async move {
                // A client that goes away is no matter of ours.
                let _ = tokio::time::timeout(PATIENCE, exchange(stream, page)).await;
                drop(place);
            });
        }
    });
    Ok(Listener { address, task })
}

async fn exchange(mut stream: TcpStream, page: Page) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0_u8; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST_REQUEST {
        match stream.read(&mut chunk).await? {
            0 => break,
            length => request.extend_from_slice(chunk.get(..length).unwrap_or_default()),
        }
    }
    let answer = answer(&String::from_utf8_lossy(&request), &page);
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn answer(request: &str, page: &Page) -> String {
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next());
    let path = target.unwrap_or_default().split('?').next();
    match (page, method, path) {
        (Page::Health, _, _) => respond("200 OK", "text/plain; charset=utf-8", HEALTHY),
        (Page::Metrics(metrics), "GET", Some("/metrics")) => {
            respond("200 OK", METRICS_TYPE, &metrics())
        }
        (Page::Metrics(_), "GET", _) => respond("404 Not Found", "text/plain", "see /metrics\n"),
        (Page::Metrics(_), _, _) => respond("405 Method Not Allowed", "text/plain", "GET only\n"),
    }
}

fn respond(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_line(request: &str, page: &Page) -> String {
        let answer = answer(request, page);
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn only_metrics_are_found_at_their_path() {
        let page = Page::Metrics(Arc::new(|| "up 1\n".to_owned()));
        let good = answer("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", &page);
        assert!(good.ends_with("\r\n\r\nup 1\n"), "{good}");
        assert!(good.contains("content-length: 5\r\n"), "{good}");
        for (request, expected) in [
            ("GET /metrics?x=1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK"),
            ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
            (
                "POST /metrics HTTP/1.1\r\n\r\n",
                "HTTP/1.1 405 Method Not Allowed",
            ),
            ("", "HTTP/1.1 405 Method Not Allowed"),
        ] {
            assert_eq!(first_line(request, &page), expected, "{request:?}");
        }
        assert_eq!(
            first_line("GET /any HTTP/1.1", &Page::Health),
            "HTTP/1.1 200 OK"
        );
    }
}
