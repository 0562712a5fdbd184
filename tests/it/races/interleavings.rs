//! Runs random operations at once on two nodes and checks that the event log is their order, by following it in a model.

use super::{
    Stop, Stopping, dice,
    model::{Action, Actor, ExpectedEvent, Operation, State},
    races, within,
};
use crate::{
    actions::mutation,
    world::{World, client::read},
};
use proptest::{prelude::RngExt, test_runner::TestRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokenward::testing::{
    actions::{
        AddOrganizationMember, AddOrganizationToToken, CreateToken, DisableUser, EnableUser, ExpireTokens,
        RemoveOrganizationFromToken, RemoveOrganizationMember, RevokeToken, RevokeTokenByValue,
        UpdateOrganizationMember,
    },
    domain::{
        caller::{AuthMethod, Caller},
        decision::CheckRequest,
        error::{Code, Error},
        event::{EventType, RecordedEvent},
        filter::{EventFilter, TokenFilter, TokenOrder},
        id::{OrganizationId, ResourceServerId, TokenId, UserId},
        organization::Role,
        page::Page,
        policy::{self, AuthContext, OrgAdmin},
        secret::Secret,
        time::Time,
    },
    store::MemberFilter,
    verify::ObservedRequest,
};

/// Some tokens expire after this time; the clock advances further than that.
const SHORT: Duration = Duration::from_mins(20);
const JUMP: Duration = Duration::from_mins(30);
/// All users stay members of this organization and all tokens have access to it, so that every event concerns an organization.
const HOME: &str = "home";
const USERS: [&str; 3] = ["ada", "bob", "cyd"];
const CODES: [Code; 9] = [
    Code::Unauthenticated,
    Code::Forbidden,
    Code::NotFound,
    Code::InvalidInput,
    Code::TooComplex,
    Code::Conflict,
    Code::RateLimited,
    Code::Unavailable,
    Code::Internal,
];

/// One step of a script.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A caller makes a change, over HTTP or directly.
    Do { actor: Actor, action: Action, http: bool },
    /// Time passes, and expired tokens are marked.
    Later,
    /// A token is used, and its usage is written.
    Use { token: TokenId },
}

/// The outcome of one operation, and the ticks between which it ran.
#[derive(Debug)]
struct Outcome {
    tag: String,
    operation: Operation,
    from: u64,
    to: u64,
    /// The new token and its value; `None` for other operations.
    result: Result<Option<(TokenId, String)>, Code>,
}

/// Two nodes, three users, three organizations, and the expected state.
struct Race<'world> {
    nodes: [&'world World; 2],
    /// The last one is home, whose memberships do not change.
    organizations: [OrganizationId; 3],
    users: [UserId; 3],
    auditors: Vec<OrgAdmin>,
    values: BTreeMap<TokenId, String>,
    state: State,
    last: i64,
    ticks: AtomicU64,
    tags: AtomicU64,
    unknown: usize,
    /// The tokens whose expiry was recorded.
    expired: BTreeSet<TokenId>,
}

impl<'world> Race<'world> {
    async fn between(one: &'world World, other: &'world World) -> Self {
        let mut users = Vec::new();
        for name in USERS {
            one.admin(name, &[HOME, "acme", "globex"]).await;
            let user = one.app.store().user_by_username(&operator(one.now()), name).await.unwrap().unwrap();
            users.push(user.id);
        }
        let mut organizations = Vec::new();
        for slug in ["acme", "globex", HOME] {
            organizations.push(OrganizationId::parse(&one.organization_id(slug).await).unwrap());
        }
        let mut race = Self {
            nodes: [one, other],
            organizations: [organizations[0], organizations[1], organizations[2]],
            users: users.try_into().unwrap(),
            auditors: organizations.iter().map(|one| auditor(*one)).collect(),
            values: BTreeMap::new(),
            state: State::default(),
            last: 0,
            ticks: AtomicU64::new(0),
            tags: AtomicU64::new(0),
            unknown: 0,
            expired: BTreeSet::new(),
        };
        // The model begins with what was created so far.
        for (auditor, organization) in race.auditors.iter().zip(&organizations) {
            for (user, role) in race.members(auditor).await {
                race.state.roles.insert((*organization, user), role);
            }
        }
        let start = race.entries().await;
        race.last = start.keys().next_back().copied().unwrap();
        race
    }

