//! Inputs of the schema and their conversion to domain types. All texts in them are parsed here.

use super::{
    enums::{AuditEventType, OrganizationRole, TokenStatus},
    scalar::DateTime,
    search::SearchWord,
    validation,
};
use crate::{
    actions::{
        AddOrganizationMember, AddOrganizationToToken, CreateOrganization, CreateToken, RemoveOrganizationFromToken,
        RemoveOrganizationMember, RevokeToken, UpdateOrganization, UpdateOrganizationMember, UpdateProfile,
        UpdateToken,
    },
    app::App,
    domain::{
        error::{Error, Result},
        filter::{self, EventFilter, TimeRange},
        id::{OrganizationId, SessionId, TokenId, UserId},
        ip_address::parse_address,
        search::Search,
        secret::{Fingerprint, Secret},
        text, token,
    },
};
use async_graphql::{Enum, ID, InputObject, InputType as _, Value};
use uuid::Uuid;

/// A range of time. Either end can be omitted.
#[derive(InputObject, Clone, Copy)]
pub(super) struct DateTimeRange {
    /// The start of the range, inclusive.
    from: Option<DateTime>,
    /// The end of the range, exclusive.
    to: Option<DateTime>,
}

impl DateTimeRange {
    fn read(range: Option<Self>) -> TimeRange {
        let end = |end: Option<DateTime>| end.map(|end| end.0);
        range.map_or_else(TimeRange::default, |range| TimeRange { from: end(range.from), to: end(range.to) })
    }
}

/// Conditions for a list of tokens. A token must match all given conditions.
#[derive(InputObject)]
pub(super) struct TokenFilter {
    /// The text of the search box: words that must all match. The name of a scope, the word "admin", a full IP address,
    /// or a token value or hint is treated as the corresponding filter, and so are `unused:90d`, `used:never`,
    /// `expires:30d`, `expires:never`, `status:revoked` and `owner:ada`, with spans in days (d), weeks (w) and years
    /// (y). Any other word is searched for in the owner's username, name and email and in the token's description. Text
    /// in quotes may contain spaces and is never treated as a filter. The `search` field of the connection states how
    /// each word was interpreted.
    query: Option<String>,
    /// Part of the owner's username, name or email. The match is case-insensitive.
    owner: Option<String>,
    /// The complete value of a token. The service looks up its fingerprint and never records the value.
    token: Option<String>,
    /// Scopes that the token must all have.
    scopes: Option<Vec<String>>,
    /// The full IP address of the most recent request.
    ip_address: Option<String>,
    /// Whether the owner is an administrator of the organization. On `User.tokens`: of any organization of the token.
    owner_is_admin: Option<bool>,
    /// The statuses of the token. The default is `ACTIVE`.
    status: Option<Vec<TokenStatus>>,
    /// The range of the creation time.
    created_at: Option<DateTimeRange>,
    /// The range of the last allowed request.
    last_used_at: Option<DateTimeRange>,
    /// Return only tokens that have not been used since this time, including tokens that were never used.
    unused_since: Option<DateTime>,
    /// The range of the expiry.
    expires_at: Option<DateTimeRange>,
    /// If true, return only tokens that never expire. If false, return only tokens with an expiry.
    never_expires: Option<bool>,
    /// If true, return only tokens that were never used. If false, return only tokens that were used at least once.
    never_used: Option<bool>,
}

impl TokenFilter {
    /// Converts a filter, and returns how each word of its search was interpreted. Without a filter, only active tokens match.
    pub(super) fn read(filter: Option<Self>, app: &App) -> Result<(filter::TokenFilter, Vec<SearchWord>)> {
        let Some(filter) = filter else { return Ok((filter::TokenFilter::default(), Vec::new())) };
        filter.convert(app).map_err(|error| error.within("filter"))
    }

