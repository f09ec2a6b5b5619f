//! Whole applications, asked without a network.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode, header},
    routing::get,
};
use kosmo_http::{App, Check, Code, Json, Path, Problem, Query, Service, recorder};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    io::{self, Read as _},
    time::Duration,
};
use tower::ServiceExt as _;
use utoipa::openapi::Info;
use utoipa_axum::{router::OpenApiRouter, routes};

#[tokio::test]
async fn a_path_that_nobody_serves_is_a_problem() {
    insta::assert_snapshot!(ask(app(), get_request("/api/v1/nowhere")).await, @r#"
        404 Not Found
        content-type: application/problem+json
        {
          "code": "not_found",
          "detail": "nothing is served at this path",
          "request_id": "0000cafe-1",
          "status": 404,
          "title": "There is no such thing",
          "type": "/problems/not_found"
        }
    "#);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let request = Request::delete("/api/v1/echo").body(Body::empty()).unwrap();
    insta::assert_snapshot!(ask(app(), request).await, @r#"
        405 Method Not Allowed
        content-type: application/problem+json
        allow: POST
        {
          "code": "method_not_allowed",
          "detail": "DELETE is none of the methods in the `Allow` header",
          "request_id": "0000cafe-1",
          "status": 405,
          "title": "This path does not take this method",
          "type": "/problems/method_not_allowed"
        }
    "#);
}

#[tokio::test]
async fn a_refused_parameter_is_named() {
    insta::assert_snapshot!(ask(app(), get_request("/api/v1/count?to=many")).await, @r#"
        400 Bad Request
        content-type: application/problem+json
        {
          "code": "invalid_request",
          "detail": "invalid digit found in string",
          "field": "to",
          "request_id": "0000cafe-1",
          "status": 400,
          "title": "The request is not valid",
          "type": "/problems/invalid_request"
        }
    "#);
    insta::assert_snapshot!(ask(app(), get_request("/api/v1/item/x")).await, @r#"
        400 Bad Request
        content-type: application/problem+json
        {
          "code": "invalid_request",
          "detail": "this is read as u32",
          "field": "id",
          "request_id": "0000cafe-1",
          "status": 400,
          "title": "The request is not valid",
          "type": "/problems/invalid_request"
        }
    "#);
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_and_ends_its_connection() {
    let mut announced = post("application/json", vec![b' '; 1024 * 1024 + 1]);
    announced.headers_mut().insert("content-length", "1048577".parse().unwrap());
    let answer = app().oneshot(announced).await.unwrap();
    assert_eq!(answer.headers()["connection"], "close", "the client must not send another request behind the body");
    let request = post("application/json", vec![b' '; 1024 * 1024 + 1]);
    insta::assert_snapshot!(ask(app(), request).await, @r#"
        413 Payload Too Large
        content-type: application/problem+json
        {
          "code": "payload_too_large",
          "detail": "a body has at most 1048576 bytes",
          "limit": 1048576,
          "request_id": "0000cafe-1",
          "status": 413,
          "title": "The request is too large",
          "type": "/problems/payload_too_large"
        }
    "#);
}

#[tokio::test]
async fn a_body_over_the_limit_that_does_not_say_so_is_not_read_either() {
    let pieces = futures_util::stream::iter((0..4).map(|_| Ok::<_, io::Error>(vec![b' '; 300_000])));
    let request = post("application/json", Body::from_stream(pieces));
    assert_eq!(app().oneshot(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_of_another_type_or_that_is_not_json_is_refused() {
    insta::assert_snapshot!(ask(app(), post("text/plain", "{}")).await, @r#"
        415 Unsupported Media Type
        content-type: application/problem+json
        {
          "code": "unsupported_media_type",
          "detail": "the body is JSON, sent as `application/json`",
          "request_id": "0000cafe-1",
          "status": 415,
          "title": "The request is not of a type that is read here",
          "type": "/problems/unsupported_media_type"
        }
    "#);
    insta::assert_snapshot!(ask(app(), post("application/json; charset=utf-8", r#"{"text":7}"#)).await, @r#"
        400 Bad Request
        content-type: application/problem+json
        {
          "code": "invalid_request",
          "detail": "invalid type: integer `7`, expected a string at line 1 column 9",
          "field": "text",
          "request_id": "0000cafe-1",
          "status": 400,
          "title": "The request is not valid",
          "type": "/problems/invalid_request"
        }
    "#);
    insta::assert_snapshot!(ask(app(), post("application/json", r#"{"text":"#)).await, @r#"
        400 Bad Request
        content-type: application/problem+json
        {
          "code": "invalid_json",
          "detail": "the body does not parse: EOF while parsing a value at line 1 column 8",
          "request_id": "0000cafe-1",
          "status": 400,
          "title": "The body is not JSON",
          "type": "/problems/invalid_json"
        }
    "#);
    let deep = "[".repeat(100_000);
    assert_eq!(app().oneshot(post("application/json", deep)).await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_defect_tells_the_client_nothing_but_the_id_to_ask_about() {
    insta::assert_snapshot!(ask(app(), get_request("/api/v1/defect")).await, @r#"
        500 Internal Server Error
        content-type: application/problem+json
        {
          "code": "internal",
          "detail": "the cause is in the server's log, under the id of this request",
          "request_id": "0000cafe-1",
          "status": 500,
          "title": "Something went wrong on the server",
          "type": "/problems/internal"
        }
    "#);
    insta::assert_snapshot!(ask(app(), get_request("/api/v1/panic")).await, @r#"
        500 Internal Server Error
        content-type: application/problem+json
        {
          "code": "internal",
          "detail": "the cause is in the server's log, under the id of this request",
          "request_id": "0000cafe-1",
          "status": 500,
          "title": "Something went wrong on the server",
          "type": "/problems/internal"
        }
    "#);
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back_and_who_may() {
    let answer = app().oneshot(get_request("/api/v1/busy")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers().get_all(header::RETRY_AFTER).iter().collect::<Vec<_>>(), ["3"]);
    assert_eq!(answer.headers().get_all(header::WWW_AUTHENTICATE).iter().collect::<Vec<_>>(), ["Test"]);
    let body: serde_json::Value = serde_json::from_slice(&to_bytes(answer.into_body(), 1 << 20).await.unwrap()).unwrap();
    assert_eq!((&body["retry_after_s"], &body["resets_at"]), (&3.into(), &"2026-07-01T00:00:00Z".into()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up() {
    insta::assert_snapshot!(ask(app(), get_request("/api/v1/never")).await, @r#"
        503 Service Unavailable
        content-type: application/problem+json
        {
          "code": "timeout",
          "detail": "there was no answer within 10 s",
          "request_id": "0000cafe-1",
          "status": 503,
          "title": "The answer took too long",
          "type": "/problems/timeout"
        }
    "#);
}

#[tokio::test]
async fn an_id_given_by_a_proxy_is_taken_over_if_it_is_harmless() {
    let with_id = |id: &str| Request::get("/healthz").header("x-request-id", id).body(Body::empty()).unwrap();
    let answered = app().oneshot(with_id("edge-17.a")).await.unwrap();
    assert_eq!(answered.headers()["x-request-id"], "edge-17.a");
    for harmful in ["", "a b", "<script>", &"a".repeat(65)] {
        let answered = app().oneshot(with_id(harmful)).await.unwrap();
        assert_eq!(answered.headers()["x-request-id"], "0000cafe-1", "{harmful}");
    }
}

#[tokio::test]
async fn browsers_are_told_what_not_to_do() {
    let answer = app().oneshot(get_request("/healthz")).await.unwrap();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
}

#[tokio::test]
async fn pages_of_any_origin_may_read_what_is_public_and_nothing_else() {
    let from_elsewhere = |request: axum::http::request::Builder| request.header(header::ORIGIN, "https://example.org");
    let read = from_elsewhere(Request::get("/api/v1/count?to=3")).body(Body::empty()).unwrap();
    assert_eq!(app().oneshot(read).await.unwrap().headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let ahead = from_elsewhere(Request::options("/api/v1/count")).header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
    let answer = app().oneshot(ahead.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status(), &answer.headers()[header::ACCESS_CONTROL_ALLOW_METHODS]), (StatusCode::OK, &"GET,HEAD".parse().unwrap()));
    let private = from_elsewhere(Request::post("/api/v1/echo")).body(Body::empty()).unwrap();
    assert!(!app().oneshot(private).await.unwrap().headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn what_is_public_travels_packed_and_is_the_same() {
    let ask_packed = async |path: &str| {
        app().oneshot(Request::get(path).header("accept-encoding", "gzip, br").body(Body::empty()).unwrap()).await.unwrap()
    };
    let answer = ask_packed("/api/v1/count?to=5000").await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.headers()["vary"], "accept-encoding", "whoever keeps it must not give it to those who take none packed");
    let packed = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    let plain = to_bytes(app().oneshot(get_request("/api/v1/count?to=5000")).await.unwrap().into_body(), 1 << 20).await.unwrap();
    assert_eq!(text.as_bytes(), plain);
    assert!(packed.len() * 2 < plain.len(), "{} of {}", packed.len(), plain.len());

    for small_or_refused_or_live in ["/api/v1/count?to=3", "/api/v1/count?to=many", "/api/v1/live"] {
        assert!(!ask_packed(small_or_refused_or_live).await.headers().contains_key("content-encoding"), "{small_or_refused_or_live}");
    }
}

#[tokio::test]
async fn what_is_of_one_member_is_as_long_as_it_is() {
    let said = format!(r#"{{"text":"{}"}}"#, "again ".repeat(1000));
    let mut request = post("application/json", said.clone());
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let answer = app().oneshot(request).await.unwrap();
    assert!(!answer.headers().contains_key("content-encoding"));
    assert_eq!(to_bytes(answer.into_body(), 1 << 20).await.unwrap(), said);
}

#[tokio::test]
async fn a_body_that_comes_packed_is_not_unpacked() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut bomb, format!(r#"{{"text":"{}"}}"#, " ".repeat(4 << 20)).as_bytes()).unwrap();
    let mut request = post("application/json", bomb.finish().unwrap());
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(app().oneshot(request).await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn readiness_lists_what_is_missing() {
    insta::assert_snapshot!(ask(app(), get_request("/readyz")).await, @r#"
        503 Service Unavailable
        content-type: application/problem+json
        {
          "code": "unavailable",
          "detail": "what `not_ready` lists is not ready",
          "not_ready": [
            {
              "name": "database",
              "reason": "does not answer"
            }
          ],
          "request_id": "0000cafe-1",
          "status": 503,
          "title": "The service cannot answer at present",
          "type": "/problems/unavailable"
        }
    "#);
    let ready = App::new("test", about(), 0).into_router(recorder().handle());
    assert_eq!(ask(ready, get_request("/readyz")).await, "200 OK\ncontent-type: text/plain; charset=utf-8\nready\n");
}

#[tokio::test]
async fn a_kind_of_problem_is_described_where_its_type_leads() {
    insta::assert_snapshot!(ask(app(), get_request("/problems/timeout")).await, @r#"
        200 OK
        content-type: application/json
        {
          "advice": "Ask for less, or try again later.",
          "code": "timeout",
          "status": 503,
          "title": "The answer took too long"
        }
    "#);
    assert_eq!(app().oneshot(get_request("/problems/nonsense")).await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn services_share_one_description() {
    let answer = app().oneshot(get_request("/openapi.json")).await.unwrap();
    let document: serde_json::Value = serde_json::from_slice(&to_bytes(answer.into_body(), 1 << 20).await.unwrap()).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/api/v1/count", "/api/v1/echo"]);
}

#[tokio::test]
async fn pages_answer_what_no_api_does() {
    let pages = || Router::new().fallback(get(async || "a page"));
    let app = || App::new("test", about(), 0).with(reads()).with_pages(pages()).into_router(recorder().handle());
    let answer = app().oneshot(get_request("/map/today")).await.unwrap();
    assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), "a page");
    assert_eq!(app().oneshot(get_request("/api/v1/nowhere")).await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_are_counted_by_route_so_that_no_client_can_invent_series() {
    let recorder = recorder();
    let handle = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let app = App::new("test", about(), 0).with(reads()).into_router(handle);
    for path in ["/api/v1/count?to=3", "/api/v1/count?to=4", "/api/v1/count?to=x", "/wp-login.php", "/.env"] {
        app.clone().oneshot(get_request(path)).await.unwrap();
    }
    let answer = app.oneshot(get_request("/metrics")).await.unwrap();
    let text = String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    let mut counts: Vec<_> = text.lines().filter(|line| line.starts_with("kosmo_http_requests_total")).collect();
    counts.sort_unstable();
    insta::assert_snapshot!(counts.join("\n"), @r#"
        kosmo_http_requests_total{service="reads",route="/api/v1/count",method="GET",status="200"} 2
        kosmo_http_requests_total{service="reads",route="/api/v1/count",method="GET",status="400"} 1
        kosmo_http_requests_total{service="test",route="(none)",method="GET",status="404"} 2
    "#);
    assert!(text.contains(r#"kosmo_http_request_duration_seconds_bucket{service="reads",route="/api/v1/count",le="0.001"}"#), "{text}");
}

fn about() -> Info {
    Info::new("Test", "1")
}

fn app() -> Router {
    let never = Router::new().route("/api/v1/never", get(std::future::pending::<()>));
    let broken = Router::new()
        .route("/api/v1/defect", get(async || Err::<(), _>(Problem::internal(io::Error::other("the password is hunter2")))))
        .route("/api/v1/busy", get(async || busy()))
        .route("/api/v1/panic", get(|| async { panic!("hunter2") as () }))
        .route("/api/v1/item/{id}", get(async |Path(_): Path<u32>| ()));
    let broken = Service::new("broken", OpenApiRouter::from(broken.merge(never)))
        .depends_on(Check::new("database", async || Err("does not answer")))
        .depends_on(Check::new("broker", async || Ok(())));
    let writes = Service::new("writes", OpenApiRouter::new().routes(routes!(echo)));
    App::new("test", about(), 0xcafe).with(reads()).with(writes).with(broken).into_router(recorder().handle())
}

fn busy() -> Problem {
    Problem::new(Code::RateLimited, "not so fast")
        .with_retry_after(Duration::from_millis(2_100))
        .with("resets_at", "2026-07-01T00:00:00Z")
        .with_challenge("Test")
}

fn reads() -> Service {
    let live = Router::new().route("/api/v1/live", get(async || ([(header::CONTENT_TYPE, "text/event-stream")], ": \n".repeat(1000))));
    Service::new("reads", OpenApiRouter::from(live).routes(routes!(count))).public()
}

#[derive(Deserialize)]
struct Params {
    to: u32,
}

#[utoipa::path(get, path = "/api/v1/count")]
async fn count(Query(params): Query<Params>) -> Json<Vec<u32>> {
    Json((1..=params.to).collect())
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
struct Said {
    text: String,
}

#[utoipa::path(post, path = "/api/v1/echo")]
async fn echo(Json(said): Json<Said>) -> Json<Said> {
    Json(said)
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/api/v1/echo").header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

/// Returns what matters of an answer: status, type, and the body, indented if it is JSON.
async fn ask(app: Router, request: Request<Body>) -> String {
    let answer: Response<Body> = app.oneshot(request).await.unwrap();
    let mut shown = format!("{}\n", answer.status());
    for name in [header::CONTENT_TYPE, header::ALLOW] {
        if let Some(value) = answer.headers().get(&name) {
            writeln!(shown, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(json) => shown + &serde_json::to_string_pretty(&json).unwrap(),
        Err(_) => shown + std::str::from_utf8(&body).unwrap(),
    }
}
