//! The sample data: users, organizations, and the tokens of three years with their usage, removals and revocations. The same
//! actions as in production create it, at simulated times. Only the token values differ between runs.

use crate::{
    actions::{
        AddOrganizationMember, AddOrganizationToToken, AddUser, CreateOrganization, CreateToken,
        RemoveOrganizationFromToken, RevokeToken, create_token, set_organization_member,
    },
    app::App,
    cli::demo::ISSUER,
    domain::{
        caller::{AuthMethod, Caller},
        error::{Error, Result},
        grant::{Request, Usage},
        id::{OrganizationId, TokenId, UserId},
        organization::Role,
        policy::SelfService,
        secret::Fingerprint,
        time::{DAY, Time},
    },
    store::{GrantUsage, Identity, NewUser, TokenUsage},
    telemetry::notice,
};
use std::{net::IpAddr, time::Duration};

const TOKENS: usize = 420;

const ORGANIZATIONS: [(&str, &str); 4] =
    [("acme", "Acme Widgets"), ("globex", "Globex"), ("initech", "Initech"), ("umbra-labs", "Umbra Labs")];

const PEOPLE: [&str; 44] = [
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

const AGENTS: [&str; 7] = [
    "curl/8.11.0",
    "python-requests/2.32.3",
    "Terraform/1.9.8 (+https://www.terraform.io)",
    "Go-http-client/2.0",
    "node-fetch/3.3.2",
    "GitHub-Actions/2.321.0",
    "okhttp/4.12.0",
];

const SETS: [&[&str]; 9] = [
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
    Forgotten { owner: "bob", description: "Release script, old", made: 730, used: Some(412) },
    Forgotten { owner: "ada", description: "Cost report (try-out)", made: 560, used: Some(238) },
    Forgotten { owner: "ada", description: "Docs preview", made: 330, used: None },
    Forgotten { owner: "bob", description: "Data warehouse import", made: 240, used: Some(131) },
    Forgotten { owner: "bob", description: "On-call runbook, try-out", made: 155, used: None },
];

/// A token whose `made` and `used` are the ages in days of its creation and last use.
struct Forgotten {
    owner: &'static str,
    description: &'static str,
    made: u32,
    used: Option<u32>,
}

const REASONS: [Option<&str>; 6] = [
    Some("Not used for months"),
    Some("Found in a public repository"),
    Some("Too many scopes for what it does; please make a narrower one"),
    Some("The service it was made for is gone"),
    Some("Quarterly clean-up"),
    None,
];

/// Creates the data and prints the progress.
pub(super) async fn make(app: &App) -> Result<()> {
    let tokens = TOKENS + FORGOTTEN.len();
    notice(format_args!(
        "Creating {} users, {} organizations and {tokens} tokens …",
        PEOPLE.len(),
        ORGANIZATIONS.len()
    ));
    let mut maker = Maker { app, dice: Dice(0x5eed), now: app.now(), people: Vec::new(), tokens: Vec::new() };
    maker.make_people().await?;
    let mut plan = maker.plan();
    plan.sort_by_key(|step| step.at);
    for (done, step) in plan.into_iter().enumerate() {
        if done > 0 && done % 100 == 0 {
            notice(format_args!("  {done} changes made"));
        }
        maker.take(step).await?;
    }
    while app.store().maintenance().mark_expired(maker.now, 500).await? == 500 {}
    maker.make_use().await
}

struct Maker<'app> {
    app: &'app App,
    dice: Dice,
    now: Time,
    people: Vec<Somebody>,
    tokens: Vec<Option<Made>>,
}

struct Somebody {
    id: UserId,
    organizations: Vec<OrganizationId>,
    administers: Vec<OrganizationId>,
}

struct Made {
    id: TokenId,
    fingerprint: Fingerprint,
    owner: UserId,
    organizations: Vec<OrganizationId>,
    created: Time,
    over: bool,
}

struct Step {
    at: Time,
    token: usize,
    what: What,
}

enum What {
    Create,
    Remove,
    AddAgain,
    Revoke,
}

