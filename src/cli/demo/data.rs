//! The sample data: users, organizations, and the tokens of three years with their usage, removals and revocations. The same
//! actions as in production create it, at simulated times. Only the token values differ between runs.

use crate::{
    actions::{
        AddOrganizationMember, AddOrganizationToToken, AddUser, CreateOrganization, CreateToken, ExpireTokens,
        RemoveOrganizationFromToken, RevokeToken,
    },
    app::App,
    cli::{demo::ISSUER, member::set_role},
    domain::{
        caller::{AuthMethod, Caller},
        error::{Error, Result},
        grant::{Request, Usage},
        id::{OrganizationId, TokenId, UserId},
        organization::Role,
        secret::Fingerprint,
        time::{DAY, Time},
    },
    store::{GrantUsage, Identity, NewUser, TokenUsage, UsageBatch},
    telemetry::notice,
};
use std::{net::IpAddr, time::Duration};

const TOKENS: usize = 420;

const ORGANIZATIONS: [(&str, &str); 4] =
    [("acme", "Acme Widgets"), ("globex", "Globex"), ("initech", "Initech"), ("umbra-labs", "Umbra Labs")];

const USERS: [&str; 44] = [
    "Ada Okafor",
    "Bob Lindqvist",
    "Carol Mendes",
    "Dave Kowalski",
    "Ivan Petrov",
    "Erin Walsh",
    "Faythe Nakamura",
    "Grace Abebe",
    "Heidi Baumann",
    "Judy Castellano",
    "Mallory Finch",
    "Niaj Rahman",
    "Olivia Sørensen",
    "Peggy O'Neill",
    "Rupert Vance",
    "Sybil Hartmann",
    "Trent Dubois",
    "Victor Ionescu",
    "Walter Amsel",
    "Wendy Tanaka",
    "Amara Diallo",
    "Björn Halvorsen",
    "Chiara Ricci",
    "Dmitri Volkov",
    "Elif Yılmaz",
    "Farid Haddad",
    "Giulia Moretti",
    "Hana Novák",
    "Imani Mwangi",
    "Jonas Weber",
    "Kavya Iyer",
    "Liam Gallagher",
    "Mei Lin",
    "Noor Siddiqui",
    "Oskar Nyström",
    "Priya Raman",
    "Quentin Lefèvre",
    "Rosa Jiménez",
    "Santiago Ibarra",
    "Tomasz Zieliński",
    "Uma Chandrasekharan",
    "Valentina Rossi",
    "Xiomara Delgado",
    "Yusuf Demir",
];

const PURPOSES: [&str; 20] = [
    "Deploy bot",
    "Nightly build report",
    "Terraform",
    "Grafana dashboard",
    "Release script",
    "Artifact clean-up",
    "Slack notifier",
    "Laptop",
    "Flaky test finder",
    "Agent autoscaler",
    "Data warehouse import",
    "Status page",
    "Backup of pipelines",
    "Cost report",
    "On-call runbook",
    "Docs preview",
    "Security scanner",
    "Migration script",
    "iOS pipeline",
    "Load test",
];

const USER_AGENTS: [&str; 7] = [
    "curl/8.11.0",
    "python-requests/2.32.3",
    "Terraform/1.9.8 (+https://www.terraform.io)",
    "Go-http-client/2.0",
    "node-fetch/3.3.2",
    "GitHub-Actions/2.321.0",
    "okhttp/4.12.0",
];

const SCOPE_SETS: [&[&str]; 9] = [
    &["read_builds", "read_pipelines"],
    &["read_builds", "read_build_logs", "read_artifacts"],
    &["read_artifacts"],
    &["read_builds", "write_builds", "read_pipelines", "read_organizations"],
    &["read_agents", "write_agents", "read_organizations"],
    &["read_artifacts", "write_artifacts", "read_builds"],
    &["read_user", "read_organizations", "read_teams"],
    &["read_pipelines", "write_pipelines", "read_builds", "write_builds", "read_job_env", "read_user"],
    &["graphql"],
];

