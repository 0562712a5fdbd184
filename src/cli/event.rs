//! `event`: the event log of the whole service.

use super::{no_such, operator, print};
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        event::{EventSource, EventType, RecordedEvent},
        filter::{EventFilter, TimeRange},
        id::{OrganizationId, TokenId, UserId},
        organization::Organization,
        policy::{self, Operator},
        scope::ScopeName,
        time::Time,
    },
    store::{EventSearch, UserRecord},
};
use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
};

/// The largest `--limit`.
const MAX_LIMIT: u64 = 10_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists events, newest first: also those that concern no organization
    #[command(
        after_help = "Example:\n  tokenward event list --since 24h\n  tokenward event list --type token_revoked --type token_organization_removed --organization acme\n  tokenward event list --user ada --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z\n  tokenward event list --limit 10000 --json | jq -r 'select(.via == \"RESOURCE_SERVER\") | .resourceServerName'"
    )]
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Show only events of this type; can be repeated
    #[arg(
        long = "type",
        value_name = "TYPE",
        ignore_case = true,
        value_parser = PossibleValuesParser::new(EventType::ALL.iter().map(|kind| kind.as_str())).map(|name| kind_of(&name))
    )]
    types: Vec<Option<EventType>>,
    /// Show only events about this user or by them: a username, or an ID such as `user_01h455vb4pex5vsknk084sn02q`
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Show only events that concern the organization with this slug
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Show only events about the token with this ID
    #[arg(long, value_name = "ID")]
    token: Option<String>,
    /// Show only events at this time or later: RFC 3339, or an age, such as 90d or 12h
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show only events before this time, in the same format
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The number of events to list
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=MAX_LIMIT))]
    limit: u64,
    /// Print each event as a line of JSON, with the field names of the GraphQL API
    #[arg(long)]
    json: bool,
}

fn kind_of(name: &str) -> Option<EventType> {
    EventType::ALL.iter().copied().find(|kind| kind.as_str().eq_ignore_ascii_case(name))
}

impl Command {
    pub(super) async fn run(self, app: &App) -> Result<()> {
        let Self::List(list) = self;
        list.run(app).await
    }
}

impl List {
    async fn run(self, app: &App) -> Result<()> {
        let caller = operator(app);
        let operator = policy::operator(&caller)?;
        let search = self.search(app, &operator, caller.at).await?;
        let events = app.store().search_events(&operator, &search, self.limit).await?;
        let references = References::of(app, &events).await?;
        let lines = events
            .iter()
            .map(|event| if self.json { format!("{}\n", references.json(event)) } else { references.line(event) });
        if events.is_empty() && !self.json {
            crate::telemetry::notice("No event matches.");
            return Ok(());
        }
        let header = if self.json { String::new() } else { row(HEADER) };
        print(std::iter::once(header).chain(lines).collect::<String>())
    }

    async fn search(&self, app: &App, operator: &Operator, now: Time) -> Result<EventSearch> {
        let with_user = match &self.user {
            None => None,
            Some(name) => {
                let found = match UserId::parse(name) {
                    Some(id) => Some(id),
                    None => app.store().user_id_by_username(operator, name).await?,
                };
                Some(found.ok_or_else(|| no_such("user", name))?)
            }
        };
        let organization = match &self.organization {
            None => None,
            Some(slug) => {
                let found = app.store().organization_id_by_slug(operator, slug).await?;
                Some(found.ok_or_else(|| no_such("organization", slug))?)
            }
        };
        let token = self.token.as_deref().map(|id| {
            TokenId::parse(id).ok_or_else(|| {
                Error::invalid("--token", "Specify the ID of a token, such as token_01h455vb4pex5vsknk084sn02q.")
            })
        });
        let at = TimeRange {
            from: self.since.as_deref().map(|text| time("--since", text, now)).transpose()?,
            to: self.until.as_deref().map(|text| time("--until", text, now)).transpose()?,
        };
        let types = self.types.iter().copied().flatten().collect();
        let filter = EventFilter { types, token: token.transpose()?, actor: None, user: None, at };
        Ok(EventSearch { filter, with_user, organization })
    }
}

/// Parses a time in RFC 3339, or a duration before now.
fn time(flag: &'static str, text: &str, now: Time) -> Result<Time> {
    let ago = || humantime::parse_duration(text).ok().map(|span| now.minus(span));
    Time::parse(text).or_else(ago).ok_or_else(|| {
        Error::invalid(flag, "Specify a time such as 2026-11-23T09:30:00Z, or how long ago, such as 90d or 12h.")
    })
}

