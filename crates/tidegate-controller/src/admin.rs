//! What operators ask the process itself: `/healthz`.

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// Answers `ok` to whoever asks (OPS-05); port 0 takes any free one.
///
/// # Errors
/// When the port cannot be bound.
pub(crate) async fn serve(port: u16) -> anyhow::Result<JoinHandle<()>> {
    let listener = TcpListener::bind(("0.0.0.0", port))
        .await
        .with_context(|| {
            format!("cannot listen on port {port}: choose another with --healthz-port")
        })?;
    Ok(tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0_u8; 1024];
                // Whatever was asked: the process is alive.
                if stream.read(&mut request).await.is_ok() {
                    let _ = stream.write_all(ANSWER).await;
                }
            });
        }
    }))
}