    /// Returns all events since the last call, by number.
    async fn entries(&self) -> BTreeMap<i64, RecordedEvent> {
        let mut entries = BTreeMap::new();
        for auditor in &self.auditors {
            let slice = self.nodes[0].app.store().events_in(auditor, &EventFilter::default(), &PAGE).await;
            entries.extend(slice.unwrap().rows.into_iter().map(|(_, entry)| (entry.number, entry)));
        }
        entries.retain(|number, _| *number > self.last);
        entries
    }

    async fn members(&self, auditor: &OrgAdmin) -> BTreeMap<UserId, Role> {
        let context = admin_context(*auditor.organization());
        let insider = policy::org_member(&context, *auditor.organization()).unwrap();
        let page = PAGE;
        let members = self.nodes[1].app.store().members_of(&insider, &MemberFilter::default(), &page).await.unwrap();
        members.rows.into_iter().map(|(_, (_, member))| (member.user, member.role)).collect()
    }

    // Scripts.

    /// Returns two scripts that change the same few tokens.
    fn scripts(&self, dice: &mut TestRng) -> [Vec<(Step, u64)>; 2] {
        let now = self.nodes[0].now();
        let mut live: Vec<_> =
            self.state.tokens.iter().filter(|(_, token)| !token.has_ended(now)).map(|(id, _)| *id).collect();
        while live.len() > 2 {
            live.swap_remove(dice.random_range(0..live.len()));
        }
        // One that has ended must stay so.
        live.extend(self.state.tokens.keys().nth(dice.random_range(0..=self.state.tokens.len())));
        let mut jumped = false;
        [(); 2].map(|()| {
            let length = dice.random_range(1..=3);
            let mut script = Vec::new();
            for _ in 0..length {
                let step = match dice.random_range(0..100) {
                    0..3 if !jumped => {
                        jumped = true;
                        Step::Later
                    }
                    3..8 if !live.is_empty() => Step::Use { token: live[dice.random_range(0..live.len())] },
                    _ => self.random_step(dice, &live, now),
                };
                script.push((step, dice.random_range(0..4)));
            }
            script
        })
    }

    /// Returns a step that mostly would succeed if no other change came between.
    fn random_step(&self, dice: &mut TestRng, live: &[TokenId], now: Time) -> Step {
        loop {
            let (actor, action) = self.random_change(dice, live, now);
            let http = matches!(actor, Actor::User(_)) && dice.random_bool(0.1);
            let operation = Operation { actor, action, started_at: now, ended_at: now };
            let mut after = self.state.clone();
            let fits = self
                .state
                .allows(&operation, &self.state)
                .and_then(|()| after.apply(&operation, Some(TokenId::new(now)), now, &self.state));
            if fits.is_ok() || dice.random_bool(0.15) {
                return Step::Do { actor, action, http };
            }
        }
    }

    fn random_change(&self, dice: &mut TestRng, live: &[TokenId], now: Time) -> (Actor, Action) {
        let organization = self.organizations[dice.random_range(0..2)];
        let user = self.users[dice.random_range(0..3)];
        let random_user = Actor::User(self.users[dice.random_range(0..3)]);
        let manager = if dice.random_bool(0.3) { Actor::Operator } else { random_user };
        let role = if dice.random_bool(0.5) { Role::Admin } else { Role::Member };
        let roll = dice.random_range(0..100);
        if roll < 55 && !live.is_empty() {
            let token = live[dice.random_range(0..live.len())];
            let owner = Actor::User(self.state.tokens[&token].owner);
            let mostly_owner = if dice.random_bool(0.05) { random_user } else { owner };
            return match roll {
                0..20 => {
                    (if dice.random_bool(0.4) { owner } else { random_user }, Action::Remove { token, organization })
                }
                20..45 => (mostly_owner, Action::Add { token, organization }),
                45..51 => (mostly_owner, Action::Revoke { token }),
                _ => (Actor::ResourceServer, Action::Revoke { token }),
            };
        }
        match roll {
            0..64 => {
                let expires_at = dice.random_bool(0.3).then(|| now.plus(SHORT));
                (random_user, Action::Create { organizations: self.organizations, expires_at })
            }
            64..72 => {
                let actor = if dice.random_bool(0.3) { Actor::User(user) } else { manager };
                (actor, Action::Leave { organization, user })
            }
            72..82 => (manager, Action::Join { organization, user, role }),
            82..90 => (manager, Action::ChangeRole { organization, user, role }),
            90..94 => (Actor::Operator, Action::Disable { user }),
            _ => (Actor::Operator, Action::Enable { user }),
        }
    }

