//! Changes: each runs in one transaction and is attempted again if the database asks for it.

use super::{App, CLOCK_AHEAD, Limit, Turn};
use crate::{
    domain::{
        caller::Caller,
        error::{Error, Result},
        event::{CommittedEvent, EventType},
        id::{OrganizationId, UserId},
        organization::{Organization, OrganizationRef, User, UserRef},
        policy::{AuthContext, SelfService},
        scope::Catalogue,
        secret::Prefix,
    },
    store::{self, Tx},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument as _;

/// The number of times that a change is attempted when the database asks for a retry.
const MAX_ATTEMPTS: u32 = 5;
/// The time after its start within which a change may be retried: longer than PostgreSQL needs to detect a deadlock, and
/// short enough that the caller gets a response within three seconds.
const RETRY_TIMEOUT: Duration = Duration::from_millis(1_400);

/// The kinds of changes that are rate-limited. Each has a separate count, so that renaming does not use up the limit of
/// creating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Extends access.
    GrantingAccess,
    /// Changes a name, a description or an expiry.
    ChangingDescription,
    /// Changes a password. A stolen token, which cannot do that, does not use up this limit.
    SettingPassword,
    /// Names a user who does not exist.
    NamingUnknownUser,
}

impl ChangeKind {
    /// Returns the kind of a change, which follows from its events; `None` for changes that only remove access.
    fn of(tx: &Tx) -> Option<Self> {
        if tx.grants_access() {
            Some(Self::GrantingAccess)
        } else {
            tx.changes_descriptions().then_some(Self::ChangingDescription)
        }
    }
}

/// The settings that changes depend on.
#[derive(Debug)]
pub struct Settings {
    /// The scopes that can be granted.
    pub catalogue: Arc<Catalogue>,
    /// The prefix of token values.
    pub prefix: Prefix,
    /// Whether users may create organizations without the operator.
    pub self_service: SelfService,
    /// The maximum number of active tokens per user.
    pub max_tokens_per_user: u32,
}

/// What a change works with.
#[derive(Debug)]
pub struct ChangeContext<'a> {
    /// The transaction.
    pub tx: &'a mut Tx,
    /// The settings of the service.
    pub settings: &'a Settings,
}

/// Decides whether a caller may change an organization.
type OrganizationPolicy<P> = fn(&AuthContext, OrganizationId) -> Result<P>;

impl ChangeContext<'_> {
    /// Locks an organization for a caller whom the policy permits to change it.
    pub async fn lock_organization_for<P>(
        &self,
        organization: &OrganizationRef,
        policy: OrganizationPolicy<P>,
    ) -> Result<(Organization, P)> {
        let found = self.authorized_organization(organization, policy).await?;
        self.lock_authorized(found, policy).await
    }

    /// Locks a user, if there is one, and then an organization for a caller whom the policy permits to change it.
    pub async fn lock_user_and_organization_for<P>(
        &self,
        user: &UserRef,
        organization: &OrganizationRef,
        policy: OrganizationPolicy<P>,
    ) -> Result<(Option<User>, Organization, P)> {
        let found = self.authorized_organization(organization, policy).await?;
        let user = self.tx.find_user_if_any(user).await?;
        let (organization, proof) = self.lock_authorized(found, policy).await?;
        Ok((user, organization, proof))
    }

    /// Asks the policy before anything is locked, since a lock delays the changes of others.
    async fn authorized_organization<P>(
        &self,
        organization: &OrganizationRef,
        policy: OrganizationPolicy<P>,
    ) -> Result<OrganizationId> {
        let found = self.tx.find_organization(organization).await?.id;
        policy(&self.tx.auth_context().await?, found)?;
        Ok(found)
    }

    /// Asks the policy again under the lock, since the caller's role may have changed meanwhile.
    async fn lock_authorized<P>(
        &self,
        organization: OrganizationId,
        policy: OrganizationPolicy<P>,
    ) -> Result<(Organization, P)> {
        let organization = self.tx.lock_organization(&organization.into()).await?;
        let proof = policy(&self.tx.auth_context().await?, organization.id)?;
        Ok((organization, proof))
    }
}

/// One action: asks the policy, changes rows, and records events. It can be run again from its first line, since the database
/// may ask for a retry.
pub trait Change: Send + Sync + 'static {
    /// The result for the caller.
    type Done: Send + 'static;

    /// Fails for a caller who may not make any change of this kind. An endpoint asks before it reads the input, so that such a
    /// caller gets this error first; [`Change::apply`] decides.
    fn precheck(_: &AuthContext, _: &Settings) -> Result<()> {
        Ok(())
    }

    /// Returns the kind as which the change counts against the rate limit of its user; `None` if it does not count.
    fn limited_as(tx: &Tx) -> Option<ChangeKind> {
        ChangeKind::of(tx)
    }

    /// Applies the change in a transaction.
    fn apply(&self, cx: ChangeContext<'_>) -> impl Future<Output = Result<Self::Done>> + Send;
}

impl App {
    /// Fails for a caller who may not make any change of this kind.
    pub fn precheck<C: Change>(&self, auth_context: &AuthContext) -> Result<()> {
        C::precheck(auth_context, &self.settings)
    }

