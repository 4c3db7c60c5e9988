//! Answers in the forms that clients accept.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use crate::cluster::refusal::Refusal;

/// An answer of JSON.
pub(super) fn respond(code: u16, value: &Value) -> Response {
    build(code, "application/json", value.to_string())
}

/// An answer of plain text.
pub(super) fn respond_text(text: &'static str) -> Response {
    build(200, "text/plain; charset=utf-8", text)
}

/// Whether a client reads aggregated discovery as [`respond_aggregated`] writes it. Older ones name the
/// same list in a version before, and take the other form besides.
pub(super) fn accepts_aggregated(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parameters = range.split(';').map(str::trim);
        let has = |wanted: &str| parameters.clone().any(|parameter| parameter == wanted);
        let (version, list) = (has("v=v2"), has("as=APIGroupDiscoveryList"));
        parameters.next() == Some("application/json") && version && list
    })
}

/// An answer of aggregated discovery.
pub(super) fn respond_aggregated(value: &Value) -> Response {
    build(
        200,
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        value.to_string(),
    )
}

/// The answer that says why not.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    respond(refusal.reason.code(), &refusal.to_status())
}

/// A body that comes bit by bit.
pub(super) fn respond_stream(body: Body) -> Response {
    build(200, "application/json", body)
}

/// The answer to a deletion that is done.
pub(super) fn deleted(object: &Value, resource: (&str, &str)) -> Value {
    let mut details = json!({
        "name": object["metadata"]["name"],
        "kind": resource.1,
        "uid": object["metadata"]["uid"],
    });
    if !resource.0.is_empty() {
        details["group"] = json!(resource.0);
    }
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

fn build(code: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}