    /// Runs a script on a node, step by step.
    async fn play(&self, node: &World, script: Vec<(Step, u64)>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (step, pause) in script {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match step {
                Step::Later => {
                    node.advance(JUMP);
                    // The job of the node may do so at the same time.
                    if let Ok(tokens) = node.app.store().tokens_past_expiry(node.now(), 500).await {
                        let _ = node.app.change(&Caller::system(node.now()), ExpireTokens { tokens }).await;
                    }
                }
                Step::Use { token } => {
                    let secret = Secret::parse(node.app.prefix(), &self.values[&token]).unwrap();
                    let check = CheckRequest::at(node.now());
                    let _ = node.app.verifier().check(&secret, &check, ObservedRequest::default()).await;
                    let batch = node.app.verifier().usage().due(Instant::now(), true);
                    let _ = node.app.store().maintenance().save_usage(&batch).await;
                }
                Step::Do { actor, action, http } => {
                    outcomes.push(Box::pin(self.run_operation(node, actor, action, http)).await);
                }
            }
        }
        outcomes
    }

    async fn run_operation(&self, node: &World, actor: Actor, action: Action, http: bool) -> Outcome {
        let tag = format!("race {}", self.tags.fetch_add(1, Ordering::SeqCst));
        let (from, started_at) = (self.ticks.fetch_add(1, Ordering::SeqCst), node.now());
        let result = if http {
            self.over_http(node, actor, action, &tag).await
        } else {
            self.directly(node, actor, action, &tag, started_at).await.map_err(|error| error.code())
        };
        let (ended_at, to) = (node.now(), self.ticks.fetch_add(1, Ordering::SeqCst));
        Outcome { tag, operation: Operation { actor, action, started_at, ended_at }, from, to, result }
    }

    /// Makes the change as the endpoints do.
    async fn directly(
        &self,
        node: &World,
        actor: Actor,
        action: Action,
        tag: &str,
        at: Time,
    ) -> Result<Option<(TokenId, String)>, Error> {
        let through = match actor {
            Actor::Operator => AuthMethod::CommandLine,
            Actor::User(user) => AuthMethod::Jwt(user),
            Actor::ResourceServer => AuthMethod::ResourceServer(ResourceServerId::new(at)),
        };
        let caller = Caller { at, address: None, user_agent: Some(tag.to_owned()), auth_method: through };
        let app = &node.app;
        match action {
            Action::Create { organizations, expires_at } => {
                let change = CreateToken {
                    description: tag.to_owned(),
                    organizations: organizations.to_vec(),
                    scopes: app.catalogue().grantable("scopes", &["read_builds".to_owned()])?,
                    expires_at,
                    owner: None,
                };
                let (token, secret) = app.change(&caller, change).await?;
                return Ok(Some((token.id, secret.reveal_once())));
            }
            Action::Remove { token, organization } => {
                let change = RemoveOrganizationFromToken { token, organization, reason: Some(tag.to_owned()) };
                app.change(&caller, change).await.map(drop)
            }
            Action::Add { token, organization } => {
                app.change(&caller, AddOrganizationToToken { token, organization }).await.map(drop)
            }
            Action::Revoke { token } if actor == Actor::ResourceServer => {
                let secret = Secret::parse(app.prefix(), &self.values[&token]).unwrap();
                app.change(&caller, RevokeTokenByValue { fingerprint: secret.fingerprint() }).await
            }
            Action::Revoke { token } => app.change(&caller, RevokeToken { token, reason: None }).await.map(drop),
            Action::Leave { organization, user } => {
                let change = RemoveOrganizationMember { organization: organization.into(), user: user.into() };
                app.change(&caller, change).await.map(drop)
            }
            Action::Join { organization, user, role } => {
                let change = AddOrganizationMember { organization: organization.into(), user: user.into(), role };
                app.change(&caller, change).await.map(drop)
            }
            Action::ChangeRole { organization, user, role } => {
                let change = UpdateOrganizationMember { organization: organization.into(), user: user.into(), role };
                app.change(&caller, change).await.map(drop)
            }
            Action::Disable { user } => app.change(&caller, DisableUser { username: self.name(user).into() }).await,
            Action::Enable { user } => app.change(&caller, EnableUser { username: self.name(user).into() }).await,
        }?;
        Ok(None)
    }

