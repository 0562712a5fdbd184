//! What clients write, read into what the domain knows. All parsing of their text happens here.

use super::{
    event::AuditEventType, organization::OrganizationRole, scalar::DateTime, search::SearchWord, token::TokenStatus,
    values,
};
use crate::{
    app::App,
    domain::{
        error::{Error, Result},
        id::{OrganizationId, SessionId, TokenId, UserId},
        list::{self, EventFilter, TimeRange},
        search::{Search, parse_address},
        secret::{Fingerprint, Secret},
        text,
    },
};
use async_graphql::{Enum, ID, InputObject, InputType as _, Value};
use uuid::Uuid;

/// Both ends may be left out. From is included, to is not.
#[derive(InputObject, Clone, Copy)]
pub(super) struct DateTimeRange {
    /// The first moment.
    from: Option<DateTime>,
    /// The moment after the last.
    to: Option<DateTime>,
}

impl DateTimeRange {
    fn read(range: Option<Self>) -> TimeRange {
        let end = |end: Option<DateTime>| end.map(|end| end.0);
        range.map_or_else(TimeRange::default, |range| TimeRange { from: end(range.from), to: end(range.to) })
    }
}

/// Which tokens. Everything that is said must hold.
#[derive(InputObject)]
pub(super) struct TokenFilter {
    /// The search box: words, all of which must hold. A scope's name, the word "admin", a full IP address or a token's
    /// value is taken as that filter, and so are `unused:90d`, `used:never`, `expires:30d`, `expires:never`,
    /// `status:revoked` and `owner:ada`, with spans in days (d), weeks (w) and years (y). Any other word is looked for in
    /// the owner's username, name and e-mail and in the token's description. Quotes keep blanks, and what stands in them
    /// is text. `search` of the list tells what was understood.
    query: Option<String>,
    /// Part of the owner's username, name or e-mail, in any case.
    owner: Option<String>,
    /// A token's whole value. Only its digest is looked up, and nothing records the value.
    token: Option<String>,
    /// Tokens that hold all of these scopes.
    scopes: Option<Vec<String>>,
    /// A full IP address: of the most recent request.
    ip_address: Option<String>,
    /// Whether the owner administers the organization. On User.tokens: any of the token's organizations.
    owner_is_admin: Option<bool>,
    /// Left out: ACTIVE.
    status: Option<Vec<TokenStatus>>,
    /// When it was made.
    created_at: Option<DateTimeRange>,
    /// The last allowed request.
    last_used_at: Option<DateTimeRange>,
    /// Tokens not used since then; those never used are among them.
    unused_since: Option<DateTime>,
    /// When it ends by itself.
    expires_at: Option<DateTimeRange>,
    /// True: only tokens without an end. False: only tokens with one.
    never_expires: Option<bool>,
    /// True: only tokens never used. False: only tokens used at least once.
    never_used: Option<bool>,
}

impl TokenFilter {
    /// Reads a filter, and what its search was understood as; one that is left out asks for active tokens.
    pub(super) fn read(filter: Option<Self>, app: &App) -> Result<(list::TokenFilter, Vec<SearchWord>)> {
        let Some(filter) = filter else { return Ok((list::TokenFilter::default(), Vec::new())) };
        filter.checked(app).map_err(|error| error.within("filter"))
    }

    fn checked(self, app: &App) -> Result<(list::TokenFilter, Vec<SearchWord>)> {
        let address = self.ip_address.as_deref().filter(|text| !text.trim().is_empty());
        let scopes = self.scopes.unwrap_or_default();
        let scopes =
            scopes.iter().enumerate().map(|(index, name)| app.catalogue().lookup(&format!("scopes.{index}"), name));
        let mut read = list::TokenFilter {
            owner: text::sought("owner", self.owner.as_deref())?.into_iter().collect(),
            values: values(self.token.as_deref(), app)?,
            scopes: distinct(scopes.collect::<Result<Vec<_>>>()?),
            addresses: address.map(|text| parse_address("ipAddress", text)).transpose()?.into_iter().collect(),
            owner_is_admin: self.owner_is_admin.into_iter().collect(),
            status: self.status.filter(|any| !any.is_empty()).map(|any| distinct(any.into_iter().map(Into::into))),
            created_at: DateTimeRange::read(self.created_at),
            last_used_at: DateTimeRange::read(self.last_used_at),
            unused_since: self.unused_since.map(|since| since.0),
            expires_at: DateTimeRange::read(self.expires_at),
            never_expires: self.never_expires.into_iter().collect(),
            never_used: self.never_used.into_iter().collect(),
            ..Default::default()
        };
        let Some(query) = &self.query else { return Ok((read, Vec::new())) };
        let mut search = Search::parse(query, app.catalogue(), app.prefix())?;
        let words = std::mem::take(&mut search.said).into_iter().map(Into::into).collect();
        read.and(search);
        Ok((read, words))
    }
}

