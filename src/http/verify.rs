//! `/verify`: a gateway asks whether the request that it holds may pass.

use super::{
    Doors, Shared,
    caller::{Credential, credential},
    front::Note,
    problem::Problem,
};
use crate::{
    domain::{
        decision::{Reason, Verdict},
        error::Error,
        scope::ScopeName,
    },
    verify::Checked,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, request::Parts},
    response::{IntoResponse as _, Response},
};

/// What a gateway hands on. All of them always, so that a client's own never pass.
const TOKEN_ID: HeaderName = HeaderName::from_static("x-token-id");
const USER: HeaderName = HeaderName::from_static("x-token-user");
const USER_ID: HeaderName = HeaderName::from_static("x-token-user-id");
const SCOPES: HeaderName = HeaderName::from_static("x-token-scopes");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-token-organization");

/// Answers 200, 401 or 403, and 503 when the store cannot answer: a gateway takes nothing else.
pub(super) async fn handle(State(doors): State<Shared>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let mut response = match check(&doors, &head).await {
        Ok((checked, question)) => passed(&doors, &checked, question.organization.as_deref()),
        Err(problem) => refused(problem),
    };
    let quiet = response.status().is_client_error();
    response.extensions_mut().insert(Note { quiet, ..Default::default() });
    response
}

async fn check(doors: &Doors, request: &Parts) -> Result<(Checked, Question), Problem> {
    let question = Question::read(&request.uri);
    let bearer = match credential(&request.headers) {
        Credential::None => return Err(Problem::no_credential()),
        Credential::Malformed | Credential::Doubled => return Err(Problem::invalid_token()),
        Credential::Bearer(bearer) => bearer,
    };
    let secret = doors.secret(bearer.text()).ok_or_else(Problem::invalid_token)?;
    let ask = doors.ask(question.organization.clone(), question.scopes.clone());
    let checked = doors.app.verifier().check(&secret, &ask, doors.observed_behind(request)).await?;
    let checked = checked.ok_or_else(Problem::invalid_token)?;
    match checked.verdict {
        Verdict::Yes => Ok((checked, question)),
        Verdict::No(Reason::NotGranted) => Err(no_organization()),
        Verdict::No(Reason::LacksScope(index)) => Err(question.lacks(index)),
        Verdict::No(Reason::Revoked | Reason::Expired | Reason::OwnerDisabled) => Err(Problem::invalid_token()),
    }
}

/// A refusal, or what kept us from an answer, with all headers of an answer.
pub(super) fn refused(problem: Problem) -> Response {
    // A gateway takes no other status for a fault of ours.
    let fault = problem.status == StatusCode::INTERNAL_SERVER_ERROR;
    let mut response = if fault { Problem::later() } else { problem }.into_response();
    for name in [TOKEN_ID, USER, USER_ID, SCOPES, ORGANIZATION] {
        response.headers_mut().insert(name, HeaderValue::from_static(""));
    }
    response
}

/// The same for one that is not granted and one that there is not.
fn no_organization() -> Problem {
    Problem { status: StatusCode::FORBIDDEN, ..Problem::from(Error::NotFound("organization")) }
}

fn passed(doors: &Doors, checked: &Checked, organization: Option<&str>) -> Response {
    let known = &checked.known;
    let scopes = checked.scopes(doors.app.catalogue());
    let mut headers = HeaderMap::new();
    for (name, text) in [
        (TOKEN_ID, known.token.uuid().to_string()),
        (USER, known.owner.username.clone()),
        (USER_ID, known.owner.id.uuid().to_string()),
        (SCOPES, scopes.iter().map(ScopeName::as_str).collect::<Vec<_>>().join(" ")),
        (ORGANIZATION, organization.unwrap_or_default().to_owned()),
    ] {
        headers.insert(name, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")));
    }
    (StatusCode::OK, headers).into_response()
}

/// What the gateway wants to know.
#[derive(Debug, Default, PartialEq, Eq)]
struct Question {
    organization: Option<String>,
    scopes: Vec<String>,
}

impl Question {
    /// Parameters count on `/verify` itself, where the gateway writes them; below it they are the client's.
    fn read(uri: &Uri) -> Self {
        let mut question = Self::default();
        if uri.path() != "/verify" {
            return question;
        }
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "scope" => question.scopes.extend(value.split_ascii_whitespace().map(ToOwned::to_owned)),
                "organization" if question.organization.is_none() => question.organization = Some(value.into_owned()),
                // Given twice, it means none that there is.
                "organization" => question.organization = Some(String::new()),
                _ => {}
            }
        }
        question
    }

    fn lacks(&self, index: usize) -> Problem {
        // A scope that cannot be one is named nowhere: it is whatever somebody wrote.
        let shown = |name: &&String| ScopeName::new(name).is_some();
        let asked: Vec<_> = self.scopes.iter().filter(shown).map(String::as_str).collect();
        let missing = self.scopes.get(index).filter(shown).map_or("asked", String::as_str);
        Problem::insufficient_scope(missing, &asked.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(uri: &str) -> Question {
        Question::read(&uri.parse().expect("a uri"))
    }

    #[test]
    fn scopes_may_be_repeated_or_separated_by_blanks_and_all_are_needed() {
        let read = question("/verify?scope=read_builds&scope=read_user+graphql&organization=acme&x=y");
        assert_eq!(read.scopes, ["read_builds", "read_user", "graphql"]);
        assert_eq!(read.organization.as_deref(), Some("acme"));
    }

    #[test]
    fn parameters_below_the_path_are_the_clients_and_are_ignored() {
        assert_eq!(question("/verify/v1/builds?scope=read_builds&organization=acme"), Question::default());
        assert_eq!(question("/verify/?organization=acme"), Question::default());
    }

    #[test]
    fn an_organization_that_is_given_twice_is_none_that_there_is() {
        assert_eq!(question("/verify?organization=acme&organization=acme").organization.as_deref(), Some(""));
    }
}