    /// Makes the change as a client.
    async fn over_http(
        &self,
        node: &World,
        actor: Actor,
        action: Action,
        tag: &str,
    ) -> Result<Option<(TokenId, String)>, Code> {
        let role = |role| if role == Role::Admin { "ADMIN" } else { "MEMBER" };
        let (mutation_name, input) = match action {
            Action::Create { organizations, expires_at } => (
                "createToken",
                json!({
                    "description": tag, "scopes": ["read_builds"], "expiresAt": expires_at.map(Time::to_text),
                    "organizationIds": organizations.map(|one| one.to_string()),
                }),
            ),
            Action::Remove { token, organization } => (
                "removeOrganizationFromToken",
                json!({ "tokenId": token.to_string(), "organizationId": organization.to_string() }),
            ),
            Action::Add { token, organization } => (
                "addOrganizationToToken",
                json!({ "tokenId": token.to_string(), "organizationId": organization.to_string() }),
            ),
            Action::Revoke { token } => ("revokeToken", json!({ "tokenId": token.to_string() })),
            Action::Leave { organization, user } => (
                "removeOrganizationMember",
                json!({ "organizationId": organization.to_string(), "userId": user.to_string() }),
            ),
            Action::Join { organization, user, role: one } => (
                "addOrganizationMember",
                json!({ "organizationId": organization.to_string(), "user": self.name(user), "role": role(one) }),
            ),
            Action::ChangeRole { organization, user, role: one } => (
                "updateOrganizationMember",
                json!({
                    "organizationId": organization.to_string(), "userId": user.to_string(), "role": role(one),
                }),
            ),
            Action::Disable { .. } | Action::Enable { .. } => panic!("only the command line makes this change"),
        };
        let shows = if mutation_name == "createToken" { "value token { id }" } else { "__typename" };
        let query = mutation(mutation_name, shows);
        let client = node.bearer(&node.jwt(self.name(actor.user_id().expect("a user"))));
        let request = client.request(Method::POST, "/graphql").header("user-agent", tag);
        let reply = read(request.json(&json!({ "query": query, "variables": { "input": input } }))).await;
        let code = reply.code();
        if code != "OK" {
            let code = CODES.into_iter().find(|known| known.as_str() == code);
            return Err(code.unwrap_or_else(|| panic!("{}", reply.text)));
        }
        let data = reply.data();
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let created = &data["createToken"];
        Ok(text(&created["token"]["id"]).map(|id| (TokenId::parse(&id).unwrap(), text(&created["value"]).unwrap())))
    }

