//! `POST /invitations/{code}`: whoever was invited chooses a password, and is signed in. The first of all also says who
//! they are.

use super::{
    HttpState, Shared,
    body::read_json,
    error_response::ErrorResponse,
    pages,
    session::{COOKIE_BYTES, told},
};
use crate::{
    actions::{AcceptInvitation, First},
    domain::{
        caller::{AuthMethod, Caller},
        error::{Error, Result},
        id::{SessionId, UserId},
        secret::{Fingerprint, random_text},
        text,
    },
    store::NewUser,
};
use axum::{
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Accepting {
    password: String,
    username: Option<String>,
    name: Option<String>,
    email: Option<String>,
    organization: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    slug: String,
    name: String,
}

/// Takes an invitation.
pub(super) async fn handle(
    State(state): State<Shared>,
    code: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    // A path that is no text is a code that there is not.
    let code = code.map(|Path(code)| code).unwrap_or_default();
    let answered = match head.method {
        Method::POST => accept(&state, &head, body, &code).await,
        Method::GET | Method::HEAD => return pages::console(head.method, head.headers).await,
        _ => Err(ErrorResponse::method("GET, HEAD, POST")),
    };
    answered.unwrap_or_else(ErrorResponse::into_response)
}

async fn accept(state: &HttpState, request: &Parts, body: Body, code: &str) -> Result<Response, ErrorResponse> {
    state.sessions.cookie.allows(request)?;
    let said: Accepting = read_json(&request.headers, body).await?;
    let observed = state.observed(request);
    let nobody = state.caller(&observed, AuthMethod::Anonymous);
    let (invitation, at) = (Fingerprint::of(code), nobody.at);
    let invited = state.app.store().invitation(invitation, at).await?.ok_or_else(used_up)?;
    let first = if invited.user.is_none() { Some(said.first()?) } else { None };
    let theirs = first.as_ref().map(|first| {
        let NewUser { username, name, email, .. } = first.user.clone();
        [Some(username), Some(name), email, Some(first.slug.clone()), Some(first.organization.clone())]
    });
    let names = theirs.unwrap_or([invited.username, invited.name, invited.email, None, None]);
    let names = names.into_iter().flatten().collect();
    let hashed = state.app.hash_chosen_password("password", said.password, names, false).await?;
    let user = invited.user.unwrap_or_else(|| UserId::new(at));
    let through = AuthMethod::Session { user, session: SessionId::new(at), authenticated_at: at };
    let value = random_text(COOKIE_BYTES)?;
    let accepted = AcceptInvitation { invitation, hashed, cookie: Fingerprint::of(&value), first };
    match state.app.change(&Caller { auth_method: through, ..nobody }, accepted).await {
        Ok(()) => Ok(told(state, user.to_string(), &value)),
        // Somebody was quicker.
        Err(Error::NotFound(_)) => Err(used_up()),
        Err(error) => Err(error.into()),
    }
}

impl Accepting {
    /// Who the first person says that they are.
    fn first(&self) -> Result<First> {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        let (slug, organization) =
            self.organization.as_ref().map(|place| (&*place.slug, &*place.name)).unwrap_or_default();
        Ok(First {
            user: NewUser {
                username: text::username("username", &said(&self.username))?,
                name: text::name("name", &said(&self.name))?,
                email: Some(text::email("email", &said(&self.email))?),
                // As on the operator's word: whoever holds this link runs the service.
                email_verified: true,
                identity: None,
            },
            slug: text::slug("organization.slug", slug)?,
            organization: text::name("organization.name", organization)?,
        })
    }
}

/// The same for one that was used, one that is too old, and one that never was.
fn used_up() -> ErrorResponse {
    let message = "This invitation was used, or is older than 24 hours; ask for another.";
    ErrorResponse::new(StatusCode::NOT_FOUND, message)
}
