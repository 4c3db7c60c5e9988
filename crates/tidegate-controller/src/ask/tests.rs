//! Requests to real servers on this machine, with and without TLS.

use std::{io::Write, process::Command, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

/// Set in the process that asks once with the CAs of its environment: what it asks.
const URL: &str = "TIDEGATE_TEST_URL";

/// A server; the answer depends on the path.
struct Server {
    port: u16,
}

impl Server {
    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, port).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, port).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port }
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, port: u16) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        request.push(byte);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let answer = match path.as_str() {
        "/hang" => std::future::pending().await,
        "/endless" => {
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            let piece = vec![b'1'; 1 << 20];
            while stream.write_all(&piece).await.is_ok() {}
            return;
        }
        "/stalls" => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1";
            let _ = stream.write_all(head.as_bytes()).await;
            std::future::pending().await
        }
        "/there" => redirect("/here"),
        "/round" => redirect("/round"),
        "/elsewhere" => redirect(&format!("http://localhost:{port}/here")),
        "/metadata" => redirect("http://169.254.169.254/latest"),
        "/unencrypted" => redirect(&format!("http://127.0.0.1:{port}/here")),
        "/agent" => {
            let mut lines = request.lines();
            let agent = lines.find_map(|line| line.strip_prefix("user-agent: "));
            let agent = agent.unwrap_or_default();
            let length = agent.len();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{agent}")
        }
        "/503" => "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy".to_owned(),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine".to_owned(),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A CA as a PEM text, and the side of TLS of a server whose certificate it gave for this name.
