//! `/verify`: a gateway checks whether a request is allowed.

use super::{
    HttpState, Shared,
    authenticate::{Credential, OriginalPath, credential},
    error_response::{ErrorFormat, ErrorResponse},
    request_log::RequestLog,
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

// The headers that a gateway forwards. A response always has all of them, so that they replace those of the client.
const TOKEN_ID: HeaderName = HeaderName::from_static("x-token-id");
const USER: HeaderName = HeaderName::from_static("x-token-user");
const USER_ID: HeaderName = HeaderName::from_static("x-token-user-id");
const SCOPES: HeaderName = HeaderName::from_static("x-token-scopes");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-token-organization");
const EXPIRES_AT: HeaderName = HeaderName::from_static("x-token-expires-at");

/// The maximum number of faults of one check that are logged.
const MAX_FAULTS: usize = 16;

/// Responds 200, 401 or 403, and 503 if the store is unavailable: gateways do not understand any other status.
pub(super) async fn handle(State(state): State<Shared>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let query = VerifyQuery::read(&head.uri);
    let mut response = match check(&state, &head, &query).await {
        Ok(checked) => allowed(&state, &checked, query.organization.as_deref()),
        Err(error) => error.into_response(),
    };
    let quiet = response.status().is_client_error();
    response.extensions_mut().insert(RequestLog { quiet, ..Default::default() });
    response
}

async fn check<'query>(
    state: &HttpState,
    request: &Parts,
    query: &'query VerifyQuery<'_>,
) -> Result<CheckResult<'query>, ErrorResponse> {
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(ErrorResponse::no_credential()),
        Credential::Malformed | Credential::Multiple => return Err(ErrorResponse::invalid_token()),
        Credential::Bearer(bearer) => bearer,
    };
    let secret = state.secret(bearer.text()).ok_or_else(ErrorResponse::invalid_token)?;
    let check = state.check_request(query.organization.as_deref(), &query.scopes);
    let observed = state.observed_original(request, query.original_path);
    let checked =
        state.app.verifier().check(&secret, &check, observed).await?.ok_or_else(ErrorResponse::invalid_token)?;
    match checked.verdict {
        Verdict::Deny(DenyReason::Revoked | DenyReason::Expired | DenyReason::OwnerDisabled) => {
            Err(ErrorResponse::invalid_token())
        }
        _ if !query.faults.is_empty() => Err(query.misconfigured(state)),
        Verdict::Allow => Ok(checked),
        Verdict::Deny(DenyReason::NotGranted) => Err(no_organization()),
        Verdict::Deny(DenyReason::LacksScope(index)) => Err(query.lacks(index)),
    }
}

/// Errors with all forwarded headers empty and a status that gateways understand.
pub(super) struct VerifyErrors;

impl ErrorFormat for VerifyErrors {
    fn of(_: &Parts) -> Self {
        Self
    }

    fn render(&self, error: ErrorResponse) -> Response {
        let error = match error.status {
            StatusCode::INTERNAL_SERVER_ERROR => ErrorResponse::unavailable(),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ErrorResponse { status: StatusCode::FORBIDDEN, ..error },
            _ => error,
        };
        let mut response = error.into_json();
        for name in [TOKEN_ID, USER, USER_ID, SCOPES, ORGANIZATION, EXPIRES_AT] {
            response.headers_mut().insert(name, HeaderValue::from_static(""));
        }
        response
    }
}

/// 403, the same for an organization without a grant and one that does not exist.
fn no_organization() -> ErrorResponse {
    ErrorResponse { status: StatusCode::FORBIDDEN, ..ErrorResponse::from(Error::NotFound("organization")) }
}

fn allowed(state: &HttpState, checked: &CheckResult<'_>, organization: Option<&str>) -> Response {
    let snapshot = &checked.snapshot;
    let scopes = checked.visible().accepted_scopes(state.app.catalogue());
    let mut headers = HeaderMap::new();
    for (name, text) in [
        (TOKEN_ID, snapshot.token.uuid().to_string()),
        (USER, snapshot.owner.username.clone()),
        (USER_ID, snapshot.owner.id.uuid().to_string()),
        (SCOPES, scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" ")),
        (ORGANIZATION, organization.unwrap_or_default().to_owned()),
        (EXPIRES_AT, snapshot.expires_at.map(Time::to_text_in_seconds).unwrap_or_default()),
    ] {
        headers.insert(name, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")));
    }
    (StatusCode::OK, headers).into_response()
}

/// The parameters of a check.
#[derive(Debug, PartialEq, Eq)]
struct VerifyQuery<'uri> {
    organization: Option<String>,
    scopes: Vec<String>,
    original_path: OriginalPath<'uri>,
    faults: BTreeSet<Fault>,
}

/// An error in the configuration of the gateway, which its operator has to correct.
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
const BELOW: &str = "it is read at /verify only; below it, use /verify-for/{organization}/{scopes}";

