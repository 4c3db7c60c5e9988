//! Servers for metrics of the kind `web`: with certificates of all kinds, and answers of all kinds.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{any, get},
    serve::Listener,
};
use futures::stream;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A mebibyte, in bytes.
const MEBIBYTE: usize = 1024 * 1024;
/// How many of them an enormous answer has.
const ENORMOUS: usize = 100;

/// How long an answer is that is too short to be refused for its length, in bytes.
const LARGE: usize = 15 * MEBIBYTE;

/// Somebody who gives certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        // Two of one name would be taken for one whose key has changed.
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self(issuer))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The side of TLS of a server with a certificate for this name; `change` may spoil it.
    pub(crate) fn certify(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// A running server; dropping it ends it.
pub(crate) struct Server {
    pub(crate) port: u16,
    state: Arc<Counts>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a server remembers.
#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    /// Mebibytes of enormous answers that were taken.
    taken: AtomicUsize,
}

impl Server {
    /// Without TLS if there is no side of it.
    pub(crate) async fn start(tls: Option<TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Counts::default());
        let app = router(Arc::clone(&state));
        let tasks = match tls {
            None => vec![tokio::spawn(async move {
                let _ended = axum::serve(listener, app).await;
            })],
            Some(tls) => {
                let (accepted, encrypted) = Encrypted::new(listener, tls)?;
                let serving = tokio::spawn(async move {
                    let _ended = axum::serve(encrypted, app).await;
                });
                vec![accepted, serving]
            }
        };
        Ok(Self { port, state, tasks })
    }

    pub(crate) fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Of enormous answers, in mebibytes.
    pub(crate) fn taken(&self) -> usize {
        self.state.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Connections whose handshake has succeeded.
struct Encrypted {
    streams: mpsc::UnboundedReceiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl Encrypted {
    fn new(listener: TcpListener, tls: TlsAcceptor) -> Result<(JoinHandle<()>, Self)> {
        let (tell, streams) = mpsc::unbounded_channel();
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            while let Ok((stream, from)) = listener.accept().await {
                let (tls, tell) = (tls.clone(), tell.clone());
                tokio::spawn(async move {
                    // Who does not like the certificate goes away.
                    if let Ok(stream) = tls.accept(stream).await {
                        let _ended = tell.send((stream, from));
                    }
                });
            }
        });
        Ok((accepting, Self { streams, address }))
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.streams.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

fn router(state: Arc<Counts>) -> Router {
    let fixed = |body: &'static str| get(move || async move { body });
    let redirect = |to: &'static str| get(move || async move { Redirect::temporary(to) });
    Router::new()
        .route("/rate", fixed(r#"{"rate": 0.5, "ok": true}"#))
        .route("/not-a-number", fixed("NaN"))
        .route("/too-large", fixed(r#"{"rate": 1e400}"#))
        .route("/empty", fixed(""))
        .route("/page", fixed("<html>Sign in</html>"))
        .route("/deep", get(|| async { "[".repeat(20_000) }))
        .route(
            "/many",
            get(|| async { format!("[{}1]", "1,".repeat(LARGE / 2)) }),
        )
        .route("/hangs", get(std::future::pending::<()>))
        .route("/stalls", get(stalls))
        .route("/enormous", get(enormous))
        .route("/packed", get(packed))
        .route("/mirror", any(mirror))
        .route("/status/{code}", get(status))
        .route("/moved", redirect("/rate"))
        .route("/round", redirect("/round"))
        .route(
            "/metadata",
            redirect("http://169.254.169.254/latest/meta-data"),
        )
        .route("/elsewhere", redirect("http://localhost/rate"))
        .route("/unencrypted", redirect("http://127.0.0.1/rate"))
        .fallback(|| async { (StatusCode::FORBIDDEN, "not for you") })
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&state),
            count,
        ))
        .with_state(state)
}

async fn count(
    State(state): State<Arc<Counts>>,
    request: Request,
    next: axum::middleware::Next,
) -> Response {
    state.requests.fetch_add(1, Ordering::SeqCst);
    next.run(request).await
}

async fn status(Path(code): Path<u16>) -> (StatusCode, &'static str) {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::NOT_FOUND);
    (code, "a secret of the server's")
}

/// What came, as the server saw it.
async fn mirror(headers: HeaderMap, request: Request) -> Json<Value> {
    let method = request.method().to_string();
    let body = axum::body::to_bytes(request.into_body(), MEBIBYTE).await;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Json(json!({
        "method": method,
        "body": String::from_utf8_lossy(&body.unwrap_or_default()),
        "type": text("content-type"),
        "token": text("x-token"),
        "agent": text("user-agent"),
    }))
}

/// A beginning without an end.
async fn stalls() -> Body {
    let beginning = stream::iter([Ok::<_, Infallible>("{")]);
    Body::from_stream(futures::StreamExt::chain(beginning, stream::pending()))
}

/// Made while it is taken, so that what nobody reads is not made.
async fn enormous(State(state): State<Arc<Counts>>) -> Body {
    Body::from_stream(stream::iter((0..ENORMOUS).map(move |_| {
        state.taken.fetch_add(1, Ordering::SeqCst);
        Ok::<_, Infallible>(vec![b'1'; MEBIBYTE])
    })))
}

/// As enormous, but small on its way.
async fn packed() -> Response {
    match tokio::task::spawn_blocking(pack).await {
        Ok(Ok(packed)) => ([(header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn pack() -> Result<Vec<u8>> {
    let mut gzip = Command::new("gzip")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = gzip.stdin.take().context("it is a pipe")?;
    let writing = std::thread::spawn(move || {
        (0..ENORMOUS).try_for_each(|_| input.write_all(&vec![b'1'; MEBIBYTE]))
    });
    let mut packed = Vec::new();
    let mut output = gzip.stdout.take().context("it is a pipe")?;
    output.read_to_end(&mut packed)?;
    gzip.wait()?;
    writing
        .join()
        .map_err(|_| anyhow::anyhow!("nothing was written"))??;
    Ok(packed)
}
