//! What is asked of a server, and what its answers mean.

use serde_json::json;

use super::*;

const CONDITION: &str = "result > 0.9";

fn provider(condition: &str, web: &Json) -> Result<Box<dyn Provider>, String> {
    let metric: Metric = serde_json::from_value(json!({
        "name": "m",
        "successCondition": condition,
        "provider": {"web": web},
    }))
    .unwrap();
    super::super::provider(&metric, &Subject::default(), &Environment::default())
}

fn start(web: &Json) -> (Box<dyn Provider>, Turn) {
    let mut provider = provider(CONDITION, web).unwrap();
    let turn = provider.start(Timestamp::UNIX_EPOCH);
    (provider, turn)
}

fn asked(turn: Turn) -> Request {
    let Turn::Ask(request) = turn else {
        panic!("a request is asked: {turn:?}");
    };
    *request
}

fn told(turn: Turn) -> (String, String) {
    let Turn::Measured(measured) = turn else {
        panic!("the measurement ends: {turn:?}");
    };
    let text = if measured.phase == "Error" {
        measured.message
    } else {
        measured.value
    };
    (measured.phase, text)
}

fn response(status: u16, body: &str) -> Answer {
    let body = body.as_bytes().to_vec();
    Answer::Response { status, body }
}

/// A path, a condition and an answer with its status; then phase and value, or phase and message.
#[track_caller]
fn check((path, condition): (&str, &str), (status, body): (u16, &str), expected: (&str, &str)) {
    let web = json!({"url": "http://w/x", "jsonPath": path});
    let mut provider = provider(condition, &web).unwrap();
    asked(provider.start(Timestamp::UNIX_EPOCH));
    let (phase, text) = told(provider.read(response(status, body), Timestamp::UNIX_EPOCH));
    assert_eq!((phase.as_str(), text.as_str()), expected, "{body}");
}

#[test]
fn a_page_is_got_with_its_headers_within_ten_seconds() {
    let request = asked(
        start(&json!({"url": "http://w/x?a=b", "headers": [
            {"key": "x-a", "value": "1"}, {"key": "X-A", "value": "2"},
        ]}))
        .1,
    );
    assert_eq!(request.method, Method::GET);
    assert_eq!(request.url, "http://w/x?a=b");
    assert_eq!(request.headers, [("X-A".to_owned(), "2".to_owned())]);
    assert_eq!(request.timeout, Duration::from_secs(10));
    assert_eq!(request.certificate, Certificate::Checked);
    assert_eq!(request.reach, Reach::Anywhere);
}

#[test]
fn a_json_body_goes_out_as_go_writes_it() {
    let request = asked(
        start(
            &json!({"url": "https://w", "method": "POST", "insecure": true, "timeoutSeconds": 3,
            "headers": [{"key": "content-type", "value": "text/plain"}],
            "jsonBody": {"b": 9_007_199_254_740_993_i64, "a": ["<&>", 1.5, 1e21]}}),
        )
        .1,
    );
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        r#"{"a":["\u003c\u0026\u003e",1.5,1e+21],"b":9007199254740993}"#
    );
    assert_eq!(
        request.headers,
        [("Content-Type".to_owned(), "application/json".to_owned())]
    );
    assert_eq!(request.timeout, Duration::from_secs(3));
    assert_eq!(request.certificate, Certificate::Ignored);
}

#[test]
fn bodies_that_cannot_be_sent_are_errors() {
    let refused = |web: Json| told(start(&web).1);
    let expected = "Body/JSONBody can only be used with POST or PUT WebMetric Method types";
    assert_eq!(
        refused(json!({"url": "http://w", "body": "x"})),
        ("Error".to_owned(), expected.to_owned())
    );
    let expected = "use either Body or JSONBody; both cannot exists for WebMetric payload";
    assert_eq!(
        refused(json!({"url": "http://w", "method": "PUT", "body": "x", "jsonBody": {}})),
        ("Error".to_owned(), expected.to_owned())
    );
    let expected = "Get \"ftp://w\": unsupported protocol scheme \"ftp\"; check that provider.web.url leads to a server that is up";
    assert_eq!(
        refused(json!({"url": "ftp://w"})),
        ("Error".to_owned(), expected.to_owned())
    );
}