    fn convert(self, app: &App) -> Result<(filter::TokenFilter, Vec<SearchWord>)> {
        let address = self.ip_address.as_deref().filter(|text| !text.trim().is_empty());
        let scopes = self.scopes.unwrap_or_default();
        let scopes =
            scopes.iter().enumerate().map(|(index, name)| app.catalogue().lookup(&format!("scopes.{index}"), name));
        let mut read = filter::TokenFilter {
            owner: text::search_text("owner", self.owner.as_deref())?.into_iter().collect(),
            values: values(self.token.as_deref(), app)?,
            scopes: distinct(scopes.collect::<Result<Vec<_>>>()?),
            addresses: address.map(|text| parse_address("ipAddress", text)).transpose()?.into_iter().collect(),
            owner_is_admin: self.owner_is_admin,
            status: self
                .status
                .filter(|statuses| !statuses.is_empty())
                .map(|statuses| distinct(statuses.into_iter().map(Into::into))),
            created_at: DateTimeRange::read(self.created_at),
            last_used_at: DateTimeRange::read(self.last_used_at),
            unused_since: self.unused_since.map(|since| since.0),
            expires_at: DateTimeRange::read(self.expires_at),
            never_expires: self.never_expires,
            never_used: self.never_used,
            ..Default::default()
        };
        let Some(query) = &self.query else { return Ok((read, Vec::new())) };
        let mut search = Search::parse(query, app.catalogue(), app.prefix())?;
        let words = std::mem::take(&mut search.parsed_words).into_iter().map(Into::into).collect();
        read.and(search);
        Ok((read, words))
    }
}

/// Removes duplicates, which would make the statement longer.
pub(super) fn distinct<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    all.into_iter().fold(Vec::new(), |mut unique, item| {
        if !unique.contains(&item) {
            unique.push(item);
        }
        unique
    })
}

/// Reads a filter from JSON, with the same rules and errors as for a filter in a document.
pub fn token_filter(json: serde_json::Value, app: &App) -> Result<filter::TokenFilter> {
    let value = Value::from_json(json).map_err(|_| Error::invalid("filter", "This is not a valid filter value."))?;
    validation::check_input(&TokenFilter::type_name(), "filter", &value)?;
    let read = Option::<TokenFilter>::parse(Some(value));
    let filter = read.map_err(|_| Error::Bug("a filter that fits is not read".into()))?;
    Ok(TokenFilter::read(filter, app)?.0)
}

/// Returns the fingerprint of the token value to search for; `None` if the text is not a token value, which matches no token.
fn values(text: Option<&str>, app: &App) -> Result<Vec<Option<Fingerprint>>> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
    let value = text::plain("token", text, text::MAX_DESCRIPTION_LENGTH)?;
    Ok(vec![Secret::parse(app.prefix(), &value).map(|secret| secret.fingerprint())])
}

/// The order of a list of tokens.
#[derive(InputObject, Clone, Copy)]
pub(super) struct TokenOrder {
    /// The field to order tokens by.
    field: TokenOrderField,
    /// The direction of the order.
    direction: OrderDirection,
}

impl TokenOrder {
    /// Converts an order. The default is newest first.
    pub(super) fn read(order: Option<Self>) -> filter::TokenOrder {
        order.map_or_else(filter::TokenOrder::default, |order| filter::TokenOrder {
            field: order.field.into(),
            descending: order.direction == OrderDirection::Desc,
        })
    }
}

/// The fields that tokens can be ordered by. Ties are broken by creation time, in the same direction.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "filter::TokenOrderField")]
pub(super) enum TokenOrderField {
    /// Order tokens by creation time.
    CreatedAt,
    /// Order tokens by last use. A token that was never used counts as the oldest.
    LastUsedAt,
    /// Order tokens by the username of the owner.
    Owner,
    /// Order tokens by expiry. A token that never expires counts as the latest.
    ExpiresAt,
}

/// The direction of an order.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderDirection {
    /// Ascending order.
    Asc,
    /// Descending order.
    Desc,
}

/// Conditions for a list of audit events. An event must match all given conditions.
#[derive(InputObject)]
pub(super) struct AuditEventFilter {
    /// The types of the event.
    types: Option<Vec<AuditEventType>>,
    /// The ID of the token that the event concerns.
    token_id: Option<ID>,
    /// The ID of the user who made the change.
    actor_id: Option<ID>,
    /// The ID of the user that the event concerns: the member, or the owner of the token.
    user_id: Option<ID>,
    /// The range of the event time.
    at: Option<DateTimeRange>,
}

