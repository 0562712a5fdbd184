//! `POST /invitations/{code}`: the invited user sets a password and is signed in. The first user also enters a username, a
//! name, an email address and the first organization.

use super::{
    Shared,
    body::{Object, read_json},
    error_response::ErrorResponse,
    session::{COOKIE_LENGTH, signed_in},
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
    extract::{Path, Request, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct AcceptRequest {
    password: String,
    username: Option<String>,
    name: Option<String>,
    email: Option<String>,
    organization: Option<Object<NewOrganization>>,
}

#[derive(Deserialize)]
struct NewOrganization {
    slug: String,
    name: String,
}

/// Accepts an invitation.
pub(super) async fn accept(
    State(state): State<Shared>,
    code: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (request, body) = request.into_parts();
    // A code that is not UTF-8 is treated as an unknown code.
    let code = code.map(|Path(code)| code).unwrap_or_default();
    state.sessions.cookie.allows(&request)?;
    let input: AcceptRequest = read_json(&request.headers, body).await?;
    let observed = state.observed(&request);
    let anonymous = state.caller(&observed, AuthMethod::Anonymous);
    let (invitation, at) = (Fingerprint::of(&code), anonymous.at);
    let invited = state.app.store().invitation(invitation, at).await?.ok_or_else(invalid_invitation)?;
    let first = if invited.user.is_none() { Some(input.first()?) } else { None };
    let first_names = first.as_ref().map(|first| {
        let NewUser { username, name, email, .. } = first.user.clone();
        [Some(username), Some(name), email, Some(first.slug.clone()), Some(first.organization.clone())]
    });
    let names = first_names.unwrap_or([invited.username, invited.name, invited.email, None, None]);
    let names = names.into_iter().flatten().collect();
    let password_hash = state.app.hash_new_password("password", input.password, names, false).await?;
    let user = invited.user.unwrap_or_else(|| UserId::new(at));
    let auth_method = AuthMethod::Session { user, session: SessionId::new(at), authenticated_at: at };
    let value = random_text(COOKIE_LENGTH)?;
    let accepted = AcceptInvitation { invitation, password_hash, cookie: Fingerprint::of(&value), first };
    match state.app.change(&Caller { auth_method, ..anonymous }, accepted).await {
        Ok(()) => Ok(signed_in(&state, user.to_string(), &value)),
        // A concurrent request used the invitation first.
        Err(Error::NotFound(_)) => Err(invalid_invitation()),
        Err(error) => Err(error.into()),
    }
}

impl AcceptRequest {
    /// Returns the validated first user and first organization.
    fn first(&self) -> Result<First> {
        let text_of = |text: &Option<String>| text.clone().unwrap_or_default();
        let (slug, organization) =
            self.organization.as_ref().map(|Object(new)| (&*new.slug, &*new.name)).unwrap_or_default();
        Ok(First {
            user: NewUser {
                username: text::username("username", &text_of(&self.username))?,
                name: text::name("name", &text_of(&self.name))?,
                email: Some(text::email("email", &text_of(&self.email))?),
                // The operator created this link, so the address needs no verification.
                email_verified: true,
                identity: None,
            },
            slug: text::slug("organization.slug", slug)?,
            organization: text::name("organization.name", organization)?,
        })
    }
}

/// 404, the same for a used, an expired and an unknown invitation.
fn invalid_invitation() -> ErrorResponse {
    let message = "This invitation was used, or is older than 24 hours; ask for another.";
    ErrorResponse::new(StatusCode::NOT_FOUND, message)
}
