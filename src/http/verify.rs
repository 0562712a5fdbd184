//! `/verify`: a gateway asks whether the request that it holds may pass.

use super::{
    HttpState, Shared,
    caller::{Below, Credential, credential},
    error_response::ErrorResponse,
    front::RequestLog,
};
use crate::{
    domain::{
        decision::{DenyReason, Verdict},
        error::Error,
        scope::ScopeName,
        time::Time,
    },
    verify::CheckResult,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, request::Parts},
    response::{IntoResponse as _, Response},
};
use percent_encoding::percent_decode_str;
use std::collections::BTreeSet;

/// What a gateway hands on. All of them always, so that a client's own never pass.
const TOKEN_ID: HeaderName = HeaderName::from_static("x-token-id");
const USER: HeaderName = HeaderName::from_static("x-token-user");
const USER_ID: HeaderName = HeaderName::from_static("x-token-user-id");
const SCOPES: HeaderName = HeaderName::from_static("x-token-scopes");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-token-organization");
const EXPIRES_AT: HeaderName = HeaderName::from_static("x-token-expires-at");

/// More faults of one question than these are not logged.
const MAX_FAULTS: usize = 16;

/// Answers 200, 401 or 403, and 503 when the store cannot answer: a gateway takes nothing else.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let mut response = match check(&state, &head).await {
        Ok((checked, question)) => passed(&state, &checked, question.organization.as_deref()),
        Err(problem) => refused(problem),
    };
    let quiet = response.status().is_client_error();
    response.extensions_mut().insert(RequestLog { quiet, ..Default::default() });
    response
}

async fn check<'request>(
    state: &HttpState,
    request: &'request Parts,
) -> Result<(CheckResult, VerifyQuery<'request>), ErrorResponse> {
    let question = VerifyQuery::read(&request.uri);
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(ErrorResponse::no_credential()),
        Credential::Malformed | Credential::Doubled => return Err(ErrorResponse::invalid_token()),
        Credential::Bearer(bearer) => bearer,
    };
    let secret = state.secret(bearer.text()).ok_or_else(ErrorResponse::invalid_token)?;
    let ask = state.ask(question.organization.clone(), question.scopes.clone());
    let observed = state.observed_behind(request, question.below);
    let checked =
        state.app.verifier().check(&secret, &ask, observed).await?.ok_or_else(ErrorResponse::invalid_token)?;
    match checked.verdict {
        Verdict::Deny(DenyReason::Revoked | DenyReason::Expired | DenyReason::OwnerDisabled) => {
            Err(ErrorResponse::invalid_token())
        }
        _ if !question.faults.is_empty() => Err(question.misconfigured(state)),
        Verdict::Allow => Ok((checked, question)),
        Verdict::Deny(DenyReason::NotGranted) => Err(no_organization()),
        Verdict::Deny(DenyReason::LacksScope(index)) => Err(question.lacks(index)),
    }
}

/// A refusal, or what kept us from an answer, with all headers of an answer.
pub(super) fn refused(problem: ErrorResponse) -> Response {
    // A gateway takes no other status for a fault of ours.
    let fault = problem.status == StatusCode::INTERNAL_SERVER_ERROR;
    let mut response = if fault { ErrorResponse::unavailable() } else { problem }.into_response();
    for name in [TOKEN_ID, USER, USER_ID, SCOPES, ORGANIZATION, EXPIRES_AT] {
        response.headers_mut().insert(name, HeaderValue::from_static(""));
    }
    response
}

/// The same for one that is not granted and one that there is not.
fn no_organization() -> ErrorResponse {
    ErrorResponse { status: StatusCode::FORBIDDEN, ..ErrorResponse::from(Error::NotFound("organization")) }
}

fn passed(state: &HttpState, checked: &CheckResult, organization: Option<&str>) -> Response {
    let known = &checked.snapshot;
    let scopes = checked.scopes(state.app.catalogue());
    let mut headers = HeaderMap::new();
    for (name, text) in [
        (TOKEN_ID, known.token.uuid().to_string()),
        (USER, known.owner.username.clone()),
        (USER_ID, known.owner.id.uuid().to_string()),
        (SCOPES, scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" ")),
        (ORGANIZATION, organization.unwrap_or_default().to_owned()),
        (EXPIRES_AT, known.expires_at.map(Time::to_text_in_seconds).unwrap_or_default()),
    ] {
        headers.insert(name, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")));
    }
    (StatusCode::OK, headers).into_response()
}

/// What the gateway asks for.
#[derive(Debug, PartialEq, Eq)]
struct VerifyQuery<'uri> {
    organization: Option<String>,
    scopes: Vec<String>,
    below: Below<'uri>,
    faults: BTreeSet<Fault>,
}