#[test]
fn the_first_value_found_is_the_result() {
    let body = r#"{"data": {"ok": true, "rate": 0.95, "list": [1, 2]}}"#;
    check(
        ("{.data.rate}", CONDITION),
        (200, body),
        ("Successful", "0.95"),
    );
    check(
        ("{.data.list[*]}", CONDITION),
        (299, body),
        ("Successful", "1"),
    );
    check(("{.data.ok}", "!result"), (200, body), ("Failed", "true"));
    check(
        ("", "result.data.rate < 1"),
        (200, body),
        (
            "Successful",
            r#"{"data":{"list":[1,2],"ok":true,"rate":0.95}}"#,
        ),
    );
    check(
        ("{.n}", "true"),
        (200, r#"{"n": 1e21}"#),
        ("Successful", "1e+21"),
    );
    check(
        ("{.n}", "true"),
        (200, r#"{"n": 0.0000001}"#),
        ("Successful", "1e-7"),
    );
}

#[test]
fn what_is_no_json_is_a_text() {
    check(
        ("{.a}", "result == 'fine'"),
        (200, "fine"),
        ("Successful", "fine"),
    );
    check(
        ("{.a}", "result == '1e999'"),
        (200, "1e999"),
        ("Successful", "1e999"),
    );
}

#[test]
fn an_answer_that_does_not_fit_is_an_error() {
    check(
        ("{.rate}", CONDITION),
        (200, "{}"),
        (
            "Error",
            "Could not find JSONPath in body: rate is not found",
        ),
    );
    check(
        ("{.list[*]}", CONDITION),
        (200, r#"{"list": []}"#),
        ("Error", "result of web metric produced no value"),
    );
    check(
        ("", CONDITION),
        (404, "{}"),
        ("Error", "received non 2xx response code: 404"),
    );
    let deep = "[".repeat(300) + &"]".repeat(300);
    check(
        ("", CONDITION),
        (200, &deep),
        (
            "Error",
            "Could not read the body: it nests too deep; check that provider.web.url leads to a server that is up",
        ),
    );
}

#[test]
fn a_path_that_does_not_parse_is_told_before_anything_is_asked() {
    let refused = provider("", &json!({"url": "http://w", "jsonPath": "{.a"})).err();
    assert_eq!(refused.as_deref(), Some("unclosed action"));
}

#[test]
fn a_server_that_does_not_answer_is_named() {
    let (mut provider, _) = start(&json!({"url": "http://w/x"}));
    let turn = provider.read(
        Answer::NoAnswer("connection refused".to_owned()),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(
        told(turn).1,
        "Get \"http://w/x\": connection refused; check that provider.web.url leads to a server that is up"
    );
}

#[test]
fn nobody_sees_the_password_of_an_address() {
    for url in ["http://u:hush@w/x", "ftp://u:hush@w/x"] {
        let (mut provider, _) = start(&json!({"url": url}));
        let refused = Answer::NoAnswer("connection refused".to_owned());
        let message = told(provider.read(refused, Timestamp::UNIX_EPOCH)).1;
        assert!(message.starts_with("Get \""), "{message}");
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn a_token_is_fetched_first() {
    let oauth2 = json!({"tokenUrl": "http://id/t", "clientId": "a", "clientSecret": "b"});
    let web = json!({"url": "http://w", "authentication": {"oauth2": oauth2}});
    let (mut provider, turn) = start(&web);
    assert_eq!(asked(turn).url, "http://id/t");
    let turn = provider.read(
        response(200, r#"{"access_token": "t"}"#),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(
        asked(turn).headers,
        [("Authorization".to_owned(), "Bearer t".to_owned())]
    );
    let turn = provider.read(response(200, "1"), Timestamp::UNIX_EPOCH);
    assert_eq!(told(turn), ("Successful".to_owned(), "1".to_owned()));

    let (mut provider, _) = start(&web);
    asked(provider.read(response(401, ""), Timestamp::UNIX_EPOCH));
    let turn = provider.read(
        response(401, r#"{"error": "invalid_client"}"#),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(
        told(turn).1,
        "Get \"http://w\": oauth2: \"invalid_client\"; check that provider.web.url leads to a server that is up"
    );
}
