//! `/session`: signing in and out, and giving one's password once more. And as whom a request with the cookie is made.

use super::{
    Doors, Shared,
    access_token::body_of,
    cookie::Cookie,
    front::Note,
    graphql::is_json,
    problem::{Problem, reads},
    throttle::{Throttle, place},
};
use crate::{
    domain::{
        caller::{Caller, Through},
        id::SessionId,
        password::Password,
        secret::{Fingerprint, random_text},
        session::Session,
        text,
    },
    store::{NewSession, SignIn},
    verify::Observed,
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{net::IpAddr, time::Duration};

/// The characters of a cookie: 256 bits.
pub(super) const COOKIE_LENGTH: usize = 43;
/// So often somebody may fail within the window, by a name and from a place.
const MOST: u32 = 100;
const WINDOW: Duration = Duration::from_hours(1);
const TOO_MANY: &str = "Too many failed attempts to sign in; try again later.";
const WRONG: &str = "The username or the password is wrong.";
const WRONG_PASSWORD: &str = "The password is wrong.";

/// What the doors of sessions share.
pub(super) struct Sessions {
    pub(super) cookie: Cookie,
    /// By where somebody is.
    places: Throttle<IpAddr>,
    /// By the name that somebody gives, whether anybody is called so or not. What is typed there may be a password.
    names: Throttle<Fingerprint>,
}

impl Sessions {
    pub(super) fn new(public_url: &str) -> Self {
        Self {
            cookie: Cookie::of(public_url),
            places: Throttle::new(MOST, WINDOW, TOO_MANY),
            names: Throttle::new(MOST, WINDOW, TOO_MANY),
        }
    }
}

#[derive(Deserialize)]
struct SigningIn {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct Confirming {
    password: String,
}

/// Begins a session, or ends it.
pub(super) async fn handle(State(doors): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answered = match head.method {
        Method::POST => sign_in(&doors, &head, body).await,
        Method::DELETE => sign_out(&doors, &head).await,
        _ => Err(Problem::method("POST, DELETE")),
    };
    answered.unwrap_or_else(Problem::into_response)
}

/// Takes the password once more, for what only a fresh session may do.
pub(super) async fn confirm(State(doors): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answered = match head.method {
        Method::POST => give_again(&doors, &head, body).await,
        _ => Err(Problem::method("POST")),
    };
    answered.unwrap_or_else(Problem::into_response)
}

async fn sign_in(doors: &Doors, request: &Parts, body: Body) -> Result<Response, Problem> {
    let Sessions { cookie, names, .. } = &doors.sessions;
    cookie.allows(request)?;
    let said: SigningIn = json_of(request, body).await?;
    let (observed, now) = (doors.observed(request), doors.app.instant());
    doors.tries_from(&observed)?;
    let known = match text::visible("username", &said.username) {
        Ok(()) => doors.app.store().sign_in_of(&said.username).await?,
        // Nobody is called so, and not every database takes every character.
        Err(_) => None,
    };
    let name = Fingerprint::of(&text::fold(&said.username));
    // Whoever guesses at somebody's password from elsewhere does not keep them out where they sign in.
    if !known.as_ref().is_some_and(|known| is_usual(known, &observed)) {
        names.begins(name, now).inspect_err(|_| doors.app.metrics().throttled())?;
    }
    let kept = known.as_ref().and_then(|known| known.hashed.clone());
    let right = doors.app.is_password(Password::given(&said.password), kept).await?;
    let known = known.filter(|known| right && known.disabled_at.is_none());
    let Some((SignIn { id, address, .. }, version)) = known.and_then(|known| Some((known.clone(), known.version?)))
    else {
        return Err(wrong(WRONG));
    };
    names.succeeded(&name);
    doors.was_right(&observed);
    if address != observed.address.map(|address| address.to_string()) {
        doors.app.store().upkeep().keep_address(id, observed.address).await?;
    }
    if let Some(before) = cookie.brought(&request.headers) {
        doors.app.store().upkeep().end_session_by(Fingerprint::of(&before)).await?;
    }
    let caller = doors.caller(&observed, Through::System);
    let value = random_text(COOKIE_LENGTH)?;
    let new = NewSession {
        id: SessionId::new(caller.at),
        fingerprint: Fingerprint::of(&value),
        user: id,
        password_version: version,
        at: caller.at,
        address: caller.address,
        user_agent: caller.user_agent,
    };
    doors.app.store().upkeep().open_session(new).await?;
    Ok(told(doors, id.to_string(), &value))
}

async fn sign_out(doors: &Doors, request: &Parts) -> Result<Response, Problem> {
    let cookie = &doors.sessions.cookie;
    let brought = cookie.brought(&request.headers).ok_or_else(Problem::no_credential)?;
    cookie.allows(request)?;
    doors.app.store().upkeep().end_session_by(Fingerprint::of(&brought)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(cookie.taken().map(|taken| (header::SET_COOKIE, taken)));
    Ok(response)
}

async fn give_again(doors: &Doors, request: &Parts, body: Body) -> Result<Response, Problem> {
    let cookie = &doors.sessions.cookie;
    let brought = cookie.brought(&request.headers).ok_or_else(Problem::no_credential)?;
    cookie.allows(request)?;
    let said: Confirming = json_of(request, body).await?;
    let (observed, now) = (doors.observed(request), doors.app.instant());
    let (before, at) = (Fingerprint::of(&brought), doors.app.now());
    let session = doors.app.store().session_by(before, at).await?.ok_or_else(Problem::no_credential)?;
    doors.tries_from(&observed)?;
    let name = Fingerprint::of(&session.id.to_string());
    doors.sessions.names.begins(name, now).inspect_err(|_| doors.app.metrics().throttled())?;
    let kept = doors.app.store().sign_in(session.user).await?.and_then(|known| known.hashed);
    if !doors.app.is_password(Password::given(&said.password), kept).await? {
        return Err(wrong(WRONG_PASSWORD));
    }
    doors.sessions.names.succeeded(&name);
    doors.was_right(&observed);
    let value = random_text(COOKIE_LENGTH)?;
    let renewed = doors.app.store().upkeep().renew_session(session.id, before, (Fingerprint::of(&value), at)).await?;
    if !renewed {
        return Err(Problem::no_credential());
    }
    Ok(told(doors, session.user.to_string(), &value))
}

impl Doors {
    /// As whom a request with the cookie of a session is made; nothing where none counts.
    pub(super) async fn in_session(&self, request: &Parts) -> Result<Option<Caller>, Problem> {
        let Some(brought) = self.sessions.cookie.brought(&request.headers) else { return Ok(None) };
        self.sessions.cookie.allows(request)?;
        if reads(&request.method) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "A session asks by POST."));
        }
        let observed = self.observed(request);
        let nobody = self.caller(&observed, Through::System);
        let found = self.app.store().session_by(Fingerprint::of(&brought), nobody.at).await?;
        let session = found.ok_or_else(Problem::no_credential)?;
        if let Err(error) = self.app.store().upkeep().see_session(&session, nobody.at).await {
            // The next request notes it.
            tracing::debug!(error = ?error, "the use of a session is not noted yet");
        }
        let Session { id, user, authenticated_at, .. } = session;
        Ok(Some(Caller { through: Through::Session { user, session: id, authenticated_at }, ..nobody }))
    }

    /// Counts that somebody there gives a password, as a failure until it was right.
    fn tries_from(&self, observed: &Observed) -> Result<(), Problem> {
        let Some(address) = observed.address else { return Ok(()) };
        let counted = self.sessions.places.begins(place(address), self.app.instant());
        counted.inspect_err(|_| self.app.metrics().throttled())
    }

    fn was_right(&self, observed: &Observed) {
        if let Some(address) = observed.address {
            self.sessions.places.succeeded(&place(address));
        }
    }
}

/// Whether somebody comes from where they came before.
fn is_usual(known: &SignIn, observed: &Observed) -> bool {
    let before = known.address.as_ref().and_then(|address| address.parse::<IpAddr>().ok());
    before.map(place).is_some_and(|before| observed.address.map(place) == Some(before))
}

/// The same answer whoever it was and whatever was wrong.
fn wrong(message: &str) -> Problem {
    Problem { message: message.into(), ..Problem::no_credential() }
}

/// What a request says as JSON.
pub(super) async fn json_of<T: DeserializeOwned>(request: &Parts, body: Body) -> Result<T, Problem> {
    let kind = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(is_json) {
        let message = "Send the request as application/json in UTF-8.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = body_of(body).await?;
    // What a library says of it may repeat a password.
    serde_json::from_slice(&body).map_err(|_| {
        let message = "Send one JSON object with the texts that are asked for.";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    })
}

/// Nothing but the cookie.
pub(super) fn told(doors: &Doors, caller: String, value: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let given = doors.sessions.cookie.given(value);
    response.headers_mut().extend(given.map(|given| (header::SET_COOKIE, given)));
    response.extensions_mut().insert(Note { caller: Some(caller), ..Default::default() });
    response
}