/// Each once: a statement grows with what is asked for, and not with how often that is said.
pub(super) fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    all.into_iter().fold(Vec::new(), |mut kept, one| {
        if !kept.contains(&one) {
            kept.push(one);
        }
        kept
    })
}

/// Reads a filter that came as JSON beside a document, by the same rules and with the same refusals.
pub fn token_filter(json: serde_json::Value, app: &App) -> Result<list::TokenFilter> {
    let value = Value::from_json(json).map_err(|_| Error::invalid("filter", "This is no value of a filter."))?;
    values::fits_input(&TokenFilter::type_name(), "filter", &value)?;
    let read = Option::<TokenFilter>::parse(Some(value));
    let filter = read.map_err(|_| Error::Bug("a filter that fits is not read".into()))?;
    Ok(TokenFilter::read(filter, app)?.0)
}

/// The digests of the whole values that are asked for; nothing stands for what cannot be one, and so matches no token.
fn values(text: Option<&str>, app: &App) -> Result<Vec<Option<Fingerprint>>> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
    let value = text::plain("token", text, text::LONGEST_DESCRIPTION)?;
    Ok(vec![Secret::parse(app.prefix(), &value).map(|secret| secret.fingerprint())])
}

/// The order of a list of tokens.
#[derive(InputObject, Clone, Copy)]
pub(super) struct TokenOrder {
    /// By what.
    field: TokenOrderField,
    /// In which direction.
    direction: OrderDirection,
}

impl TokenOrder {
    /// Reads an order; one that is left out is newest first.
    pub(super) fn read(order: Option<Self>) -> list::TokenOrder {
        order.map_or_else(list::TokenOrder::default, |order| list::TokenOrder {
            field: order.field.into(),
            descending: order.direction == OrderDirection::Desc,
        })
    }
}

/// What a list of tokens can be ordered by. Ties are broken by the tokens' age, in the same direction.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "list::TokenOrderField")]
pub(super) enum TokenOrderField {
    /// The time of creation.
    CreatedAt,
    /// Never used counts as oldest.
    LastUsedAt,
    /// The owner's username.
    Owner,
    /// Never expires counts as latest.
    ExpiresAt,
}

/// The direction of an order.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderDirection {
    /// From the least to the greatest.
    Asc,
    /// From the greatest to the least.
    Desc,
}

/// Which lines of the audit log. Everything that is said must hold.
#[derive(InputObject)]
pub(super) struct AuditEventFilter {
    /// Any of these.
    types: Option<Vec<AuditEventType>>,
    /// About this token.
    token_id: Option<ID>,
    /// By this person.
    actor_id: Option<ID>,
    /// About this person: the member, or the owner of a token.
    user_id: Option<ID>,
    /// When it happened.
    at: Option<DateTimeRange>,
}

impl AuditEventFilter {
    /// Reads a filter. An id that is none finds what an unknown one finds: nothing.
    pub(super) fn read(filter: Option<Self>) -> EventFilter {
        let Some(filter) = filter else { return EventFilter::default() };
        EventFilter {
            types: distinct(filter.types.unwrap_or_default().into_iter().map(Into::into)),
            token: filter.token_id.as_ref().map(token_id),
            actor: filter.actor_id.as_ref().map(user_id),
            user: filter.user_id.as_ref().map(user_id),
            at: DateTimeRange::read(filter.at),
        }
    }
}

/// The id of a token in an input. What is malformed is a token that there is not: rules answer it as they answer that.
pub(super) fn token_id(id: &ID) -> TokenId {
    TokenId::parse(id).unwrap_or(TokenId::from_uuid(Uuid::nil()))
}

/// The id of a person in an input. What is malformed is a person that there is not.
pub(super) fn user_id(id: &ID) -> UserId {
    UserId::parse(id).unwrap_or(UserId::from_uuid(Uuid::nil()))
}

