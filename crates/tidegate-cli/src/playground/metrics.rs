//! A small server that speaks Prometheus' HTTP API about the playground's traffic. Taken as a proxy it
//! answers for whatever host is asked.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::StatusCode,
    routing,
};
use serde_json::{Value, json};
use tidegate_sim::doors::http::Door;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    NAMESPACE,
    promql::{self, Outcome},
    traffic,
};

type Answer = (StatusCode, Json<Value>);

/// Serves on a free port of this machine; tells the address and the task that serves.
///
/// # Errors
/// When there is no port.
pub(super) async fn serve(door: Arc<Door>) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/api/v1/query", routing::get(query).post(query))
        .fallback(elsewhere)
        .with_state(door);
    let task = tokio::spawn(async move {
        // Accepting goes on after errors of single connections; there is nothing else to report.
        let _ended = axum::serve(listener, router).await;
    });
    Ok((address, task))
}

/// An instant query, its parameters in the address or in a form.
async fn query(State(door): State<Arc<Door>>, RawQuery(query): RawQuery, body: Bytes) -> Answer {
    let query = query.unwrap_or_default();
    let parameters = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(&body));
    let mut asked = String::new();
    for (name, value) in parameters {
        if name == "query" {
            asked = value.into_owned();
        }
    }
    let (counters, now) = door.with(|cluster, now| (traffic::counters(cluster, NAMESPACE), now));
    let at = now.as_second();
    match promql::evaluate(&asked, &counters) {
        Ok(Outcome::Scalar(value)) => success("scalar", &json!([at, number(value)])),
        Ok(Outcome::Vector(samples)) => {
            let samples = samples
                .into_iter()
                .map(|(labels, value)| json!({"metric": labels, "value": [at, number(value)]}));
            success("vector", &samples.collect())
        }
        Err(error) => failure(
            StatusCode::BAD_REQUEST,
            "bad_data",
            &format!("invalid parameter \"query\": {error}"),
        ),
    }
}

async fn elsewhere() -> Answer {
    failure(
        StatusCode::NOT_FOUND,
        "not_found",
        "the playground answers /api/v1/query only",
    )
}

fn success(kind: &str, result: &Value) -> Answer {
    let data = json!({"resultType": kind, "result": result});
    (
        StatusCode::OK,
        Json(json!({"status": "success", "data": data})),
    )
}

fn failure(status: StatusCode, kind: &str, error: &str) -> Answer {
    let body = json!({"status": "error", "errorType": kind, "error": error});
    (status, Json(body))
}

/// A number as Prometheus writes it.
fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