    fn name(&self, user: UserId) -> &'static str {
        USERS[self.users.iter().position(|one| *one == user).expect("one of the users")]
    }

    // Checks.

    /// Runs two scripts at once, then checks that every outcome fits the event log and the store.
    async fn run(&mut self, dice: &mut TestRng) {
        let [one, other] = self.scripts(dice);
        let outcomes = futures_util::future::join(self.play(self.nodes[0], one), self.play(self.nodes[1], other)).await;
        let mut outcomes: Vec<_> = outcomes.0.into_iter().chain(outcomes.1).collect();
        for one in &mut outcomes {
            if let Ok(Some((token, value))) = &mut one.result {
                self.values.insert(*token, std::mem::take(value));
            }
        }
        let (states, positions) = self.follow_events(&outcomes).await;
        check_outcomes(&outcomes, &states, &positions);
        self.unknown += outcomes.iter().filter(|one| one.result == Err(Code::Unavailable)).count();
        let last = states.into_iter().next_back().expect("the initial state");
        let changed: Vec<_> =
            last.tokens.keys().filter(|id| self.state.tokens.get(id) != last.tokens.get(id)).copied().collect();
        self.state = last;
        for token in changed {
            self.check_token(token).await;
        }
    }

    /// Returns the states that the event log leads through, and the position of each operation in them.
    async fn follow_events(&mut self, outcomes: &[Outcome]) -> (Vec<State>, BTreeMap<String, usize>) {
        let entries = self.entries().await;
        let numbers: Vec<_> = entries.keys().copied().collect();
        let all: Vec<_> = (self.last + 1..).take(numbers.len()).collect();
        assert_eq!(numbers, all, "event numbers have no gaps");
        let concerned = self.nodes[1].app.store().event_organizations(&numbers).await.unwrap();
        let (mut states, mut positions) = (vec![self.state.clone()], BTreeMap::new());
        let entries: Vec<_> = entries.into_values().collect();
        let mut latest = 0;
        for change in entries.chunk_by(|one, next| one.actor_user_agent == next.actor_user_agent) {
            if change[0].kind == EventType::TokenExpired {
                for entry in change {
                    let organizations = concerned.get(&entry.number).cloned().unwrap_or_default();
                    self.check_expiry(entry, &organizations, &states[states.len() - 1]);
                }
                continue;
            }
            let tag = change[0].actor_user_agent.clone().unwrap_or_default();
            let outcome =
                outcomes.iter().find(|one| one.tag == tag).unwrap_or_else(|| panic!("no operation made {change:?}"));
            assert!(
                matches!(outcome.result, Ok(_) | Err(Code::Unavailable)),
                "refused, but in the event log: {outcome:?}"
            );
            let recorded: Vec<_> = change
                .iter()
                .map(|entry| ExpectedEvent {
                    kind: entry.kind,
                    actor: entry.actor,
                    token: entry.token,
                    user: entry.user,
                    organizations: concerned.get(&entry.number).cloned().unwrap_or_default(),
                })
                .collect();
            let before = &states[states.len() - 1];
            // Time may have passed, and users may have been disabled, between the start of the operation and its effect.
            let candidates = [outcome.operation.started_at, outcome.operation.ended_at].into_iter().flat_map(|at| {
                states.iter().rev().map(move |seen| {
                    let mut next = before.clone();
                    (next.apply(&outcome.operation, change[0].token, at, seen), next)
                })
            });
            let candidates: Vec<_> = candidates.collect();
            let fits = candidates.iter().find(|(expected, _)| expected.as_ref() == Ok(&recorded));
            let Some((_, next)) = fits else {
                panic!("{outcome:?} recorded {recorded:?} instead of {:?}", candidates[0])
            };
            let next = next.clone();
            assert!(outcome.to > latest, "an operation that began later has a lower number: {outcome:?}");
            latest = latest.max(outcome.from);
            assert_eq!(positions.insert(tag, states.len() - 1), None, "in the event log twice: {outcome:?}");
            states.push(next);
        }
        self.last = numbers.last().copied().unwrap_or(self.last);
        (states, positions)
    }

    /// A token expires once, after its expiry, and in the organizations that it has access to at that position.
    fn check_expiry(&mut self, entry: &RecordedEvent, organizations: &BTreeSet<OrganizationId>, state: &State) {
        let id = entry.token.expect("a token");
        let token = &state.tokens[&id];
        assert!(self.expired.insert(id), "expired twice: {entry:?}");
        assert!(!token.revoked && token.has_ended(entry.at), "not expired: {entry:?}");
        assert_eq!(entry.user, Some(token.owner), "{entry:?}");
        // A membership may have ended between the expiry and its record.
        let known: BTreeSet<_> = token.unremoved.union(&token.removed).copied().collect();
        assert!(organizations.is_superset(&token.unremoved) && organizations.is_subset(&known), "{entry:?}");
    }

    async fn check_token(&self, token: TokenId) {
        let Some(value) = self.values.get(&token) else { return };
        let expected = &self.state.tokens[&token];
        let node = self.nodes[usize::from(self.last % 2 == 0)];
        let secret = Secret::parse(node.app.prefix(), value).unwrap();
        let found = node.app.store().snapshot(&secret.fingerprint(), node.now()).await.unwrap().expect("a token");
        assert_eq!(
            (found.token, found.owner.id, found.expires_at, found.revoked_at.is_some(), found.owner.enabled),
            (
                token,
                expected.owner,
                expected.expires_at,
                expected.revoked,
                !self.state.disabled.contains(&expected.owner)
            )
        );
        let granted: BTreeSet<_> = found.grants.iter().map(|grant| grant.organization).collect();
        let member = |one: &OrganizationId| self.state.roles.contains_key(&(*one, expected.owner));
        let unremoved: BTreeSet<_> = expected.unremoved.iter().copied().filter(member).collect();
        assert_eq!(granted, unremoved, "{found:?}");
    }

    /// Checks all tokens by `/verify`, the audits and the members, on both nodes.
    async fn check_everything(&self) {
        let now = self.nodes[0].now();
        for (number, (token, value)) in self.values.iter().enumerate() {
            self.check_token(*token).await;
            let access = self.state.access(*token, now);
            let holder = self.nodes[number % 2].bearer(value);
            for (slug, organization) in ["acme", "globex"].iter().zip(&self.organizations) {
                let reply = holder.verify(&format!("organization={slug}")).await;
                let expected =
                    access.as_ref().map_or(401, |access| if access.contains(organization) { 200 } else { 403 });
                assert_eq!(reply.status.as_u16(), expected, "{:?}", self.state.tokens[token]);
            }
        }
        for auditor in &self.auditors[..2] {
            let organization = *auditor.organization();
            let of = |((one, user), role): (&(OrganizationId, UserId), &Role)| {
                (*one == organization).then_some((*user, *role))
            };
            let members: BTreeMap<_, _> = self.state.roles.iter().filter_map(of).collect();
            assert_eq!(self.members(auditor).await, members);
            let has_access =
                |id: &&TokenId| self.state.access(**id, now).is_some_and(|access| access.contains(&organization));
            let expected: BTreeSet<_> = self.state.tokens.keys().filter(has_access).copied().collect();
            let (filter, order) = (TokenFilter::default(), TokenOrder::default());
            let audit = self.nodes[1].app.store().audit_list(auditor, &filter, order, &PAGE, now).await;
            let found: BTreeSet<_> = audit.unwrap().rows.into_iter().map(|(_, grant)| grant.token).take(100).collect();
            assert_eq!(found, expected.into_iter().rev().take(100).collect());
        }
    }

    /// Checks that every expected email was sent, and no other.
    async fn check_emails(&self) {
        let sent = || {
            let all = self.nodes.iter().flat_map(|node| node.mailbox.sent());
            all.map(|sent| sent.email.message_id).collect::<BTreeSet<_>>()
        };
        let start = Instant::now();
        while sent().len() < self.state.emails && start.elapsed() < Duration::from_mins(1) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(sent().len(), self.state.emails);
        let operator = operator(self.nodes[0].now());
        let start = Instant::now();
        while !self.nodes[0].app.store().undelivered_emails(&operator, 10).await.unwrap().is_empty() {
            assert!(start.elapsed() < Duration::from_mins(1), "an unexpected email is pending");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(sent().len(), self.state.emails);
    }
}