/// The unused tokens for the GraphQL API of two administrators of Acme, which the audit finds.
const FORGOTTEN: [Forgotten; 5] = [
    Forgotten { owner: "bob", description: "Release script, old", created_days: 730, used_days: Some(412) },
    Forgotten { owner: "ada", description: "Cost report (try-out)", created_days: 560, used_days: Some(238) },
    Forgotten { owner: "ada", description: "Docs preview", created_days: 330, used_days: None },
    Forgotten { owner: "bob", description: "Data warehouse import", created_days: 240, used_days: Some(131) },
    Forgotten { owner: "bob", description: "On-call runbook, try-out", created_days: 155, used_days: None },
];

/// A token, and the ages of its creation and last use in days.
struct Forgotten {
    owner: &'static str,
    description: &'static str,
    created_days: u32,
    used_days: Option<u32>,
}

const REASONS: [Option<&str>; 6] = [
    Some("Not used for months"),
    Some("Found in a public repository"),
    Some("Too many scopes for what it does; please make a narrower one"),
    Some("The service that used it was shut down"),
    Some("Quarterly clean-up"),
    None,
];

/// Creates the data and prints the progress.
pub(super) async fn create_data(app: &App) -> Result<()> {
    let tokens = TOKENS + FORGOTTEN.len();
    notice(format_args!("Creating {} users, {} organizations and {tokens} tokens …", USERS.len(), ORGANIZATIONS.len()));
    let mut generator =
        Generator { app, random: Random(0x5eed), now: app.now(), users: Vec::new(), tokens: Vec::new() };
    generator.create_users().await?;
    let mut plan = generator.plan();
    plan.sort_by_key(|step| step.at);
    for (done, step) in plan.into_iter().enumerate() {
        if done > 0 && done % 100 == 0 {
            notice(format_args!("  {done} changes created"));
        }
        generator.apply(step).await?;
    }
    generator.expire(generator.now).await?;
    generator.create_usage().await
}

struct Generator<'app> {
    app: &'app App,
    random: Random,
    now: Time,
    users: Vec<DemoUser>,
    tokens: Vec<Option<DemoToken>>,
}

struct DemoUser {
    id: UserId,
    organizations: Vec<OrganizationId>,
    administers: Vec<OrganizationId>,
}

struct DemoToken {
    id: TokenId,
    fingerprint: Fingerprint,
    owner: UserId,
    organizations: Vec<OrganizationId>,
    created: Time,
    has_ended: bool,
}

struct Step {
    at: Time,
    token: usize,
    action: Action,
}

enum Action {
    Create,
    Remove,
    AddAgain,
    Revoke,
}

