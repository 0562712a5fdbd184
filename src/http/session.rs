//! `/session`: signing in, signing out and confirming the password; and the caller of a request with a session cookie.

use super::{
    HttpState, Shared,
    body::read_json,
    cookie::Cookie,
    error_response::{ErrorResponse, is_get_or_head},
    request_log::RequestLog,
};
use crate::{
    app::{Limit, Throttle},
    domain::{
        caller::{AuthMethod, Caller},
        error::{Error, Result as DomainResult},
        id::{SessionId, UserId},
        network::networks_of,
        password::{Password, PasswordHash},
        secret::{Fingerprint, random_text},
        session::Session,
        state::UserStatus,
        text,
    },
    store::{NewSession, SignIn},
    verify::ObservedRequest,
};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use ipnet::IpNet;
use serde::Deserialize;
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// The number of characters of a cookie value, which hold 256 bits.
pub(super) const COOKIE_LENGTH: usize = 43;
/// The maximum number of failed attempts within the window: for one user, for one typed name from one network, and from the
/// narrowest network of an address. Each wider network may have twice as many, because more users share it.
const MAX_FAILURES: u32 = 100;
const WINDOW: Duration = Duration::from_hours(1);
const TOO_MANY: &str = "Too many failed attempts to sign in; try again later.";
const WRONG_CREDENTIALS: &str = "The username or the password is wrong.";
const WRONG_PASSWORD: &str = "The password is wrong.";

/// The state that the endpoints of sessions share.
pub(super) struct Sessions {
    pub(super) cookie: Cookie,
    /// Failed attempts per network, whatever name was typed.
    networks: Throttle<IpNet>,
    /// Failed attempts per typed name and widest network of an address, whether or not a user has that name. The key is a
    /// fingerprint, because users also type passwords into this field.
    names: Throttle<(Option<IpNet>, Fingerprint)>,
    /// Failed attempts per user, from networks from which the user has not signed in before.
    users: Throttle<UserId>,
    /// Failed confirmations of the password per session.
    confirmations: Throttle<SessionId>,
}

/// The limits under which an attempt was counted. It counts as failed until it is released.
#[derive(Default)]
struct Attempt {
    networks: Vec<Limit<IpNet>>,
    name: Option<Limit<(Option<IpNet>, Fingerprint)>>,
    user: Option<Limit<UserId>>,
    session: Option<Limit<SessionId>>,
}

impl Sessions {
    pub(super) fn new(public_url: &str) -> Self {
        Self {
            cookie: Cookie::of(public_url),
            networks: Throttle::new(WINDOW, TOO_MANY),
            names: Throttle::new(WINDOW, TOO_MANY),
            users: Throttle::new(WINDOW, TOO_MANY),
            confirmations: Throttle::new(WINDOW, TOO_MANY),
        }
    }

    /// Counts an attempt to sign in, before the user is looked up: these limits depend on the network and the typed name,
    /// never on whether such a user exists.
    fn begin_sign_in(&self, address: Option<IpAddr>, typed: &str, now: Instant) -> DomainResult<Attempt> {
        let attempt = self.begin(address, now)?;
        let widest = address.and_then(|address| networks_of(address).next_back());
        let name = ((widest, Fingerprint::of(&text::fold(typed))), MAX_FAILURES);
        self.names.begin(&[name], now)?;
        Ok(Attempt { name: Some(name), ..attempt })
    }

    /// Counts an attempt to confirm the password of a session.
    fn begin_confirmation(&self, address: Option<IpAddr>, session: SessionId, now: Instant) -> DomainResult<Attempt> {
        let attempt = self.begin(address, now)?;
        let session = (session, MAX_FAILURES);
        self.confirmations.begin(&[session], now)?;
        Ok(Attempt { session: Some(session), ..attempt })
    }

    fn begin(&self, address: Option<IpAddr>, now: Instant) -> DomainResult<Attempt> {
        let limits = (0..).map(|step| MAX_FAILURES << step);
        let networks: Vec<_> = address.into_iter().flat_map(networks_of).zip(limits).collect();
        self.networks.begin(&networks, now)?;
        Ok(Attempt { networks, ..Attempt::default() })
    }

    fn release(&self, attempt: &Attempt) {
        self.networks.undo(&attempt.networks);
        self.names.undo(attempt.name.as_slice());
        self.users.undo(attempt.user.as_slice());
        self.confirmations.undo(attempt.session.as_slice());
    }
}