impl AuditEventFilter {
    /// Converts a filter. A malformed ID matches no event, as an unknown one does.
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

/// Parses the ID of a token. A malformed ID becomes an unknown one, so that both cause the same error.
fn token_id(id: &ID) -> TokenId {
    TokenId::parse(id).unwrap_or(TokenId::from_uuid(Uuid::nil()))
}

/// Parses the ID of a user. A malformed ID becomes an unknown one.
fn user_id(id: &ID) -> UserId {
    UserId::parse(id).unwrap_or(UserId::from_uuid(Uuid::nil()))
}

/// Parses the ID of an organization. A malformed ID becomes an unknown one.
fn organization_id(id: &ID) -> OrganizationId {
    OrganizationId::parse(id).unwrap_or(OrganizationId::from_uuid(Uuid::nil()))
}

/// Parses the ID of a session. A malformed ID becomes an unknown one.
fn session_id(id: &ID) -> SessionId {
    SessionId::parse(id).unwrap_or(SessionId::from_uuid(Uuid::nil()))
}

/// The input of `createToken`.
#[derive(InputObject)]
pub(super) struct CreateTokenInput {
    /// The purpose of the token: 1 to 255 characters.
    description: String,
    /// The IDs of the organizations to grant: 1 to 100 organizations that the viewer is a member of.
    organization_ids: Vec<ID>,
    /// The names of the scopes to grant. At least one is required.
    scopes: Vec<String>,
    /// The time when the token expires. If omitted, the token never expires.
    expires_at: Option<DateTime>,
}

impl CreateTokenInput {
    pub(super) fn read(self, app: &App) -> Result<CreateToken> {
        token::check_organization_count("organizationIds", self.organization_ids.len())?;
        Ok(CreateToken {
            description: text::description("description", &self.description)?,
            organizations: self.organization_ids.iter().map(organization_id).collect(),
            scopes: app.catalogue().grantable("scopes", &self.scopes)?,
            expires_at: self.expires_at.map(|end| end.0),
            owner: None,
        })
    }
}

/// The input of `updateToken`. A field that is omitted or null remains unchanged.
#[derive(InputObject)]
pub(super) struct UpdateTokenInput {
    /// The ID of the token to update.
    token_id: ID,
    /// The new description: 1 to 255 characters.
    description: Option<String>,
    /// The names of the scopes that the token has after the update.
    scopes: Option<Vec<String>>,
    /// The new expiry. It can only be moved earlier.
    expires_at: Option<DateTime>,
}

impl UpdateTokenInput {
    pub(super) fn read(self) -> Result<UpdateToken> {
        let description = self.description.map(|text| text::description("description", &text));
        Ok(UpdateToken {
            token: token_id(&self.token_id),
            description: description.transpose()?,
            scopes: self.scopes,
            expires_at: self.expires_at.map(|end| end.0),
        })
    }
}

/// The input of `addOrganizationToToken`.
#[derive(InputObject)]
pub(super) struct AddOrganizationToTokenInput {
    /// The ID of the token.
    token_id: ID,
    /// The ID of the organization to add.
    organization_id: ID,
}

impl AddOrganizationToTokenInput {
    pub(super) fn read(self) -> AddOrganizationToToken {
        AddOrganizationToToken { token: token_id(&self.token_id), organization: organization_id(&self.organization_id) }
    }
}

/// The input of `removeOrganizationFromToken`.
#[derive(InputObject)]
pub(super) struct RemoveOrganizationFromTokenInput {
    /// The ID of the token.
    token_id: ID,
    /// The ID of the organization to remove.
    organization_id: ID,
    /// The reason for the removal, at most 500 characters. It is shown to the owner and recorded in the event log.
    reason: Option<String>,
}

impl RemoveOrganizationFromTokenInput {
    pub(super) fn read(self) -> Result<RemoveOrganizationFromToken> {
        Ok(RemoveOrganizationFromToken {
            token: token_id(&self.token_id),
            organization: organization_id(&self.organization_id),
            reason: text::reason("reason", self.reason.as_deref())?,
        })
    }
}

/// The input of `createOrganization`.
#[derive(InputObject)]
pub(super) struct CreateOrganizationInput {
    /// The unique slug: 1 to 64 of the characters a-z, 0-9, -, _ and `.` (dot). It cannot be changed.
    slug: String,
    /// The display name: 1 to 100 characters.
    name: String,
}

impl CreateOrganizationInput {
    pub(super) fn read(self, admin: UserId) -> Result<CreateOrganization> {
        Ok(CreateOrganization {
            slug: text::slug("slug", &self.slug)?,
            name: text::name("name", &self.name)?,
            admin: admin.into(),
        })
    }
}

/// The input of `updateOrganization`. A field that is omitted or null remains unchanged.
#[derive(InputObject)]
pub(super) struct UpdateOrganizationInput {
    /// The ID of the organization to update.
    organization_id: ID,
    /// The new display name: 1 to 100 characters.
    name: Option<String>,
}

impl UpdateOrganizationInput {
    pub(super) fn read(self) -> Result<UpdateOrganization> {
        Ok(UpdateOrganization {
            organization: organization_id(&self.organization_id).into(),
            name: self.name.map(|name| text::name("name", &name)).transpose()?,
        })
    }
}

/// The input of `addOrganizationMember`.
#[derive(InputObject)]
pub(super) struct AddOrganizationMemberInput {
    /// The ID of the organization.
    organization_id: ID,
    /// The username or email address of the user to add.
    user: String,
    /// The role to assign.
    role: OrganizationRole,
}

impl AddOrganizationMemberInput {
    pub(super) fn read(self) -> Result<AddOrganizationMember> {
        text::visible("user", &self.user)?;
        Ok(AddOrganizationMember {
            organization: organization_id(&self.organization_id).into(),
            user: self.user.into(),
            role: self.role.into(),
        })
    }
}

/// The input of `updateOrganizationMember`.
#[derive(InputObject)]
pub(super) struct UpdateOrganizationMemberInput {
    /// The ID of the organization.
    organization_id: ID,
    /// The ID of the member to update.
    user_id: ID,
    /// The new role.
    role: OrganizationRole,
}

impl UpdateOrganizationMemberInput {
    pub(super) fn read(self) -> UpdateOrganizationMember {
        UpdateOrganizationMember {
            organization: organization_id(&self.organization_id).into(),
            user: user_id(&self.user_id).into(),
            role: self.role.into(),
        }
    }
}

/// The input of `removeOrganizationMember`.
#[derive(InputObject)]
pub(super) struct RemoveOrganizationMemberInput {
    /// The ID of the organization.
    organization_id: ID,
    /// The ID of the member to remove.
    user_id: ID,
}

impl RemoveOrganizationMemberInput {
    pub(super) fn read(self) -> RemoveOrganizationMember {
        RemoveOrganizationMember {
            organization: organization_id(&self.organization_id).into(),
            user: user_id(&self.user_id).into(),
        }
    }
}

/// The input of `revokeToken`.
#[derive(InputObject)]
pub(super) struct RevokeTokenInput {
    /// The ID of the token to revoke.
    token_id: ID,
    /// The reason for the revocation, at most 500 characters. It is recorded in the event log.
    reason: Option<String>,
}

impl RevokeTokenInput {
    pub(super) fn read(self) -> Result<RevokeToken> {
        Ok(RevokeToken { token: token_id(&self.token_id), reason: text::reason("reason", self.reason.as_deref())? })
    }
}

/// The input of `endSession`.
#[derive(InputObject)]
pub(super) struct EndSessionInput {
    /// The ID of the session to end, one of the viewer's own.
    session_id: ID,
}

impl EndSessionInput {
    pub(super) fn read(self) -> SessionId {
        session_id(&self.session_id)
    }
}

/// The input of `endSessions`.
#[derive(InputObject)]
pub(super) struct EndSessionsInput {
    /// Whether the current session remains active.
    #[graphql(default = true)]
    pub(super) keep_current: bool,
}

/// The input of `changePassword`.
#[derive(InputObject)]
pub(super) struct ChangePasswordInput {
    /// The new password: 15 to 256 characters, and not easy to guess.
    pub(super) new_password: String,
}

/// The input of `updateProfile`. A field that is omitted or null remains unchanged.
#[derive(InputObject)]
pub(super) struct UpdateProfileInput {
    /// The new display name: 1 to 100 characters.
    name: Option<String>,
}

impl UpdateProfileInput {
    pub(super) fn read(self) -> Result<UpdateProfile> {
        Ok(UpdateProfile { name: self.name.map(|name| text::name("name", &name)).transpose()? })
    }
}