/// The users and organizations that the events refer to.
struct References {
    users: HashMap<UserId, UserRecord>,
    organizations: HashMap<OrganizationId, Organization>,
    organization_ids: HashMap<i64, BTreeSet<OrganizationId>>,
}

impl References {
    async fn of(app: &App, events: &[RecordedEvent]) -> Result<Self> {
        let users: BTreeSet<_> = events.iter().flat_map(|event| [event.actor, event.user]).flatten().collect();
        let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
        let organization_ids = app.store().event_organizations(&numbers).await?;
        let organizations: BTreeSet<_> = organization_ids.values().flatten().copied().collect();
        Ok(Self {
            users: app.store().users(&users.into_iter().collect::<Vec<_>>()).await?,
            organizations: app.store().organizations(&organizations.into_iter().collect::<Vec<_>>()).await?,
            organization_ids,
        })
    }

    fn username(&self, user: UserId) -> String {
        self.users.get(&user).map_or_else(|| user.to_string(), |found| found.user.username.clone())
    }

    fn organizations(&self, event: &RecordedEvent) -> impl Iterator<Item = &Organization> {
        let ids = self.organization_ids.get(&event.number).into_iter().flatten();
        ids.filter_map(|organization| self.organizations.get(organization))
    }

    fn line(&self, event: &RecordedEvent) -> String {
        let dash = || "-".to_owned();
        let by = match (event.actor, &event.resource_server) {
            (Some(actor), _) => self.username(actor),
            (None, Some(server)) if event.via == EventSource::ResourceServer => server.clone(),
            (None, _) => dash(),
        };
        let about = match (event.user, &event.resource_server) {
            (Some(user), _) => self.username(user),
            (None, Some(server)) => server.clone(),
            (None, None) => dash(),
        };
        let slugs: Vec<_> = self.organizations(event).map(|organization| organization.slug.as_str()).collect();
        let slugs = if slugs.is_empty() { dash() } else { slugs.join(",") };
        let token = event.token.map_or_else(dash, |token| token.to_string());
        let reason = event.reason.clone().unwrap_or_else(dash);
        let at = event.at.to_text_in_seconds();
        row([&at, event.kind.as_str(), event.via.as_str(), &by, &about, &token, &slugs, &reason])
    }

    fn json(&self, event: &RecordedEvent) -> Value {
        let user = |user: UserId| json!({ "id": user.to_string(), "username": self.username(user) });
        let organizations = self.organizations(event);
        let organizations: Vec<_> = organizations
            .map(|organization| json!({ "id": organization.id.to_string(), "slug": organization.slug }))
            .collect();
        let changes = event.field_changes.iter();
        let changes: Vec<_> = changes
            .map(|change| json!({ "field": change.field, "before": change.before, "after": change.after }))
            .collect();
        let names = |scopes: &[ScopeName]| scopes.iter().map(|scope| scope.as_str().to_owned()).collect::<Vec<_>>();
        json!({
            "number": event.number,
            "id": event.id.to_string(),
            "causeId": (event.cause != event.id).then(|| event.cause.to_string()),
            "type": event.kind.as_str().to_ascii_uppercase(),
            "at": event.at.to_text(),
            "via": event.via.as_str().to_ascii_uppercase(),
            "actor": event.actor.map(user),
            "actorIpAddress": event.actor_address.map(|address| address.to_string()),
            "actorUserAgent": event.actor_user_agent,
            "resourceServerName": event.resource_server,
            "user": event.user.map(user),
            "tokenId": event.token.map(|token| token.to_string()),
            "organizations": organizations,
            "scopesAdded": names(&event.scopes_added),
            "scopesRemoved": names(&event.scopes_removed),
            "changes": changes,
            "reason": event.reason,
        })
    }
}

const HEADER: [&str; 8] = ["TIME", "TYPE", "SOURCE", "BY", "ABOUT", "TOKEN", "ORGANIZATIONS", "REASON"];

fn row([at, kind, via, by, about, token, organizations, reason]: [&str; 8]) -> String {
    let mut line = String::new();
    let _ =
        writeln!(line, "{at:20}  {kind:27}  {via:15}  {by:20}  {about:20}  {token:32}  {organizations:20}  {reason}");
    line
}