impl Maker<'_> {
    async fn make_people(&mut self) -> Result<()> {
        let start = Caller::command_line(self.now.minus(DAY * 1100));
        for name in PEOPLE {
            let username = username(name);
            let email = Some(format!("{username}@example.test"));
            let identity = Some(Identity { issuer: ISSUER.into(), subject: username.clone() });
            let new = NewUser { username, name: name.into(), email, email_verified: true, identity };
            let id = self.app.change(&start, AddUser { new }).await?.id;
            self.people.push(Somebody { id, organizations: Vec::new(), administers: Vec::new() });
        }
        for (place, (slug, name)) in ORGANIZATIONS.into_iter().enumerate() {
            // Ada and Bob administer Acme; Carol and Grace administer Globex, of which Bob is a member; Dave administers
            // Initech, and Ivan Umbra Labs.
            let admins = match place {
                0 => vec![0, 1],
                1 => vec![2, 7],
                2 => vec![3],
                _ => vec![4],
            };
            // Each organization is created one day after the previous one.
            let start = Caller { at: start.at.plus(DAY * as_u32(place)), ..start.clone() };
            let admin = |index: usize| username(PEOPLE.get(index).copied().unwrap_or_default());
            let first = admins.first().copied().unwrap_or_default();
            let add = CreateOrganization {
                slug: slug.into(),
                name: name.into(),
                admin: admin(first).into(),
                self_service: SelfService::Off,
            };
            let id = self.app.change(&start, add).await?.id;
            self.make_members(&start, slug, id, &admins).await?;
        }
        Ok(())
    }

    async fn make_members(&mut self, start: &Caller, slug: &str, id: OrganizationId, admins: &[usize]) -> Result<()> {
        for (index, name) in PEOPLE.into_iter().enumerate() {
            let admin = admins.contains(&index);
            // Bob is always a member of exactly two organizations, since the guide depends on it.
            let bob = index == 1 && slug == "globex";
            if !admin && !bob && (index == 1 || self.dice.of(100) >= 45) {
                continue;
            }
            let Some(somebody) = self.people.get_mut(index) else { continue };
            somebody.organizations.push(id);
            if admin {
                somebody.administers.push(id);
            }
            let role = if admin { Role::Admin } else { Role::Member };
            let add = AddOrganizationMember { organization: slug.into(), user: username(name).into(), role };
            set_organization_member(self.app, start, add).await?;
        }
        Ok(())
    }

    /// Returns the changes to simulate, with their times.
    fn plan(&mut self) -> Vec<Step> {
        let mut plan = Vec::new();
        for token in 0..TOKENS {
            self.tokens.push(None);
            let days = self.dice.of(30) * self.dice.of(35) + 1;
            let created = self.now.minus(DAY * days + self.some_seconds());
            plan.push(Step { at: created, token, what: What::Create });
            let what = match self.dice.of(100) {
                0..8 => What::Remove,
                8..13 => What::Revoke,
                _ => continue,
            };
            let removed = matches!(what, What::Remove);
            let later = created.plus(DAY * self.dice.of(days) + Duration::from_secs(90));
            plan.push(Step { at: later, token, what });
            if removed && self.dice.of(3) == 0 {
                plan.push(Step { at: later.plus(Duration::from_mins(40)), token, what: What::AddAgain });
            }
        }
        plan.retain(|step| step.at < self.now);
        for (token, forgotten) in (TOKENS..).zip(&FORGOTTEN) {
            self.tokens.push(None);
            let at = self.now.minus(DAY * forgotten.made + self.some_seconds());
            plan.push(Step { at, token, what: What::Create });
        }
        plan
    }

    async fn take(&mut self, step: Step) -> Result<()> {
        let done = match step.what {
            What::Create => match forgotten(step.token) {
                Some(forgotten) => self.create_forgotten(&step, forgotten).await,
                None => self.create(&step).await,
            },
            What::Remove => self.remove(&step).await,
            What::AddAgain => self.add_again(&step).await,
            What::Revoke => self.revoke(&step).await,
        };
        match done {
            // The token had already expired, or another change was made before.
            Err(Error::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    async fn create(&mut self, step: &Step) -> Result<()> {
        let index = usize::try_from(self.dice.of(as_u32(PEOPLE.len()))).unwrap_or_default();
        let Some(somebody) = self.people.get(index).filter(|somebody| !somebody.organizations.is_empty()) else {
            return Ok(());
        };
        let (owner, mut organizations) = (somebody.id, somebody.organizations.clone());
        let keep = usize::try_from(1 + self.dice.of(2)).unwrap_or(1);
        while organizations.len() > keep {
            organizations.swap_remove(usize::try_from(self.dice.of(as_u32(organizations.len()))).unwrap_or_default());
        }
        let admin = !somebody.administers.is_empty();
        let scopes = match self.dice.of(20) {
            // Administrators often create tokens for the GraphQL API.
            1..8 if admin => vec!["graphql".to_owned()],
            0 => self.app.catalogue().iter().map(|scope| scope.name.to_string()).collect(),
            _ => self.dice.one(&SETS).iter().map(ToString::to_string).collect::<Vec<_>>(),
        };
        let lives = [None, None, Some(30), Some(90), Some(365), Some(365), Some(1000)];
        let ask = CreateToken {
            description: self.description(),
            organizations,
            scopes: self.app.catalogue().grantable("scopes", &scopes)?,
            expires_at: self.dice.one(&lives).map(|days| step.at.plus(DAY * days)),
            owner: None,
        };
        self.keep(step, owner, ask).await
    }

    async fn create_forgotten(&mut self, step: &Step, forgotten: &Forgotten) -> Result<()> {
        let owner = self.people.iter().zip(PEOPLE).find(|(_, name)| username(name) == forgotten.owner);
        let (owner, _) = owner.ok_or(Error::NotFound("user"))?;
        let owner = owner.id;
        let acme = self.app.store().organization_by_slug("acme").await?.ok_or(Error::NotFound("organization"))?;
        let ask = CreateToken {
            description: forgotten.description.into(),
            organizations: vec![acme.id],
            scopes: self.app.catalogue().grantable("scopes", &["graphql".to_owned()])?,
            expires_at: None,
            owner: None,
        };
        self.keep(step, owner, ask).await
    }

    async fn keep(&mut self, step: &Step, owner: UserId, ask: CreateToken) -> Result<()> {
        let organizations = ask.organizations.clone();
        let caller = self.signed_in(owner, step.at);
        let (token, secret) = create_token(self.app, &caller, ask).await?;
        let (fingerprint, created) = (secret.fingerprint(), step.at);
        let over = token.expires_at.is_some_and(|end| end <= self.now);
        if let Some(place) = self.tokens.get_mut(step.token) {
            *place = Some(Made { id: token.id, fingerprint, owner, organizations, created, over });
        }
        Ok(())
    }

    fn description(&mut self) -> String {
        let purpose = *self.dice.one(&PURPOSES);
        match self.dice.of(4) {
            0 => format!("{purpose} (staging)"),
            1 => format!("{purpose}, {}", self.dice.one(&["eu-west", "us-east", "old", "team infra", "try-out"])),
            _ => purpose.to_owned(),
        }
    }

    async fn remove(&mut self, step: &Step) -> Result<()> {
        let Some((token, organization)) = self.made(step) else { return Ok(()) };
        let admin = self.people.iter().find(|somebody| somebody.administers.contains(&organization));
        let Some(admin) = admin.map(|somebody| somebody.id) else { return Ok(()) };
        let reason = self.dice.one(&REASONS).map(ToOwned::to_owned);
        let caller = self.signed_in(admin, step.at);
        self.app.change(&caller, RemoveOrganizationFromToken { token, organization, reason }).await.map(|_| ())
    }

    async fn add_again(&mut self, step: &Step) -> Result<()> {
        let Some((token, organization)) = self.made(step) else { return Ok(()) };
        let Some(owner) = self.tokens.get(step.token).and_then(Option::as_ref).map(|made| made.owner) else {
            return Ok(());
        };
        let caller = self.signed_in(owner, step.at);
        self.app.change(&caller, AddOrganizationToToken { token, organization }).await.map(|_| ())
    }

    async fn revoke(&mut self, step: &Step) -> Result<()> {
        let Some(made) = self.tokens.get_mut(step.token).and_then(Option::as_mut) else { return Ok(()) };
        let (token, owner) = (made.id, made.owner);
        made.over = true;
        let caller = self.signed_in(owner, step.at);
        let reason = self.dice.one(&[None, Some("Rotated")]).map(ToOwned::to_owned);
        self.app.change(&caller, RevokeToken { token, reason }).await.map(|_| ())
    }

    fn made(&self, step: &Step) -> Option<(TokenId, OrganizationId)> {
        let made = self.tokens.get(step.token)?.as_ref()?;
        Some((made.id, *made.organizations.first()?))
    }

    /// Creates the usage of the tokens.
    async fn make_use(&mut self) -> Result<()> {
        let (mut tokens, mut grants) = (Vec::new(), Vec::new());
        for (token, made) in std::mem::take(&mut self.tokens).into_iter().enumerate() {
            let Some(made) = made.filter(|made| !made.over) else { continue };
            let forgotten = forgotten(token);
            let Some(ago) = forgotten.map_or_else(|| self.last_use(&made), |forgotten| Some(DAY * forgotten.used?))
            else {
                continue;
            };
            let Some(known) = self.app.store().snapshot(&made.fingerprint).await? else { continue };
            let usage = self.request(self.now.minus(ago + Duration::from_secs(20)), &known.scopes);
            for reach in known.grants {
                if forgotten.is_some() || self.dice.of(4) > 0 {
                    let (grant, organization) = (reach.grant, reach.organization);
                    grants.push(GrantUsage { grant, organization, token: made.id, usage: usage.clone() });
                }
            }
            tokens.push(TokenUsage { token: made.id, usage });
        }
        self.app.store().maintenance().save_usage(tokens, grants).await
    }

    /// Returns the time since the last use: short for most tokens, long for some, `None` for a few that were never used.
    fn last_use(&mut self, made: &Made) -> Option<Duration> {
        if self.dice.of(7) == 0 {
            return None;
        }
        let age = u32::try_from(self.now.seconds() - made.created.seconds()).unwrap_or_default().saturating_sub(60);
        let ago = if self.dice.of(3) == 0 { self.dice.of(age.max(1)) } else { self.dice.of((age / 40).max(1)) };
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
        let method = if path == "/graphql" || self.dice.of(4) == 0 { "POST" } else { "GET" };
        let request = Request {
            at,
            address: Some(self.address()),
            user_agent: Some((*self.dice.one(&AGENTS)).into()),
            method: Some(method.into()),
            path: Some(path),
            scope,
            allowed: true,
        };
        Usage { last_used_at: Some(at), last_request: Some(request) }
    }

    fn address(&mut self) -> IpAddr {
        let host = u8::try_from(self.dice.of(40) + 2).unwrap_or(2);
        match self.dice.of(5) {
            0 => IpAddr::from([203, 0, 113, host]),
            1 => IpAddr::from([0x2001, 0xdb8, 0, 0x42, 0, 0, 0, u16::from(host)]),
            _ => IpAddr::from([198, 51, 100, host]),
        }
    }

    fn signed_in(&mut self, user: UserId, at: Time) -> Caller {
        let user_agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0".to_owned());
        Caller { at, address: Some(self.address()), user_agent, auth_method: AuthMethod::Jwt(user) }
    }

    fn some_seconds(&mut self) -> Duration {
        Duration::from_secs(u64::from(self.dice.of(86_000)))
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
struct Dice(u64);

impl Dice {
    /// Returns a number below `sides`, or 0 if `sides` is 0.
    fn of(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(sides.max(1))).unwrap_or_default()
    }

    fn one<'all, T>(&mut self, all: &'all [T]) -> &'all T {
        let index = usize::try_from(self.of(as_u32(all.len()))).unwrap_or_default();
        #[expect(clippy::indexing_slicing, reason = "the index is below the length of a list that is never empty")]
        &all[index]
    }
}