fn authority(name: &str) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec![name.to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn request(url: &str) -> Request {
    Request {
        method: http::Method::GET,
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_mins(1),
        certificate: Certificate::Checked,
        reach: Reach::Anywhere,
    }
}

/// Status and body, or why there is no answer.
fn told(answer: Answer) -> String {
    match answer {
        Answer::Response { status, body } => format!("{status} {}", String::from_utf8_lossy(&body)),
        Answer::NoAnswer(why) => why,
        other @ (Answer::Secret(_) | Answer::File(_) | Answer::Cluster(_)) => {
            panic!("this is no answer to a request: {other:?}")
        }
    }
}

async fn ask(request: Request) -> String {
    let rules = Rules::default();
    let asker = Asker::new(&Egress::FromEnvironment, rules).unwrap();
    told(asker.ask(request).await)
}

#[track_caller]
fn contains(told: &str, part: &str) {
    assert!(told.contains(part), "{told}");
}

#[tokio::test]
async fn a_server_answers_whatever_its_status() {
    let port = Server::start(None).await.port;
    let url = format!("http://127.0.0.1:{port}");
    assert_eq!(ask(request(&format!("{url}/here"))).await, "200 fine");
    assert_eq!(ask(request(&format!("{url}/503"))).await, "503 busy");
    let named = ask(request(&format!("http://localhost:{port}/here"))).await;
    assert_eq!(named, "200 fine");
}

#[tokio::test]
async fn servers_hear_who_asks() {
    let port = Server::start(None).await.port;
    let mut request = request(&format!("http://127.0.0.1:{port}/agent"));
    let asks = concat!("200 tidegate/", env!("CARGO_PKG_VERSION"));
    assert_eq!(ask(request.clone()).await, asks);
    request.reach = Reach::Metadata;
    assert_eq!(ask(request.clone()).await, asks);
    request.headers = vec![("User-Agent".to_owned(), "me".to_owned())];
    assert_eq!(ask(request).await, "200 me");
}

#[tokio::test]
async fn redirects_are_followed_within_one_host_only() {
    let port = Server::start(None).await.port;
    let url = format!("http://127.0.0.1:{port}");
    assert_eq!(ask(request(&format!("{url}/there"))).await, "200 fine");
    contains(
        &ask(request(&format!("{url}/round"))).await,
        "the server redirects more than 3 times",
    );
    contains(
        &ask(request(&format!("{url}/elsewhere"))).await,
        &format!(
            "redirects to http://localhost:{port}, which is not followed because it is another host"
        ),
    );
    contains(
        &ask(request(&format!("{url}/metadata"))).await,
        "redirects to http://169.254.169.254, which is not followed",
    );
}

/// no request leaves to a closed address, whether it is written out or looked up.
#[tokio::test]
async fn closed_addresses_are_not_asked() {
    contains(
        &ask(request("http://169.254.169.254/latest")).await,
        "start the controller with --metric-egress-allow=169.254.169.254",
    );
    let port = Server::start(None).await.port;
    let loopback = ["127.0.0.0/8", "::1"].map(|text| text.parse().unwrap());
    let asker = Asker::new(&Egress::FromEnvironment, Rules::new(&[], &loopback)).unwrap();
    let named = asker
        .ask(request(&format!("http://localhost:{port}/here")))
        .await;
    let named = told(named);
    contains(&named, "of localhost is not asked for metrics");
    contains(&named, "--metric-egress-deny closes");
}

#[tokio::test]
async fn code_of_our_own_may_ask_for_credentials() {
    let port = Server::start(None).await.port;
    let loopback = ["127.0.0.0/8".parse().unwrap()];
    let asker = Asker::new(&Egress::FromEnvironment, Rules::new(&[], &loopback)).unwrap();
    let mut own = request(&format!("http://127.0.0.1:{port}/here"));
    own.reach = Reach::Metadata;
    assert_eq!(told(asker.ask(own).await), "200 fine");
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let port = Server::start(None).await.port;
    let endless = ask(request(&format!("http://127.0.0.1:{port}/endless"))).await;
    assert_eq!(endless, "the answer is longer than 16 MiB; ask for less");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let port = Server::start(None).await.port;
    for path in ["hang", "stalls"] {
        let mut request = request(&format!("http://127.0.0.1:{port}/{path}"));
        request.timeout = Duration::from_millis(200);
        assert_eq!(
            ask(request).await,
            "no whole answer within 0.2 s; a longer timeout can be given in the metric"
        );
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_known_counts_only_where_it_is_ignored() {
    let port = Server::start(Some(authority("127.0.0.1").1)).await.port;
    let mut request = request(&format!("https://127.0.0.1:{port}/here"));
    contains(&ask(request.clone()).await, "invalid peer certificate");
    request.certificate = Certificate::Ignored;
    assert_eq!(ask(request.clone()).await, "200 fine");
    request.url = format!("https://127.0.0.1:{port}/unencrypted");
    contains(&ask(request).await, "because it is not encrypted");
}

/// What a process says that asks once, with this CA in its environment.
fn asked_with(variable: &str, place: &std::path::Path, url: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "ask::tests::asks_once"])
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env(variable, place)
        .env(URL, url)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What [`asked_with`] runs; without its variable there is nothing to ask.
#[tokio::test]
async fn asks_once() {
    if let Ok(url) = std::env::var(URL) {
        let told = ask(request(&url)).await;
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cas_of_the_environment_count() {
    let (ca, tls) = authority("127.0.0.1");
    let port = Server::start(Some(tls)).await.port;
    let folder = std::env::temp_dir().join(format!("tidegate-ca-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    let url = format!("https://127.0.0.1:{port}/here");
    contains(&asked_with("SSL_CERT_FILE", &file, &url), "200 fine");
    contains(
        &asked_with(
            "SSL_CERT_FILE",
            &file,
            &format!("https://localhost:{port}/here"),
        ),
        "certificate not valid for name",
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[track_caller]
fn check_unread(code: u16, expected: &Failure) {
    let refused = Unanswered::Refused(crate::server::Refused {
        code,
        reason: String::new(),
        message: "no".to_owned(),
        retry_after: None,
    });
    let found = unread(&refused);
    assert_eq!(
        std::mem::discriminant(&found),
        std::mem::discriminant(expected),
        "{code}"
    );
}

#[test]
fn what_is_refused_stays_so_and_what_is_busy_is_asked_again() {
    let busy = Failure::Unavailable(Unavailable::because("no"));
    check_unread(404, &Failure::NotFound);
    for code in [400, 403, 422] {
        check_unread(code, &Failure::Refused("no".to_owned()));
    }
    for code in [401, 408, 429, 500, 503] {
        check_unread(code, &busy);
    }
    let no_name = Unanswered::Unaskable("no".to_owned());
    assert_eq!(unread(&no_name), Failure::Refused("no".to_owned()));
    assert_eq!(
        unread(&Unanswered::Lost("no".to_owned())),
        busy,
        "nobody answered"
    );
}