    /// Runs a change for this caller in one transaction. The change runs to its end even if the client disconnects.
    pub async fn change<C: Change>(&self, caller: &Caller, change: C) -> Result<C::Done> {
        let turn = self.changes_in_turn.turn(caller).await?;
        let (app, caller) = (self.clone(), caller.clone());
        let work = async move {
            let mut result = app.apply_with_retries(caller, &change).await;
            // To a node whose clock is ahead, tokens that are active have expired: it must not seem that they are revoked.
            if matches!(result, Err(Error::Conflict(_))) && app.agreed_now().await?.is_none() {
                result = Err(Error::unavailable(CLOCK_AHEAD));
            }
            if let (Some(turn), Err(Error::Unavailable(_))) = (&turn, &result) {
                turn.fail_waiting();
            }
            result
        };
        let task = self.tasks.spawn(store::with_request_stats(store::request_stats(), work.in_current_span()));
        task.await.unwrap_or_else(|error| Err(Error::Bug(error.to_string().into())))
    }

    /// Waits until a request with mutations of this caller may run, before memory is reserved for its response.
    pub async fn turn_of_mutations(&self, caller: &Caller) -> Result<Option<Turn>> {
        self.mutations_in_turn.turn(caller).await
    }

    /// Runs a change that names another user. Attempts with usernames that do not exist are rate-limited: an administrator
    /// could otherwise find out who has an account.
    pub async fn change_naming_a_user<C: Change>(&self, caller: &Caller, change: C) -> Result<C::Done> {
        let limit = caller.user().map(|user| ((user, ChangeKind::NamingUnknownUser), self.max_changes_per_minute));
        let begun = self.changes.begin(limit.as_slice(), self.instant());
        begun.inspect_err(|_| self.metrics().throttled())?;
        let result = self.change(caller, change).await;
        if !matches!(result, Err(Error::NotFound("user"))) {
            self.changes.undo(limit.as_slice());
        }
        result
    }

    /// Returns whether a user is at the limit of changes of names and descriptions per minute.
    pub fn is_description_limit_reached(&self, user: UserId) -> bool {
        let limit = ((user, ChangeKind::ChangingDescription), self.max_changes_per_minute);
        self.changes.check(&[limit], self.instant()).is_err()
    }

    async fn apply_with_retries<C: Change>(&self, caller: Caller, change: &C) -> Result<C::Done> {
        let (mut attempts, start) = (1, Instant::now());
        loop {
            match self.attempt(caller.clone(), change).await {
                Err(error)
                    if attempts < MAX_ATTEMPTS && start.elapsed() < RETRY_TIMEOUT && store::is_retryable(&error) =>
                {
                    tokio::time::sleep(backoff(attempts)).await;
                    attempts += 1;
                }
                other => return other,
            }
        }
    }

    async fn attempt<C: Change>(&self, caller: Caller, change: &C) -> Result<C::Done> {
        let mut tx = Tx::begin(&self.store, caller).await?;
        let outcome = match change.apply(ChangeContext { tx: &mut tx, settings: &self.settings }).await {
            Ok(done) if tx.is_no_op() => return tx.finish_no_op().await.map(|()| done),
            Ok(done) => self.count_change(&tx, C::limited_as(&tx)).map(|counted| (done, counted)),
            Err(error) => Err(error),
        };
        match outcome {
            Ok((done, counted)) => {
                let committed = tx.commit().await.inspect_err(|_| self.changes.undo(counted.as_slice()))?;
                self.publish(&committed);
                Ok(done)
            }
            Err(error) => {
                // The error of the change matters more than a failed rollback.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }

    /// Tells the consumers of the feed that there are new events, and counts them.
    fn publish(&self, committed: &[CommittedEvent]) {
        for CommittedEvent { event, .. } in committed {
            self.metrics().changed(event.kind);
            if event.kind == EventType::UserCreated {
                self.remove_first_link();
            }
        }
        let last = committed.last().map_or(0, |last| last.event.number);
        // Of two commits, the later one may get here first.
        self.last_event.send_if_modified(|known| std::mem::replace(known, last.max(*known)) < last);
    }

    /// Removes the file with the link for the first administrator, which is no longer valid once a user exists.
    fn remove_first_link(&self) {
        if let Err(error) = self.first_link.remove() {
            tracing::warn!(error = %error.cause(), "failed to remove the file with the link for the first administrator");
        }
    }

    /// Counts a change against the limit of its kind. It runs after the change, so that a caller who may not make the change
    /// gets that error and not `RATE_LIMITED`.
    fn count_change(&self, tx: &Tx, kind: Option<ChangeKind>) -> Result<Option<Limit<(UserId, ChangeKind)>>> {
        let counted = tx.caller().user().zip(kind).map(|key| (key, self.max_changes_per_minute));
        let begun = self.changes.begin(counted.as_slice(), self.instant());
        begun.inspect_err(|_| self.metrics().throttled()).map(|()| counted)
    }
}

/// Returns the pause after an attempt, which doubles each time; its random part keeps two conflicting changes from
/// retrying at the same time.
fn backoff(attempts: u32) -> Duration {
    let mut random = [0; 1];
    let _ = getrandom::fill(&mut random);
    let max = 8 << attempts;
    Duration::from_millis(4 + u64::from(random.first().copied().unwrap_or_default()) % max)
}