/// The id of an organization in an input. What is malformed is an organization that there is not.
pub(super) fn organization_id(id: &ID) -> OrganizationId {
    OrganizationId::parse(id).unwrap_or(OrganizationId::from_uuid(Uuid::nil()))
}

/// The id of a session in an input. What is malformed is a session that there is not.
pub(super) fn session_id(id: &ID) -> SessionId {
    SessionId::parse(id).unwrap_or(SessionId::from_uuid(Uuid::nil()))
}

/// What a new token shall be.
#[derive(InputObject)]
pub(super) struct CreateTokenInput {
    /// What it is for: 1 to 255 characters.
    pub(super) description: String,
    /// The organizations it shall reach: 1 to 100 of those that you are a member of.
    pub(super) organization_ids: Vec<ID>,
    /// What it may do: names of scopes of the catalogue, at least one.
    pub(super) scopes: Vec<String>,
    /// When it ends by itself; left out: never.
    pub(super) expires_at: Option<DateTime>,
}

/// What is left out or null stays as it is.
#[derive(InputObject)]
pub(super) struct UpdateTokenInput {
    /// Which token.
    pub(super) token_id: ID,
    /// What it is for: 1 to 255 characters.
    pub(super) description: Option<String>,
    /// All its scopes from now on.
    pub(super) scopes: Option<Vec<String>>,
    /// When it ends by itself; it may only come nearer.
    pub(super) expires_at: Option<DateTime>,
}

/// Which organization a token shall reach.
#[derive(InputObject)]
pub(super) struct AddOrganizationToTokenInput {
    /// Which token.
    pub(super) token_id: ID,
    /// Which organization, one that you are a member of.
    pub(super) organization_id: ID,
}

/// Which organization a token shall no longer reach.
#[derive(InputObject)]
pub(super) struct RemoveOrganizationFromTokenInput {
    /// Which token.
    pub(super) token_id: ID,
    /// Which organization.
    pub(super) organization_id: ID,
    /// Told to the owner and kept in the audit log; 500 characters at most.
    pub(super) reason: Option<String>,
}

/// What a new organization shall be.
#[derive(InputObject)]
pub(super) struct CreateOrganizationInput {
    /// 1 to 64 of a-z, 0-9, -, _ and .; it stays.
    pub(super) slug: String,
    /// What people call it: 1 to 100 characters.
    pub(super) name: String,
}

/// What is left out or null stays as it is.
#[derive(InputObject)]
pub(super) struct UpdateOrganizationInput {
    /// Which organization.
    pub(super) organization_id: ID,
    /// What people call it: 1 to 100 characters.
    pub(super) name: Option<String>,
}

/// Who shall become a member.
#[derive(InputObject)]
pub(super) struct AddOrganizationMemberInput {
    /// Of which organization.
    pub(super) organization_id: ID,
    /// A username or an e-mail address.
    pub(super) user: String,
    /// As what.
    pub(super) role: OrganizationRole,
}

/// Which member shall have which role.
#[derive(InputObject)]
pub(super) struct UpdateOrganizationMemberInput {
    /// Of which organization.
    pub(super) organization_id: ID,
    /// Which member.
    pub(super) user_id: ID,
    /// As what from now on.
    pub(super) role: OrganizationRole,
}

/// Which member shall leave.
#[derive(InputObject)]
pub(super) struct RemoveOrganizationMemberInput {
    /// Which organization.
    pub(super) organization_id: ID,
    /// Which member.
    pub(super) user_id: ID,
}

/// Which token shall end.
#[derive(InputObject)]
pub(super) struct RevokeTokenInput {
    /// Which token.
    pub(super) token_id: ID,
    /// Kept in the audit log; 500 characters at most.
    pub(super) reason: Option<String>,
}

/// Which session shall end.
#[derive(InputObject)]
pub(super) struct EndSessionInput {
    /// Which session, one of your own.
    pub(super) session_id: ID,
}

/// Which sessions shall end.
#[derive(InputObject)]
pub(super) struct EndSessionsInput {
    /// Whether the session that the request is made in goes on.
    #[graphql(default = true)]
    pub(super) keep_current: bool,
}

/// With what you sign in from now on.
#[derive(InputObject)]
pub(super) struct ChangePasswordInput {
    /// 15 to 256 characters, and not among the first that would be guessed.
    pub(super) new_password: String,
}

/// What is left out or null stays as it is.
#[derive(InputObject)]
pub(super) struct UpdateProfileInput {
    /// What people call you: 1 to 100 characters.
    pub(super) name: Option<String>,
}