impl Generator<'_> {
    async fn create_users(&mut self) -> Result<()> {
        let start = Caller::command_line(self.now.minus(DAY * 1100));
        for name in USERS {
            let username = username(name);
            let email = Some(format!("{username}@example.test"));
            let identity = Some(Identity { issuer: ISSUER.into(), subject: username.clone() });
            let new = NewUser { username, name: name.into(), email, email_verified: true, identity };
            let id = self.app.change(&start, AddUser { new }).await?.id;
            self.users.push(DemoUser { id, organizations: Vec::new(), administers: Vec::new() });
        }
        for (index, (slug, name)) in ORGANIZATIONS.into_iter().enumerate() {
            // Ada and Bob administer Acme; Carol and Grace administer Globex, of which Bob is a member; Dave administers
            // Initech, and Ivan Umbra Labs.
            let admins = match index {
                0 => vec![0, 1],
                1 => vec![2, 7],
                2 => vec![3],
                _ => vec![4],
            };
            // Each organization is created one day after the previous one.
            let start = Caller { at: start.at.plus(DAY * as_u32(index)), ..start.clone() };
            let admin = |index: usize| username(USERS.get(index).copied().unwrap_or_default());
            let first = admins.first().copied().unwrap_or_default();
            let add = CreateOrganization { slug: slug.into(), name: name.into(), admin: admin(first).into() };
            let id = self.app.change(&start, add).await?.id;
            self.add_members(&start, slug, id, &admins).await?;
        }
        Ok(())
    }

    async fn add_members(&mut self, start: &Caller, slug: &str, id: OrganizationId, admins: &[usize]) -> Result<()> {
        for (index, name) in USERS.into_iter().enumerate() {
            let admin = admins.contains(&index);
            // Bob is always a member of exactly two organizations, since the guide depends on it.
            let bob = index == 1 && slug == "globex";
            if !admin && !bob && (index == 1 || self.random.below(100) >= 45) {
                continue;
            }
            let Some(user) = self.users.get_mut(index) else { continue };
            user.organizations.push(id);
            if admin {
                user.administers.push(id);
            }
            let role = if admin { Role::Admin } else { Role::Member };
            let add = AddOrganizationMember { organization: slug.into(), user: username(name).into(), role };
            set_role(self.app, start, add).await?;
        }
        Ok(())
    }

    /// Returns the changes to simulate, with their times.
    fn plan(&mut self) -> Vec<Step> {
        let mut plan = Vec::new();
        for token in 0..TOKENS {
            self.tokens.push(None);
            let days = self.random.below(30) * self.random.below(35) + 1;
            let created = self.now.minus(DAY * days + self.random_seconds());
            plan.push(Step { at: created, token, action: Action::Create });
            let action = match self.random.below(100) {
                0..8 => Action::Remove,
                8..13 => Action::Revoke,
                _ => continue,
            };
            let removed = matches!(action, Action::Remove);
            let later = created.plus(DAY * self.random.below(days) + Duration::from_secs(90));
            plan.push(Step { at: later, token, action });
            if removed && self.random.below(3) == 0 {
                plan.push(Step { at: later.plus(Duration::from_mins(40)), token, action: Action::AddAgain });
            }
        }
        plan.retain(|step| step.at < self.now);
        for (token, forgotten) in (TOKENS..).zip(&FORGOTTEN) {
            self.tokens.push(None);
            let at = self.now.minus(DAY * forgotten.created_days + self.random_seconds());
            plan.push(Step { at, token, action: Action::Create });
        }
        plan
    }

    /// Records the tokens that have expired by this time, as the job does.
    async fn expire(&self, at: Time) -> Result<()> {
        let tokens = self.app.store().tokens_past_expiry(at, TOKENS).await?;
        if tokens.is_empty() {
            return Ok(());
        }
        self.app.change(&Caller::system(at), ExpireTokens { tokens }).await
    }

    async fn apply(&mut self, step: Step) -> Result<()> {
        self.expire(step.at).await?;
        let done = match step.action {
            Action::Create => match forgotten(step.token) {
                Some(forgotten) => self.create_forgotten(&step, forgotten).await,
                None => self.create(&step).await,
            },
            Action::Remove => self.remove(&step).await,
            Action::AddAgain => self.add_again(&step).await,
            Action::Revoke => self.revoke(&step).await,
        };
        match done {
            // The token had already expired, or was changed before.
            Err(Error::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    async fn create(&mut self, step: &Step) -> Result<()> {
        let index = usize::try_from(self.random.below(as_u32(USERS.len()))).unwrap_or_default();
        let Some(user) = self.users.get(index).filter(|user| !user.organizations.is_empty()) else {
            return Ok(());
        };
        let (owner, mut organizations) = (user.id, user.organizations.clone());
        let count = usize::try_from(1 + self.random.below(2)).unwrap_or(1);
        while organizations.len() > count {
            organizations
                .swap_remove(usize::try_from(self.random.below(as_u32(organizations.len()))).unwrap_or_default());
        }
        let admin = !user.administers.is_empty();
        let scopes = match self.random.below(20) {
            // Administrators often create tokens for the GraphQL API.
            1..8 if admin => vec!["graphql".to_owned()],
            0 => self.app.catalogue().iter().map(|scope| scope.name.to_string()).collect(),
            _ => self.random.choose(&SCOPE_SETS).iter().map(ToString::to_string).collect::<Vec<_>>(),
        };
        let lifetimes = [None, None, Some(30), Some(90), Some(365), Some(365), Some(1000)];
        let input = CreateToken {
            description: self.description(),
            organizations,
            scopes: self.app.catalogue().grantable("scopes", &scopes)?,
            expires_at: self.random.choose(&lifetimes).map(|days| step.at.plus(DAY * days)),
            owner: None,
        };
        self.create_as(step, owner, input).await
    }

    async fn create_forgotten(&mut self, step: &Step, forgotten: &Forgotten) -> Result<()> {
        let owner = self.users.iter().zip(USERS).find(|(_, name)| username(name) == forgotten.owner);
        let (owner, _) = owner.ok_or(Error::NotFound("user"))?;
        let owner = owner.id;
        let acme = self.app.store().organization_by_slug("acme").await?.ok_or(Error::NotFound("organization"))?;
        let input = CreateToken {
            description: forgotten.description.into(),
            organizations: vec![acme.id],
            scopes: self.app.catalogue().grantable("scopes", &["graphql".to_owned()])?,
            expires_at: None,
            owner: None,
        };
        self.create_as(step, owner, input).await
    }

    async fn create_as(&mut self, step: &Step, owner: UserId, input: CreateToken) -> Result<()> {
        let organizations = input.organizations.clone();
        let caller = self.signed_in(owner, step.at);
        let (token, secret) = self.app.change(&caller, input).await?;
        let (fingerprint, created) = (secret.fingerprint(), step.at);
        let has_ended = token.expires_at.is_some_and(|end| end <= self.now);
        if let Some(slot) = self.tokens.get_mut(step.token) {
            *slot = Some(DemoToken { id: token.id, fingerprint, owner, organizations, created, has_ended });
        }
        Ok(())
    }

    fn description(&mut self) -> String {
        let purpose = *self.random.choose(&PURPOSES);
        match self.random.below(4) {
            0 => format!("{purpose} (staging)"),
            1 => format!("{purpose}, {}", self.random.choose(&["eu-west", "us-east", "old", "team infra", "try-out"])),
            _ => purpose.to_owned(),
        }
    }

    async fn remove(&mut self, step: &Step) -> Result<()> {
        let Some((token, organization)) = self.token_of(step) else { return Ok(()) };
        let admin = self.users.iter().find(|user| user.administers.contains(&organization));
        let Some(admin) = admin.map(|user| user.id) else { return Ok(()) };
        let reason = self.random.choose(&REASONS).map(ToOwned::to_owned);
        let caller = self.signed_in(admin, step.at);
        self.app.change(&caller, RemoveOrganizationFromToken { token, organization, reason }).await.map(|_| ())
    }

    async fn add_again(&mut self, step: &Step) -> Result<()> {
        let Some((token, organization)) = self.token_of(step) else { return Ok(()) };
        let Some(owner) = self.tokens.get(step.token).and_then(Option::as_ref).map(|demo_token| demo_token.owner)
        else {
            return Ok(());
        };
        let caller = self.signed_in(owner, step.at);
        self.app.change(&caller, AddOrganizationToToken { token, organization }).await.map(|_| ())
    }

    async fn revoke(&mut self, step: &Step) -> Result<()> {
        let Some(demo_token) = self.tokens.get_mut(step.token).and_then(Option::as_mut) else { return Ok(()) };
        let (token, owner) = (demo_token.id, demo_token.owner);
        demo_token.has_ended = true;
        let caller = self.signed_in(owner, step.at);
        let reason = self.random.choose(&[None, Some("Rotated")]).map(ToOwned::to_owned);
        self.app.change(&caller, RevokeToken { token, reason }).await.map(|_| ())
    }

    fn token_of(&self, step: &Step) -> Option<(TokenId, OrganizationId)> {
        let demo_token = self.tokens.get(step.token)?.as_ref()?;
        Some((demo_token.id, *demo_token.organizations.first()?))
    }

    /// Creates the usage of the tokens.
    async fn create_usage(&mut self) -> Result<()> {
        let mut batch = UsageBatch::default();
        for (token, demo_token) in std::mem::take(&mut self.tokens).into_iter().enumerate() {
            let Some(demo_token) = demo_token.filter(|demo_token| !demo_token.has_ended) else { continue };
            let forgotten = forgotten(token);
            let Some(ago) =
                forgotten.map_or_else(|| self.last_use(&demo_token), |forgotten| Some(DAY * forgotten.used_days?))
            else {
                continue;
            };
            let Some(known) = self.app.store().snapshot(&demo_token.fingerprint, self.now).await? else { continue };
            let usage = self.request(self.now.minus(ago + Duration::from_secs(20)), &known.scopes);
            for granted in known.grants {
                if forgotten.is_some() || self.random.below(4) > 0 {
                    let (grant, organization) = (granted.grant, granted.organization);
                    batch.grants.push(GrantUsage { grant, organization, token: demo_token.id, usage: usage.clone() });
                }
            }
            batch.tokens.push(TokenUsage { token: demo_token.id, usage });
        }
        self.app.store().maintenance().save_usage(&batch).await
    }

    /// Returns the time since the last use: short for most tokens, long for some, `None` for a few that were never used.
    fn last_use(&mut self, demo_token: &DemoToken) -> Option<Duration> {
        if self.random.below(7) == 0 {
            return None;
        }
        let age =
            u32::try_from(self.now.seconds() - demo_token.created.seconds()).unwrap_or_default().saturating_sub(60);
        let ago = if self.random.below(3) == 0 {
            self.random.below(age.max(1))
        } else {
            self.random.below((age / 40).max(1))
        };
        Some(Duration::from_secs(ago.into()))
    }

    fn request(&mut self, at: Time, scopes: &crate::domain::scope::ScopeSet) -> Usage {
        let scope = scopes.iter().next().map(ToString::to_string);
        let path = match scope.as_deref() {
            Some("graphql") => "/graphql".to_owned(),
            Some(name) => {
                format!("/v2/organizations/{}", name.trim_start_matches("read_").trim_start_matches("write_"))
            }
            None => "/".to_owned(),
        };
        let method = if path == "/graphql" || self.random.below(4) == 0 { "POST" } else { "GET" };
        let request = Request {
            at,
            address: Some(self.address()),
            user_agent: Some((*self.random.choose(&USER_AGENTS)).into()),
            method: Some(method.into()),
            path: Some(path),
            scope,
            allowed: true,
        };
        Usage { last_used_at: Some(at), last_request: Some(request) }
    }

    fn address(&mut self) -> IpAddr {
        let host = u8::try_from(self.random.below(40) + 2).unwrap_or(2);
        match self.random.below(5) {
            0 => IpAddr::from([203, 0, 113, host]),
            1 => IpAddr::from([0x2001, 0xdb8, 0, 0x42, 0, 0, 0, u16::from(host)]),
            _ => IpAddr::from([198, 51, 100, host]),
        }
    }

    fn signed_in(&mut self, user: UserId, at: Time) -> Caller {
        let user_agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0".to_owned());
        Caller { at, address: Some(self.address()), user_agent, auth_method: AuthMethod::Jwt(user) }
    }

    fn random_seconds(&mut self) -> Duration {
        Duration::from_secs(u64::from(self.random.below(86_000)))
    }
}

/// Returns the entry of `FORGOTTEN` for a token, whose indexes follow those of the random tokens.
fn forgotten(token: usize) -> Option<&'static Forgotten> {
    FORGOTTEN.get(token.checked_sub(TOKENS)?)
}

/// Returns the first name in lowercase ASCII, which is unique among the sample users.
fn username(name: &str) -> String {
    let first = name.split(' ').next().unwrap_or_default().to_lowercase();
    first.replace('ö', "o").chars().filter(char::is_ascii).collect()
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A deterministic pseudorandom number generator (linear congruential; not used for secrets).
struct Random(u64);

impl Random {
    /// Returns a number below `bound`, or 0 if `bound` is 0.
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(bound.max(1))).unwrap_or_default()
    }

    fn choose<'all, T>(&mut self, all: &'all [T]) -> &'all T {
        let index = usize::try_from(self.below(as_u32(all.len()))).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "the index is below the length of a list that is never empty")]
        &all[index]
    }
}
