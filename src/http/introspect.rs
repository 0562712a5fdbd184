//! `POST /oauth/introspect`: an API asks about a token, as RFC 7662 has it.

use super::{
    Doors, Shared,
    access_token::{body_of, is_form},
    front::Note,
    problem::{Problem, json_answer},
};
use crate::{
    domain::{
        decision::Verdict,
        scope::ScopeName,
        search::canonical,
        secret::{Fingerprint, Secret},
        text,
    },
    store::ResourceServer,
    verify::{Checked, Observed},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Tells an API what a token is good for, and of a bad one nothing.
pub(super) async fn handle(State(doors): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    answer(&doors, &head, body).await.unwrap_or_else(Problem::into_response)
}

async fn answer(doors: &Doors, request: &Parts, body: Body) -> Result<Response, Problem> {
    if request.method != Method::POST {
        return Err(Problem::method("POST").coded("invalid_request"));
    }
    if !is_form(request) {
        let message = "Send the parameters as application/x-www-form-urlencoded.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).coded("invalid_request"));
    }
    let body = body_of(body).await.map_err(|problem| problem.coded("invalid_request"))?;
    let form = Form::read(&body)?;
    let server = client(doors, &request.headers, &form).await?;
    let Some(token) = form.get("token").filter(|token| !token.is_empty()) else {
        return Err(invalid("The parameter token is missing."));
    };
    let active = match Secret::parse(doors.app.prefix(), token) {
        Some(secret) => check(doors, &secret, &form).await?,
        None => None,
    };
    let quiet = active.is_none();
    let body = active.unwrap_or_else(|| json!({ "active": false }));
    let mut response = json_answer(StatusCode::OK, &body);
    response.extensions_mut().insert(Note { caller: Some(server.id.to_string()), quiet, ..Default::default() });
    Ok(response)
}

async fn check(doors: &Doors, secret: &Secret, form: &Form) -> Result<Option<Value>, Problem> {
    let organization = form.get("organization").map(ToOwned::to_owned);
    let scopes = form.get("scope").unwrap_or_default().split_ascii_whitespace().map(ToOwned::to_owned).collect();
    let ask = doors.ask(organization, scopes);
    let observed = Observed {
        address: form.get("client_ip").and_then(|address| address.trim().parse().ok()).map(canonical),
        user_agent: form.get("user_agent").and_then(|agent| doors.masked_agent(agent)),
        method: form.get("method").and_then(text::method),
        path: form.get("path").and_then(|path| doors.path(path)),
    };
    let checked = doors.app.verifier().check(secret, &ask, observed).await.map_err(unavailable)?;
    let good = checked.filter(|checked| checked.verdict == Verdict::Yes);
    Ok(good.map(|checked| active(doors, &checked, ask.organization.as_deref())))
}

fn active(doors: &Doors, checked: &Checked, asked: Option<&str>) -> Value {
    let known = &checked.known;
    let scopes = checked.scopes(doors.app.catalogue());
    let slugs = known.reaches.iter().map(|reach| reach.slug.as_str());
    let organizations: Vec<_> = slugs.filter(|slug| asked.is_none_or(|asked| asked == *slug)).collect();
    let mut body = json!({
        "active": true,
        "scope": scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" "),
        "username": known.owner.username,
        "token_type": "Bearer",
        "iat": known.created_at.seconds(),
        "sub": known.owner.id.uuid(),
        "jti": known.token.uuid(),
        "iss": doors.public_url,
        "organizations": organizations,
    });
    if let (Some(end), Some(body)) = (known.expires_at, body.as_object_mut()) {
        body.insert("exp".into(), end.seconds().into());
    }
    body
}

/// The API that asks, which proves itself by HTTP Basic or in the form.
async fn client(doors: &Doors, headers: &HeaderMap, form: &Form) -> Result<ResourceServer, Problem> {
    let said = match (headers.get(header::AUTHORIZATION), form.get("client_id").zip(form.get("client_secret"))) {
        (Some(_), Some(_)) => return Err(invalid("The client proves itself twice; use HTTP Basic or the form.")),
        (Some(value), None) => basic(value),
        (None, Some((id, secret))) => Some((id.to_owned(), secret.to_owned())),
        (None, None) => None,
    };
    let (id, secret) = said.filter(|(id, _)| (1..=64).contains(&id.len()) && id.is_ascii()).ok_or_else(wrong_client)?;
    let server = doors.app.store().resource_server(&id).await.map_err(unavailable)?;
    server.filter(|server| Fingerprint::of(&secret).matches(&server.secret)).ok_or_else(wrong_client)
}

fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.trim().split_once(' ')?;
    let pair = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = String::from_utf8(pair).ok()?;
    // RFC 6749, section 2.3.1: both halves are form-encoded first.
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().ok().map(String::from);
    let (id, secret) = pair.split_once(':')?;
    Some((plain(id)?, plain(secret)?))
}

fn wrong_client() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "No such client, or its secret is wrong.")
        .coded("invalid_client")
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tokenward\", charset=\"UTF-8\""))
}

fn invalid(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message).coded("invalid_request")
}

fn unavailable(error: crate::domain::error::Error) -> Problem {
    let problem = Problem::from(error);
    let code =
        if problem.status == StatusCode::SERVICE_UNAVAILABLE { "temporarily_unavailable" } else { "server_error" };
    problem.coded(code)
}

/// The parameters, each at most once.
struct Form(HashMap<String, String>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut form = HashMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if form.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(invalid("A parameter is given twice."));
            }
        }
        Ok(Self(form))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