/// Checks that each outcome was correct at some moment between its start and its end.
fn check_outcomes(outcomes: &[Outcome], states: &[State], positions: &BTreeMap<String, usize>) {
    for one in outcomes {
        let others = |before: bool| {
            let of = |other: &&Outcome| if before { other.to < one.from } else { other.from <= one.to };
            outcomes.iter().filter(of).filter_map(|other| positions.get(&other.tag)).map(|position| position + 1).max()
        };
        // Operations that ended before this one began had happened; those that began after it ended had not.
        let (first, last) = (others(true).unwrap_or(0), others(false).unwrap_or(0).max(others(true).unwrap_or(0)));
        let position = positions.get(&one.tag).copied();
        let last = position.unwrap_or(last);
        assert!(first <= last, "{one:?} happened too early");
        let moments = (first..=last).flat_map(|users| (users..=last).map(move |objects| (users, objects)));
        let explained = moments.into_iter().any(|(users, objects)| {
            let allowed = states[users].allows(&one.operation, &states[objects]);
            let done = |at| states[objects].clone().apply(&one.operation, Some(TokenId::new(at)), at, &states[users]);
            match (&one.result, position) {
                (Err(Code::Unavailable), _) => true,
                (Ok(_), Some(_)) => allowed.is_ok(),
                // The state was already as requested.
                (Ok(_), None) => allowed.is_ok() && done(one.operation.started_at) == Ok(Vec::new()),
                (Err(code), _) => {
                    let refused = [done(one.operation.started_at), done(one.operation.ended_at)];
                    allowed == Err(*code) || refused.iter().any(|result| result.as_ref().err() == Some(code))
                }
            }
        });
        assert!(explained, "{one:?} fits none of {:?}", &states[first..=last]);
    }
}