#[derive(Deserialize)]
struct SignInRequest {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct ConfirmRequest {
    password: String,
}

/// Signs a user in.
pub(super) async fn sign_in(State(state): State<Shared>, request: Request) -> Result<Response, ErrorResponse> {
    let (request, body) = request.into_parts();
    let state = &*state;
    let Sessions { cookie, users, .. } = &state.sessions;
    cookie.allows(&request)?;
    let SignInRequest { username, password } = read_json(&request.headers, body).await?;
    // On-screen keyboards append a space to a suggested word.
    let username = username.trim();
    let observed = state.observed(&request);
    let now = state.app.instant();
    let counted_attempt = state.sessions.begin_sign_in(observed.address, username, now);
    let mut attempt = state.throttled(counted_attempt)?;
    let known = match text::visible("username", username) {
        Ok(()) => {
            let found = state.app.store().sign_in_by_name(username).await;
            // An error of the store does not count as a failed attempt.
            found.inspect_err(|_| state.sessions.release(&attempt))?
        }
        // No user has such a name, and not every database accepts every character.
        Err(_) => None,
    };
    let is_known_network = known.as_ref().is_some_and(|known| is_known_network(known, &observed));
    let counted = known.as_ref().filter(|_| !is_known_network).map(|known| (known.id, MAX_FAILURES));
    let is_locked = users.begin(counted.as_slice(), now).is_err();
    if is_locked {
        state.app.metrics().throttled();
    } else {
        attempt.user = counted;
    }
    // Over the limit of a user, the work is the same as for an unknown name, so that neither the response nor its timing
    // reveals that the user exists or that the password was correct.
    let known = known.filter(|_| !is_locked);
    let password_hash = known.as_ref().and_then(|known| known.hash.clone());
    // Without a reserved place in the queue of password checks: whether one is free would reveal that the user has signed in
    // from this network.
    let is_correct = state.is_correct_password(&password, password_hash, &attempt, false).await?;
    let known = known.filter(|known| is_correct && UserStatus::of(known.disabled_at, None) == UserStatus::Enabled);
    let Some((id, version)) = known.and_then(|known| Some((known.id, known.version?))) else {
        return Err(rejected(WRONG_CREDENTIALS));
    };
    state.sessions.release(&attempt);
    if let Some(before) = cookie.read(&request.headers) {
        state.app.store().maintenance().end_session_by_fingerprint(Fingerprint::of(&before)).await?;
    }
    let caller = state.caller(&observed, AuthMethod::Anonymous);
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
    state.app.store().maintenance().open_session(new).await?;
    Ok(signed_in(state, id.to_string(), &value))
}

/// Signs the user of a session out.
pub(super) async fn sign_out(State(state): State<Shared>, request: Request) -> Result<Response, ErrorResponse> {
    let (request, _) = request.into_parts();
    let cookie = &state.sessions.cookie;
    let value = cookie.read(&request.headers).ok_or_else(ErrorResponse::no_credential)?;
    cookie.allows(&request)?;
    state.app.store().maintenance().end_session_by_fingerprint(Fingerprint::of(&value)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(cookie.clear().map(|cleared| (header::SET_COOKIE, cleared)));
    Ok(response)
}

/// Confirms the password of a session, for mutations that require fresh authentication.
pub(super) async fn confirm_password(State(state): State<Shared>, request: Request) -> Result<Response, ErrorResponse> {
    let (request, body) = request.into_parts();
    let cookie = &state.sessions.cookie;
    let current = cookie.read(&request.headers).ok_or_else(ErrorResponse::no_credential)?;
    cookie.allows(&request)?;
    let input: ConfirmRequest = read_json(&request.headers, body).await?;
    let observed = state.observed(&request);
    let (before, at) = (Fingerprint::of(&current), state.app.now());
    let session =
        state.app.store().session_by_fingerprint(before, at).await?.ok_or_else(ErrorResponse::no_credential)?;
    let counted_attempt = state.sessions.begin_confirmation(observed.address, session.id, state.app.instant());
    let attempt = state.throttled(counted_attempt)?;
    let found = state.app.store().sign_in(session.user).await;
    let password_hash = found.inspect_err(|_| state.sessions.release(&attempt))?.and_then(|known| known.hash);
    if !state.is_correct_password(&input.password, password_hash, &attempt, true).await? {
        return Err(rejected(WRONG_PASSWORD));
    }
    state.sessions.release(&attempt);
    let value = random_text(COOKIE_LENGTH)?;
    let renewed =
        state.app.store().maintenance().renew_session(session.id, before, (Fingerprint::of(&value), at)).await?;
    if !renewed {
        return Err(ErrorResponse::no_credential());
    }
    Ok(signed_in(&state, session.user.to_string(), &value))
}

impl HttpState {
    /// Returns the caller of a request with a session cookie; `None` if it has none. Also records the use of the session.
    pub(super) async fn in_session(&self, request: &Parts) -> Result<Option<Caller>, ErrorResponse> {
        let Some(value) = self.sessions.cookie.read(&request.headers) else { return Ok(None) };
        self.sessions.cookie.allows(request)?;
        if is_get_or_head(&request.method) {
            return Err(ErrorResponse::new(StatusCode::FORBIDDEN, "A request with the session cookie must use POST."));
        }
        let observed = self.observed(request);
        let anonymous = self.caller(&observed, AuthMethod::Anonymous);
        let found = self.app.store().session_by_fingerprint(Fingerprint::of(&value), anonymous.at).await?;
        let session = found.ok_or_else(ErrorResponse::no_credential)?;
        if let Err(error) = self.app.store().maintenance().touch_session(&session, anonymous.at).await {
            // The next request records it.
            tracing::debug!(error = ?error, "failed to record the use of a session, will retry");
        }
        let Session { id, user, authenticated_at, .. } = session;
        Ok(Some(Caller { auth_method: AuthMethod::Session { user, session: id, authenticated_at }, ..anonymous }))
    }

    fn throttled<T>(&self, counted: DomainResult<T>) -> Result<T, ErrorResponse> {
        counted.inspect_err(|_| self.app.metrics().throttled()).map_err(ErrorResponse::from)
    }

    /// Checks a password. If the check itself fails, the attempt does not count as failed.
    async fn is_correct_password(
        &self,
        password: &str,
        password_hash: Option<PasswordHash>,
        attempt: &Attempt,
        has_session: bool,
    ) -> Result<bool, ErrorResponse> {
        self.app.is_correct_password(Password::new(password), password_hash, has_session).await.map_err(|error| {
            self.sessions.release(attempt);
            if let Error::RateLimited { .. } = error {
                self.app.metrics().throttled();
            }
            ErrorResponse::from(error)
        })
    }
}

fn is_known_network(known: &SignIn, observed: &ObservedRequest) -> bool {
    let networks = known.networks.as_ref();
    networks.zip(observed.address).is_some_and(|(networks, address)| networks.contain(address))
}

/// 401, the same for an unknown user and a wrong password.
fn rejected(message: &str) -> ErrorResponse {
    ErrorResponse { message: message.into(), ..ErrorResponse::no_credential() }
}

/// 204 with the session cookie.
pub(super) fn signed_in(state: &HttpState, caller: String, value: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cookie = state.sessions.cookie.issue(value);
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    response.extensions_mut().insert(RequestLog { caller: Some(caller), ..Default::default() });
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many of these attempts pass the limits. Each has an address and a typed name.
    fn passed(sessions: &Sessions, attempts: impl IntoIterator<Item = (String, String)>) -> u32 {
        let now = Instant::now();
        let begin = |(address, typed): (String, String)| {
            sessions.begin_sign_in(Some(address.parse().expect("an address")), &typed, now).is_ok()
        };
        attempts.into_iter().map(|attempt| u32::from(begin(attempt))).sum()
    }

    fn sessions() -> Sessions {
        Sessions::new("https://tokens.example.test")
    }

    ///
    #[test]
    fn wider_networks_allow_more_failures() {
        let many = |address_of: fn(u32) -> String| {
            (0..1_500).map(move |number| (address_of(number), format!("name-{number}")))
        };
        for (address_of, expected) in [
            ((|number| format!("2001:db8:1:2:{number:x}::1")) as fn(u32) -> String, 100),
            (|number| format!("2001:db8:1:2{:02x}::1", number % 256), 200),
            (|number| format!("2001:db8:1:{number:x}::1"), 400),
            (|_| "192.0.2.7".into(), 100),
            (|number| format!("192.0.2.{}", number % 256), 200),
            (|number| format!("2001:db8:{number:x}::1"), 1_500),
        ] {
            assert_eq!(passed(&sessions(), many(address_of)), expected, "{} and so on", address_of(1));
        }
    }

    ///
    #[test]
    fn name_is_limited_per_network_in_any_case() {
        let sessions = sessions();
        let spellings = ["bob", "BOB", "Bob", "bOB"];
        let from = |site: &'static str| {
            (0..400_usize).map(move |number| (format!("{site}:{number:x}::1"), spellings[number % 4].to_owned()))
        };
        assert_eq!(passed(&sessions, from("2001:db8:1")), 100);
        assert_eq!(passed(&sessions, [("2001:db8:1:ffff::1".into(), "ada".into())]), 1);
        // Names are counted per network, so that guesses from one network do not lock a user out of another.
        assert_eq!(passed(&sessions, from("2001:db8:2")), 100);
    }
}