impl<'uri> VerifyQuery<'uri> {
    /// Reads the parameters of `/verify` itself, which are those of the gateway. Below it, the query is that of the client:
    /// `scope` and `organization` are faults there, because a gateway that relies on them would check nothing.
    fn read(uri: &'uri Uri) -> Self {
        if let Some(rest) = uri.path().strip_prefix("/verify-for") {
            return Self::read_path(rest);
        }
        let original_path = uri.path().strip_prefix("/verify").filter(|rest| !rest.is_empty());
        let mut query = Self::new(original_path.map_or(OriginalPath::Unspecified, OriginalPath::Appended));
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match (original_path, name.as_ref()) {
                (None, "scope") if value.trim().is_empty() => query.fault(&name, BLANK),
                (None, "scope") => {
                    query.scopes.extend(value.split_ascii_whitespace().map(ToOwned::to_owned));
                }
                (None, "organization") => {
                    // If it is repeated, it names no existing organization.
                    let is_repeated = query.organization.is_some();
                    query.organization = Some(if is_repeated { String::new() } else { value.into_owned() });
                }
                (None, _) => query.fault(&name, NO_SUCH_PARAMETER),
                (Some(_), "scope" | "organization") => query.fault(&name, BELOW),
                (Some(_), _) => {}
            }
        }
        query
    }

    /// Reads `/verify-for/{organization}/{scopes}/…`. The query is that of the client and is ignored.
    fn read_path(rest: &'uri str) -> Self {
        let Some((organization, scopes, path)) = segments(rest) else {
            let mut query = Self::new(OriginalPath::Exact(""));
            query.fault("path", WRONG_PATH);
            return query;
        };
        Self { organization, scopes, ..Self::new(OriginalPath::Exact(path)) }
    }

    const fn new(original_path: OriginalPath<'uri>) -> Self {
        Self { organization: None, scopes: Vec::new(), original_path, faults: BTreeSet::new() }
    }

    /// Adds a fault. It also requires a scope that no token has, so that the check is recorded as denied.
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
        // An invalid scope name is arbitrary text and is not repeated.
        let shown = |name: &&String| ScopeName::new(name).is_some();
        let required: Vec<_> = self.scopes.iter().filter(shown).map(String::as_str).collect();
        let missing = self.scopes.get(index).filter(shown).map_or("required", String::as_str);
        ErrorResponse::insufficient_scope(missing, &required.join(" "))
    }
}

/// Returns the organization, the scopes and the original path. The path is split first and decoded afterwards: no slash of the
/// client can change the first two segments, an encoded slash is part of its segment, and an encoded asterisk is a literal one.
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

    fn query(uri: &str) -> (Option<String>, Vec<String>, Vec<String>) {
        let uri: Uri = uri.parse().expect("an address");
        let VerifyQuery { organization, scopes, faults, .. } = VerifyQuery::read(&uri);
        (organization, scopes, faults.into_iter().map(|fault| fault.parameter).collect())
    }

    fn faults(uri: &str) -> Vec<String> {
        let (_, scopes, faults) = query(uri);
        assert_eq!(scopes.iter().any(String::is_empty), !faults.is_empty(), "{uri}");
        faults
    }

    #[test]
    fn parameters_are_read_on_verify_itself() {
        let (organization, scopes, none) = query("/verify?scope=read_builds&scope=read_user+graphql&organization=acme");
        assert_eq!(organization.as_deref(), Some("acme"));
        assert_eq!(scopes, ["read_builds", "read_user", "graphql"]);
        assert_eq!(none, [""; 0]);
        for uri in ["/verify", "/verify?", "/verify?&", "/verify/v1/builds?x=1&Scope=2", "/verify/"] {
            assert_eq!(query(uri), (None, vec![], vec![]), "{uri}");
        }
        assert_eq!(query("/verify?organization=acme&organization=acme").0.as_deref(), Some(""));
    }

    #[test]
    fn malformed_query_requires_a_scope_that_no_token_has() {
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
    fn path_names_organization_and_scopes_and_an_undecoded_rest() {
        let read = |uri: &str| {
            let uri: Uri = uri.parse().expect("an address");
            let VerifyQuery { organization, scopes, original_path, faults } = VerifyQuery::read(&uri);
            assert_eq!(faults, BTreeSet::new(), "{uri}");
            let OriginalPath::Exact(path) = original_path else { panic!("{uri}") };
            (organization.unwrap_or_default(), scopes.join(" "), path.to_owned())
        };
        let is = |organization: &str, scopes: &str, path: &str| (organization.into(), scopes.into(), path.into());
        assert_eq!(read("/verify-for/acme/read_builds/"), is("acme", "read_builds", "/"));
        assert_eq!(
            read("/verify-for/acme/read_builds,graphql/v1/x?scope=a"),
            is("acme", "read_builds graphql", "/v1/x")
        );
        assert_eq!(read("/verify-for/*/*/v1"), is("", "", "/v1"));
        // Only an asterisk that is not encoded means none.
        assert_eq!(read("/verify-for/%2A/read_builds%2Cgraphql/v1"), is("*", "read_builds graphql", "/v1"));
        assert_eq!(read("/verify-for/*/%2a/v1"), is("", "*", "/v1"));
        assert_eq!(read("/verify-for/acme%2Fx/a%2Fb/v1"), is("acme/x", "a/b", "/v1"));
        assert_eq!(read("/verify-for/acme/*//v1//../%2e%2e/./x%2Fy/"), is("acme", "", "//v1//../%2e%2e/./x%2Fy/"));
        assert_eq!(read("/verify-for/acme/*,read_builds/"), is("acme", "* read_builds", "/"));
    }

    #[test]
    fn malformed_path_requires_a_scope_that_no_token_has() {
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