/// What the operator has to change in the configuration of the gateway.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    parameter: String,
    why: &'static str,
}

const NO_SUCH_PARAMETER: &str = "the parameters of /verify are scope and organization";
const BLANK: &str = "it has no value";
const WRONG_PATH: &str =
    "the path is /verify-for/{organization}/{scope,scope}/ and then that of the request, with * for none";
/// Stands for no organization, or no scope.
const NONE: &str = "*";
const BELOW: &str = "it counts on /verify only; below it use /verify-for/{organization}/{scopes}";

impl<'uri> VerifyQuery<'uri> {
    /// Parameters count on `/verify` itself, where the gateway writes them. Below it they are those of the client, or a
    /// gateway that meant something by them would check nothing.
    fn read(uri: &'uri Uri) -> Self {
        if let Some(rest) = uri.path().strip_prefix("/verify-for") {
            return Self::read_path(rest);
        }
        let below = uri.path().strip_prefix("/verify").filter(|rest| !rest.is_empty());
        let mut question = Self::new(below.map_or(Below::Nothing, Below::Appended));
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match (below, name.as_ref()) {
                (None, "scope") if value.trim().is_empty() => question.fault(&name, BLANK),
                (None, "scope") => {
                    question.scopes.extend(value.split_ascii_whitespace().map(ToOwned::to_owned));
                }
                (None, "organization") => {
                    // Given twice, it means none that there is.
                    let doubled = question.organization.is_some();
                    question.organization = Some(if doubled { String::new() } else { value.into_owned() });
                }
                (None, _) => question.fault(&name, NO_SUCH_PARAMETER),
                (Some(_), "scope" | "organization") => question.fault(&name, BELOW),
                (Some(_), _) => {}
            }
        }
        question
    }

    /// Of `/verify-for/{organization}/{scopes}/…`. The query behind it is that of the client.
    fn read_path(rest: &'uri str) -> Self {
        let Some((organization, scopes, path)) = segments(rest) else {
            let mut question = Self::new(Below::Exactly(""));
            question.fault("path", WRONG_PATH);
            return question;
        };
        Self { organization, scopes, ..Self::new(Below::Exactly(path)) }
    }

    const fn new(below: Below<'uri>) -> Self {
        Self { organization: None, scopes: Vec::new(), below, faults: BTreeSet::new() }
    }

    /// A fault asks for a scope that no token has: what is refused is recorded as such.
    fn fault(&mut self, parameter: &str, why: &'static str) {
        self.scopes.push(String::new());
        if self.faults.len() < MAX_FAULTS {
            self.faults.insert(Fault { parameter: parameter.to_owned(), why });
        }
    }

    fn misconfigured(&self, state: &HttpState) -> ErrorResponse {
        for Fault { parameter, why } in &self.faults {
            let parameter = state.shown_name(parameter);
            tracing::warn!(parameter, why, "a gateway sent a malformed check to /verify, denied");
        }
        let message = "The gateway's configuration for this request is wrong; the log of the service says why.";
        ErrorResponse::new(StatusCode::FORBIDDEN, message)
    }

    fn lacks(&self, index: usize) -> ErrorResponse {
        // A scope that cannot be one is named nowhere: it is whatever somebody wrote.
        let shown = |name: &&String| ScopeName::new(name).is_some();
        let asked: Vec<_> = self.scopes.iter().filter(shown).map(String::as_str).collect();
        let missing = self.scopes.get(index).filter(shown).map_or("asked", String::as_str);
        ErrorResponse::insufficient_scope(missing, &asked.join(" "))
    }
}

