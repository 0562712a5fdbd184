//! Provisions the user whom an identity provider authenticated: creates them at the first sign-in, and updates their profile
//! at later ones. An unchanged user costs one read.

use crate::{
    app::{App, Change, ChangeContext},
    domain::{
        caller::{AuthMethod, Caller},
        error::{Error, Result},
        event::{Event, EventType},
        id::UserId,
        organization::User,
        policy,
        state::UserStatus,
        text,
    },
    store::{Identity, NewUser, Profile, Tx},
};

/// The number of attempts while concurrent requests take the same username.
const MAX_ATTEMPTS: u32 = 20;

/// What an identity provider states about a user, not validated.
#[derive(Debug, Clone)]
pub struct IdentityClaims {
    /// The issuer and the subject.
    pub identity: Identity,
    /// The preferred username.
    pub username: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// Whether the provider has verified the email address.
    pub email_verified: bool,
}

/// Returns the caller, authenticated as the user whom the claims identify.
///
/// Fails with [`Error::Unauthenticated`] if that user is disabled or deleted.
pub async fn provision_user(app: &App, caller: &Caller, claims: IdentityClaims) -> Result<Caller> {
    let known = app.store().user_of(&claims.identity).await?;
    let id = known.as_ref().map_or_else(|| UserId::new(caller.at), |(user, _)| user.id);
    let authenticated = |id| Caller { auth_method: AuthMethod::Jwt(id), ..caller.clone() };
    let is_known = known.is_some();
    match known {
        // A deleted user is not created again.
        Some((_, true)) => return Err(Error::Unauthenticated),
        Some((user, _)) if user.status() != UserStatus::Enabled => return Err(Error::Unauthenticated),
        // Two different JWTs sent in turn would change the profile with every request, so it stays unchanged beyond the limit.
        Some((user, _)) if claims.matches(&user) || app.is_description_limit_reached(id) => {
            return Ok(authenticated(id));
        }
        _ => {}
    }
    // If a new user signs in twice at once, the second request finds the user whom the first one created. If several new
    // users with one preferred username sign in at once, at least one of them succeeds in each attempt.
    let mut attempts = 1;
    loop {
        match app.change(&authenticated(id), ProvisionUserChange { id, claims: claims.clone() }).await {
            Err(Error::Conflict(_)) if attempts < MAX_ATTEMPTS => attempts += 1,
            Err(Error::RateLimited { .. }) if is_known => return Ok(authenticated(id)),
            other => return other.map(authenticated),
        }
    }
}

impl IdentityClaims {
    /// Returns whether the claims agree with the stored user.
    fn matches(&self, user: &User) -> bool {
        let preferred = self.username.as_deref().and_then(text::username_from);
        preferred.is_none_or(|preferred| is_derived_from(&user.username, &preferred)) && {
            let profile = self.profile(user.username.clone(), Some(user));
            profile.name == user.name && (&profile.email, profile.email_verified) == (&user.email, user.email_verified)
        }
    }

    fn profile(&self, username: String, current: Option<&User>) -> Profile {
        let valid = |text: &Option<String>, read: fn(&str) -> Option<String>| text.as_deref().and_then(read);
        let name = valid(&self.name, text::name_from)
            .or_else(|| current.map(|user| user.name.clone()))
            .unwrap_or_else(|| username.clone());
        let (email, email_verified) = match valid(&self.email, text::email_from) {
            Some(email) => (Some(email), self.email_verified),
            None => current.map_or((None, false), |user| (user.email.clone(), user.email_verified)),
        };
        Profile { username, name, email, email_verified }
    }
}

/// Returns whether `username` is the preferred username, or the preferred username with a number.
fn is_derived_from(username: &str, preferred: &str) -> bool {
    username == preferred
        || (2..=MAX_NAMESAKES).any(|number| with_number(preferred, number).is_some_and(|name| name == username))
}

/// The maximum number of users with one preferred username.
const MAX_NAMESAKES: u32 = 1000;

/// Returns the username with a number (`ada-2`), shortened to the maximum length.
fn with_number(preferred: &str, number: u32) -> Option<String> {
    let suffix = format!("-{number}");
    let length = text::MAX_USERNAME_LENGTH.checked_sub(suffix.len())?;
    Some(preferred.chars().take(length).collect::<String>() + &suffix)
}

struct ProvisionUserChange {
    id: UserId,
    claims: IdentityClaims,
}

impl Change for ProvisionUserChange {
    type Done = UserId;

    async fn apply(&self, ChangeContext { tx, .. }: ChangeContext<'_>) -> Result<UserId> {
        let provisioner = policy::user_provisioner(tx.caller())?;
        match tx.user_of(&self.claims.identity).await? {
            Some((_, true)) => Err(Error::Unauthenticated),
            Some((user, false)) => {
                if self.claims.matches(&user) {
                    tx.mark_no_op();
                    return Ok(user.id);
                }
                let organizations = tx.lock_organizations_of(&user).await?;
                let username = self.available_username(tx, Some(&user)).await?;
                tx.change_profile(&provisioner, &user, &self.claims.profile(username, Some(&user))).await?;
                let changed = Event::new(EventType::UserUpdated, tx.caller().at).of_user(user.id);
                tx.record(changed.in_organizations(organizations));
                Ok(user.id)
            }
            None => {
                let username = self.available_username(tx, None).await?;
                let Profile { username, name, email, email_verified } = self.claims.profile(username, None);
                let new =
                    NewUser { username, name, email, email_verified, identity: Some(self.claims.identity.clone()) };
                let user = tx.insert_user(&provisioner, self.id, new).await?;
                tx.record(Event::new(EventType::UserCreated, tx.caller().at).of_user(user.id));
                Ok(user.id)
            }
        }
    }
}

impl ProvisionUserChange {
    /// Returns the preferred username, with a number appended if another user has it.
    async fn available_username(&self, tx: &Tx, current: Option<&User>) -> Result<String> {
        let claimed = self.claims.username.as_deref().and_then(text::username_from);
        let preferred = match (claimed, current) {
            (Some(preferred), Some(user)) if is_derived_from(&user.username, &preferred) => {
                return Ok(user.username.clone());
            }
            (Some(preferred), _) => preferred,
            (None, Some(user)) => return Ok(user.username.clone()),
            (None, None) => text::username_from(&self.claims.identity.subject).unwrap_or_else(|| "user".into()),
        };
        let numbers = (2..=MAX_NAMESAKES).filter_map(|number| with_number(&preferred, number));
        let names: Vec<_> = std::iter::once(preferred.clone()).chain(numbers).collect();
        let taken = tx.taken_usernames(&names, current.map(|user| user.id)).await?;
        names
            .into_iter()
            .find(|name| !taken.contains(name))
            .ok_or_else(|| Error::Conflict("Too many users have this username with a number.".into()))
    }
}