fn operator(at: Time) -> policy::Operator {
    policy::operator(&Caller::command_line(at)).unwrap()
}

fn admin_context(organization: OrganizationId) -> AuthContext {
    let caller =
        Caller { auth_method: AuthMethod::Jwt(UserId::new(Time::default())), ..Caller::command_line(Time::default()) };
    AuthContext::new(&caller, BTreeMap::from([(organization, Role::Admin)]), None)
}

fn auditor(organization: OrganizationId) -> OrgAdmin {
    policy::org_admin(&admin_context(organization), organization).unwrap()
}

const PAGE: Page = Page { limit: 100, backward: false, after: None, before: None };

both!(
    /// the last acknowledged change counts, the event log has the order of the changes, and revoked tokens stay revoked.
    async fn random_operations_on_two_nodes_are_serializable_in_event_order(world: World) {
        let (mut dice, other) = (dice(), world.another_node(&[]).await);
        let mut race = Race::between(&world, &other).await;
        for _ in 0..races() {
            race.run(&mut dice).await;
        }
        race.check_everything().await;
        race.check_emails().await;
        let (events, unknown) = (race.last, race.unknown);
        assert!(events > i64::try_from(races()).unwrap(), "only {events} events");
        assert!(unknown * 50 < races(), "{unknown} operations had an unknown outcome");
    }
);

both!(
    /// An event about a user belongs to the organizations of which the user is a member at its position in the event log.
    async fn joining_waits_for_the_disabling_of_the_user(world: World) {
        let other = world.another_node(&[]).await;
        world.organization("acme").await;
        for attempts in 1..=10 {
            let name = format!("bob-{attempts}");
            world.user(&name).await;
            let (stop, joined_early) = (Stop::default(), AtomicBool::new(false));
            let change = DisableUser { username: name.as_str().into() };
            let disabling = async {
                let disabled = world.operator(Stopping { change, stop: stop.clone() }).await;
                (disabled, Instant::now())
            };
            let joining = async {
                within("the user is disabled", stop.reached.notified()).await;
                let held = Instant::now();
                let joining = async {
                    let (organization, user) = ("acme".into(), name.as_str().into());
                    let joined = other.operator(AddOrganizationMember { organization, user, role: Role::Member }).await;
                    joined_early.store(true, Ordering::SeqCst);
                    joined.map(drop)
                };
                let looking = async {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    let early = joined_early.load(Ordering::SeqCst);
                    stop.go.cancel();
                    (early, held)
                };
                futures_util::future::join(joining, looking).await
            };
            let ((disabled, end), (joined, (early, held))) =
                Box::pin(futures_util::future::join(disabling, joining)).await;
            // A change that waits too long is abandoned.
            let timed_out = joined.as_ref().is_err_and(|error| error.code() == Code::Unavailable);
            if timed_out && end - held > Duration::from_millis(1_200) && attempts < 10 {
                continue;
            }
            assert_eq!((disabled.is_ok(), joined.is_ok(), early), (true, true, false), "{disabled:?} {joined:?}");
            return;
        }
    }
);