/// The organization, the scopes and the path of the request. They are split as they came, and then decoded: a slash of
/// the client can become none of the first two, an encoded one is part of its segment, and an encoded asterisk does not stand for none.
fn segments(rest: &str) -> Option<(Option<String>, Vec<String>, &str)> {
    let (organization, rest) = rest.strip_prefix('/')?.split_once('/')?;
    let (scopes, path) = rest.split_at_checked(rest.find('/')?)?;
    let decoded = |segment| percent_decode_str(segment).decode_utf8().ok();
    let organization = match organization {
        NONE => None,
        segment => Some(decoded(segment)?.into_owned()),
    };
    let scopes: Vec<_> = match scopes {
        NONE => Vec::new(),
        segment => decoded(segment)?.split(',').map(ToOwned::to_owned).collect(),
    };
    if scopes.iter().chain(&organization).any(|text| text.trim().is_empty()) {
        return None;
    }
    Some((organization, scopes, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(uri: &str) -> (Option<String>, Vec<String>, Vec<String>) {
        let uri: Uri = uri.parse().expect("an address");
        let VerifyQuery { organization, scopes, faults, .. } = VerifyQuery::read(&uri);
        (organization, scopes, faults.into_iter().map(|fault| fault.parameter).collect())
    }

    fn faults(uri: &str) -> Vec<String> {
        let (_, scopes, faults) = question(uri);
        assert_eq!(scopes.iter().any(String::is_empty), !faults.is_empty(), "{uri}");
        faults
    }

    #[test]
    fn parameters_are_read_on_the_path_itself() {
        let (organization, scopes, none) =
            question("/verify?scope=read_builds&scope=read_user+graphql&organization=acme");
        assert_eq!(organization.as_deref(), Some("acme"));
        assert_eq!(scopes, ["read_builds", "read_user", "graphql"]);
        assert_eq!(none, [""; 0]);
        for nothing in ["/verify", "/verify?", "/verify?&", "/verify/v1/builds?x=1&Scope=2", "/verify/"] {
            assert_eq!(question(nothing), (None, vec![], vec![]), "{nothing}");
        }
        assert_eq!(question("/verify?organization=acme&organization=acme").0.as_deref(), Some(""));
    }

    #[test]
    fn question_in_a_wrong_form_asks_for_what_no_token_has() {
        for (uri, parameters) in [
            ("/verify?scope=", &["scope"][..]),
            ("/verify?scope", &["scope"]),
            ("/verify?scope=read_builds&scope=+%20", &["scope"]),
            ("/verify?scopes=read_builds", &["scopes"]),
            ("/verify?Scope=read_builds", &["Scope"]),
            ("/verify?org=globex&x=1&x=2", &["org", "x"]),
            ("/verify?=x", &[""]),
            ("/verify/?scope=read_builds", &["scope"]),
            ("/verify/v1?scope=&a=b&organization=acme", &["organization", "scope"]),
            ("/verify/v1?%73cope=read_builds", &["scope"]),
        ] {
            assert_eq!(faults(uri), parameters, "{uri}");
        }
        let many: Vec<_> = (0..1000).map(|number| format!("p{number}=1")).collect();
        assert_eq!(faults(&format!("/verify?{}", many.join("&"))).len(), MAX_FAULTS);
    }

    #[test]
    fn path_names_organization_and_scopes_and_the_rest_is_kept_as_it_came() {
        let read = |uri: &str| {
            let uri: Uri = uri.parse().expect("an address");
            let VerifyQuery { organization, scopes, below, faults } = VerifyQuery::read(&uri);
            assert_eq!(faults, BTreeSet::new(), "{uri}");
            let Below::Exactly(path) = below else { panic!("{uri}") };
            (organization.unwrap_or_default(), scopes.join(" "), path.to_owned())
        };
        let is = |organization: &str, scopes: &str, path: &str| (organization.into(), scopes.into(), path.into());
        assert_eq!(read("/verify-for/acme/read_builds/"), is("acme", "read_builds", "/"));
        assert_eq!(
            read("/verify-for/acme/read_builds,graphql/v1/x?scope=a"),
            is("acme", "read_builds graphql", "/v1/x")
        );
        assert_eq!(read("/verify-for/*/*/v1"), is("", "", "/v1"));
        // Only the asterisk itself stands for none.
        assert_eq!(read("/verify-for/%2A/read_builds%2Cgraphql/v1"), is("*", "read_builds graphql", "/v1"));
        assert_eq!(read("/verify-for/*/%2a/v1"), is("", "*", "/v1"));
        assert_eq!(read("/verify-for/acme%2Fx/a%2Fb/v1"), is("acme/x", "a/b", "/v1"));
        assert_eq!(read("/verify-for/acme/*//v1//../%2e%2e/./x%2Fy/"), is("acme", "", "//v1//../%2e%2e/./x%2Fy/"));
        assert_eq!(read("/verify-for/acme/*,read_builds/"), is("acme", "* read_builds", "/"));
    }

    #[test]
    fn malformed_path_asks_for_what_no_token_has() {
        for rest in [
            "",
            "/",
            "//",
            "///",
            "/acme",
            "/acme/",
            "/acme/read_builds",
            "/*/*",
            "//read_builds/x",
            "/acme//x",
            "/%20/*/x",
            "/acme/%20/x",
            "/acme/,/x",
            "/acme/read_builds,/x",
            "/acme/read_builds,,graphql/x",
            "/acme/%ff/x",
            "/%ff/*/x",
        ] {
            assert_eq!(faults(&format!("/verify-for{rest}")), ["path"], "{rest}");
        }
    }
}
