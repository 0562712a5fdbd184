/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** The input of `addOrganizationMember`. */
export type AddOrganizationMemberInput = {
  /** The ID of the organization. */
  organizationId: string;
  /** The role to assign. */
  role: OrganizationRole;
  /** The username or email address of the user to add. */
  user: string;
};

/** The input of `addOrganizationToToken`. */
export type AddOrganizationToTokenInput = {
  /** The ID of the organization to add. */
  organizationId: string;
  /** The ID of the token. */
  tokenId: string;
};

/** Conditions for a list of audit events. An event must match all given conditions. */
export type AuditEventFilter = {
  /** The ID of the user who made the change. */
  actorId?: string | null | undefined;
  /** The range of the event time. */
  at?: DateTimeRange | null | undefined;
  /** The ID of the token that the event concerns. */
  tokenId?: string | null | undefined;
  /** The types of the event. */
  types?: Array<AuditEventType> | null | undefined;
  /** The ID of the user that the event concerns: the member, or the owner of the token. */
  userId?: string | null | undefined;
};

/** The ways in which an actor can authenticate. */
export type AuditEventSource =
  /** The operator's command line. */
  | 'COMMAND_LINE'
  /** A JWT from the host application or the identity provider. */
  | 'JWT'
  /** A resource server, through `/oauth/revoke`. */
  | 'RESOURCE_SERVER'
  /** A browser session. */
  | 'SESSION'
  /** The service itself. */
  | 'SYSTEM'
  /** An API access token. */
  | 'TOKEN'
  | '%future added value';

/** The types of audit events. */
export type AuditEventType =
  /** An organization was created. */
  | 'ORGANIZATION_CREATED'
  /** An organization was deleted. */
  | 'ORGANIZATION_DELETED'
  /** A user was added to an organization. */
  | 'ORGANIZATION_MEMBER_ADDED'
  /** A member left or was removed from an organization. */
  | 'ORGANIZATION_MEMBER_REMOVED'
  /** The role of a member changed. */
  | 'ORGANIZATION_MEMBER_UPDATED'
  /** The name of an organization changed. */
  | 'ORGANIZATION_UPDATED'
  /** A resource server was added. */
  | 'RESOURCE_SERVER_ADDED'
  /** A resource server was disabled. */
  | 'RESOURCE_SERVER_DISABLED'
  /** A token was created. */
  | 'TOKEN_CREATED'
  /** A token expired. The time is when the service recorded it. */
  | 'TOKEN_EXPIRED'
  /** The owner of a token added an organization to it. */
  | 'TOKEN_ORGANIZATION_ADDED'
  /** An organization was removed from a token. */
  | 'TOKEN_ORGANIZATION_REMOVED'
  /** A token was revoked. */
  | 'TOKEN_REVOKED'
  /** The description, scopes or expiry of a token changed. */
  | 'TOKEN_UPDATED'
  /** A user was created. */
  | 'USER_CREATED'
  /** A user was deleted. */
  | 'USER_DELETED'
  /** A user was disabled. */
  | 'USER_DISABLED'
  /** A disabled user was enabled again. */
  | 'USER_ENABLED'
  /** The details of a user changed. */
  | 'USER_UPDATED'
  | '%future added value';

/** The input of `changePassword`. */
export type ChangePasswordInput = {
  /** The new password: 15 to 256 characters, and not easy to guess. */
  newPassword: string;
};

/** The input of `createToken`. */
export type CreateTokenInput = {
  /** The purpose of the token: 1 to 255 characters. */
  description: string;
  /** The time when the token expires. If omitted, the token never expires. */
  expiresAt?: string | null | undefined;
  /** The IDs of the organizations to grant: 1 to 100 organizations that the viewer is a member of. */
  organizationIds: Array<string>;
  /** The names of the scopes to grant. At least one is required. */
  scopes: Array<string>;
};

/** A range of time. Either end can be omitted. */
export type DateTimeRange = {
  /** The start of the range, inclusive. */
  from?: string | null | undefined;
  /** The end of the range, exclusive. */
  to?: string | null | undefined;
};

/** The input of `endSession`. */
export type EndSessionInput = {
  /** The ID of the session to end, one of the viewer's own. */
  sessionId: string;
};

/** The input of `endSessions`. */
export type EndSessionsInput = {
  /** Whether the current session remains active. */
  keepCurrent?: boolean;
};

/** The direction of an order. */
export type OrderDirection =
  /** Ascending order. */
  | 'ASC'
  /** Descending order. */
  | 'DESC'
  | '%future added value';

/** The role of a user in an organization. */
export type OrganizationRole =
  /** The user can audit tokens, remove the organization from them, and manage members. */
  | 'ADMIN'
  /** The user can create tokens that have access to the organization. */
  | 'MEMBER'
  | '%future added value';

/** The input of `removeOrganizationFromToken`. */
export type RemoveOrganizationFromTokenInput = {
  /** The ID of the organization to remove. */
  organizationId: string;
  /** The reason for the removal, at most 500 characters. It is shown to the owner and recorded in the event log. */
  reason?: string | null | undefined;
  /** The ID of the token. */
  tokenId: string;
};

/** The input of `removeOrganizationMember`. */
export type RemoveOrganizationMemberInput = {
  /** The ID of the organization. */
  organizationId: string;
  /** The ID of the member to remove. */
  userId: string;
};

/** The input of `revokeToken`. */
export type RevokeTokenInput = {
  /** The reason for the revocation, at most 500 characters. It is recorded in the event log. */
  reason?: string | null | undefined;
  /** The ID of the token to revoke. */
  tokenId: string;
};

/** The kinds of access that a scope can give. */
export type ScopeAccess =
  /** The scope permits deleting data. */
  | 'DELETE'
  /**
   * The scope permits use of the GraphQL API, within the organizations that the token has access to. Other scopes
   * cannot restrict it.
   */
  | 'GRAPHQL'
  /** The scope permits reading data. */
  | 'READ'
  /** The scope permits changing data. */
  | 'WRITE'
  | '%future added value';

/** The ways in which a word of a search can be interpreted. */
export type SearchWordKind =
  /** A full IP address: that of the most recent request. */
  | 'ADDRESS'
  /** The word "admin": the owner must be an administrator. */
  | 'ADMINISTRATOR'
  /** `expires:30d`: expires within this time. `expires:never`: never expires. */
  | 'EXPIRES'
  /** `owner:ada`: part of the owner's username, name or email. */
  | 'OWNER'
  /** The name of a scope that the token must have. */
  | 'SCOPE'
  /** `status:active`, `status:expired` or `status:revoked`. Several words match any of these. */
  | 'STATUS'
  /** Any other word: searched for in the owner's username, name and email and in the description. */
  | 'TEXT'
  /** `unused:90d`: not used for this long, or never used. */
  | 'UNUSED'
  /** `used:never`: never used. */
  | 'USED'
  /** A token value, a hint, or text that begins like a value. */
  | 'VALUE'
  | '%future added value';

/** Conditions for a list of tokens. A token must match all given conditions. */
export type TokenFilter = {
  /** The range of the creation time. */
  createdAt?: DateTimeRange | null | undefined;
  /** The range of the expiry. */
  expiresAt?: DateTimeRange | null | undefined;
  /** The full IP address of the most recent request. */
  ipAddress?: string | null | undefined;
  /** The range of the last allowed request. */
  lastUsedAt?: DateTimeRange | null | undefined;
  /** If true, return only tokens that never expire. If false, return only tokens with an expiry. */
  neverExpires?: boolean | null | undefined;
  /** If true, return only tokens that were never used. If false, return only tokens that were used at least once. */
  neverUsed?: boolean | null | undefined;
  /** Part of the owner's username, name or email. The match is case-insensitive. */
  owner?: string | null | undefined;
  /** Whether the owner is an administrator of the organization. On `User.tokens`: of any organization of the token. */
  ownerIsAdmin?: boolean | null | undefined;
  /**
   * The text of the search box: words that must all match. The name of a scope, the word "admin", a full IP address,
   * or a token value or hint is treated as the corresponding filter, and so are `unused:90d`, `used:never`,
   * `expires:30d`, `expires:never`, `status:revoked` and `owner:ada`, with spans in days (d), weeks (w) and years
   * (y). Any other word is searched for in the owner's username, name and email and in the token's description. Text
   * in quotes may contain spaces and is never treated as a filter. The `search` field of the connection states how
   * each word was interpreted.
   */
  query?: string | null | undefined;
  /** Scopes that the token must all have. */
  scopes?: Array<string> | null | undefined;
  /** The statuses of the token. The default is `ACTIVE`. */
  status?: Array<TokenStatus> | null | undefined;
  /** The complete value of a token. The service looks up its fingerprint and never records the value. */
  token?: string | null | undefined;
  /** Return only tokens that have not been used since this time, including tokens that were never used. */
  unusedSince?: string | null | undefined;
};

/** The statuses of a grant. */
export type TokenGrantStatus =
  /** The token has access to the organization. */
  | 'ACTIVE'
  /** The token has expired or was revoked. */
  | 'ENDED'
  /** The organization was removed from the token. */
  | 'REMOVED'
  | '%future added value';

/** The order of a list of tokens. */
export type TokenOrder = {
  /** The direction of the order. */
  direction: OrderDirection;
  /** The field to order tokens by. */
  field: TokenOrderField;
};

/** The fields that tokens can be ordered by. Ties are broken by creation time, in the same direction. */
export type TokenOrderField =
  /** Order tokens by creation time. */
  | 'CREATED_AT'
  /** Order tokens by expiry. A token that never expires counts as the latest. */
  | 'EXPIRES_AT'
  /** Order tokens by last use. A token that was never used counts as the oldest. */
  | 'LAST_USED_AT'
  /** Order tokens by the username of the owner. */
  | 'OWNER'
  | '%future added value';

/** The statuses of a token. */
export type TokenStatus =
  /** The token can be used. */
  | 'ACTIVE'
  /** The token has expired. */
  | 'EXPIRED'
  /** The token was revoked. */
  | 'REVOKED'
  | '%future added value';

/** The input of `updateOrganization`. A field that is omitted or null remains unchanged. */
export type UpdateOrganizationInput = {
  /** The new display name: 1 to 100 characters. */
  name?: string | null | undefined;
  /** The ID of the organization to update. */
  organizationId: string;
};

/** The input of `updateOrganizationMember`. */
export type UpdateOrganizationMemberInput = {
  /** The ID of the organization. */
  organizationId: string;
  /** The new role. */
  role: OrganizationRole;
  /** The ID of the member to update. */
  userId: string;
};

/** The input of `updateProfile`. A field that is omitted or null remains unchanged. */
export type UpdateProfileInput = {
  /** The new display name: 1 to 100 characters. */
  name?: string | null | undefined;
};

/** The input of `updateToken`. A field that is omitted or null remains unchanged. */
export type UpdateTokenInput = {
  /** The new description: 1 to 255 characters. */
  description?: string | null | undefined;
  /** The new expiry. It can only be moved earlier. */
  expiresAt?: string | null | undefined;
  /** The names of the scopes that the token has after the update. */
  scopes?: Array<string> | null | undefined;
  /** The ID of the token to update. */
  tokenId: string;
};

export type EventLineFragment = { id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, notificationId: string | null, actor: { id: string, username: string, name: string } | null, user: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> };

export type MyOrganizationsQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type MyOrganizationsQuery = { viewer: { id: string, organizations: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, edges: Array<{ role: OrganizationRole, node: { id: string, slug: string, name: string } }> } | null } };

export type CatalogueQueryVariables = Exact<{ [key: string]: never; }>;


export type CatalogueQuery = { scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }> };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { tokenPrefix: string, session: { id: string, freshUntil: string } | null, viewer: { id: string, username: string, name: string, email: string | null, hasPassword: boolean | null, organizations: { edges: Array<{ role: OrganizationRole, node: { id: string, slug: string, name: string } }> } | null } };

export type FirstLookQueryVariables = Exact<{ [key: string]: never; }>;


export type FirstLookQuery = { viewer: { username: string, name: string, organizations: { nodes: Array<{ slug: string, name: string }> } | null, tokens: { totalCount: number, nodes: Array<{ description: string, hint: string, expiresAt: string | null, scopes: Array<{ name: string }> }> } | null } };

export type AuditQueryVariables = Exact<{
  slug: string;
  filter?: TokenFilter | null | undefined;
  orderBy?: TokenOrder | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type AuditQuery = { organization: { id: string, name: string, viewerIsAdmin: boolean, tokenGrants: { totalCount: number, search: Array<{ text: string, kind: SearchWordKind }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, tokenId: string, ownerIsAdmin: boolean, lastUsedAt: string | null, lastRequest: { ipAddress: string | null } | null, token: { description: string, hint: string, createdAt: string, expiresAt: string | null, status: TokenStatus, owner: { id: string, name: string, username: string }, scopes: Array<{ name: string, title: string, access: ScopeAccess }> } | null }> } | null } | null };

export type AuditedTokenQueryVariables = Exact<{
  slug: string;
  tokenId: string;
}>;


export type AuditedTokenQuery = { organization: { id: string, name: string, tokenGrant: { id: string, grantedAt: string, ownerIsAdmin: boolean, lastUsedAt: string | null, lastRequest: { at: string, ipAddress: string | null, userAgent: string | null, method: string | null, path: string | null, scope: string | null, allowed: boolean } | null, token: { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, owner: { id: string, username: string, name: string, email: string | null }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }> } | null } | null, auditEvents: { totalCount: number, nodes: Array<{ id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, notificationId: string | null, user: { email: string | null, id: string, username: string, name: string } | null, actor: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> }> } | null } | null };

export type AuditedGrantFragment = { id: string, grantedAt: string, ownerIsAdmin: boolean, lastUsedAt: string | null, lastRequest: { at: string, ipAddress: string | null, userAgent: string | null, method: string | null, path: string | null, scope: string | null, allowed: boolean } | null, token: { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, owner: { id: string, username: string, name: string, email: string | null }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }> } | null };

export type AuditedTokenDetailsFragment = { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, owner: { id: string, username: string, name: string, email: string | null }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }> };

export type RemoveOrganizationMutationVariables = Exact<{
  input: RemoveOrganizationFromTokenInput;
}>;


export type RemoveOrganizationMutation = { removeOrganizationFromToken: { grant: { id: string, removedAt: string | null, removalReason: string | null, removedBy: { id: string, username: string, name: string } | null } } | null };

export type LogQueryVariables = Exact<{
  slug: string;
  filter?: AuditEventFilter | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type LogQuery = { organization: { id: string, name: string, auditEvents: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, notificationId: string | null, actor: { id: string, username: string, name: string } | null, user: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> }> } | null } | null };

export type LogNamesQueryVariables = Exact<{
  ids: Array<string> | string;
}>;


export type LogNamesQuery = { nodes: Array<
    | { __typename: 'AuditEvent', id: string }
    | { __typename: 'Organization', id: string }
    | { __typename: 'Session', id: string }
    | { __typename: 'Token', description: string, hint: string, id: string }
    | { __typename: 'TokenGrant', id: string }
    | { __typename: 'User', name: string, username: string, id: string }
   | null> };

export type LogMembersQueryVariables = Exact<{
  slug: string;
  search: string;
}>;


export type LogMembersQuery = { organization: { id: string, members: { nodes: Array<{ id: string, name: string, username: string }> } } | null };

export type LogTokensQueryVariables = Exact<{
  slug: string;
  filter?: TokenFilter | null | undefined;
}>;


export type LogTokensQuery = { organization: { id: string, tokenGrants: { nodes: Array<{ id: string, tokenId: string, token: { description: string, hint: string, owner: { name: string } } | null }> } | null } | null };

export type MembersQueryVariables = Exact<{
  slug: string;
  search?: string | null | undefined;
  role?: OrganizationRole | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type MembersQuery = { organization: { id: string, name: string, viewerIsAdmin: boolean, members: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, edges: Array<{ role: OrganizationRole, joinedAt: string, node: { id: string, username: string, name: string, email: string | null } }> } } | null };

export type TokensOfMemberQueryVariables = Exact<{
  slug: string;
  owner: string;
  after?: string | null | undefined;
}>;


export type TokensOfMemberQuery = { organization: { id: string, tokenGrants: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, token: { owner: { id: string } } | null }> } | null } | null };

export type AddMemberMutationVariables = Exact<{
  input: AddOrganizationMemberInput;
}>;


export type AddMemberMutation = { addOrganizationMember: { member: { id: string, name: string } } | null };

export type UpdateMemberMutationVariables = Exact<{
  input: UpdateOrganizationMemberInput;
}>;


export type UpdateMemberMutation = { updateOrganizationMember: { member: { id: string } } | null };

export type RemoveMemberMutationVariables = Exact<{
  input: RemoveOrganizationMemberInput;
}>;


export type RemoveMemberMutation = { removeOrganizationMember: { removedUserId: string } | null };

export type TokenToCopyQueryVariables = Exact<{
  id: string;
}>;


export type TokenToCopyQuery = { token: { id: string, description: string, owner: { id: string }, scopes: Array<{ name: string }>, grants: { nodes: Array<{ organization: { id: string, slug: string, name: string } }> } | null } | null };

export type CreateTokenMutationVariables = Exact<{
  input: CreateTokenInput;
}>;


export type CreateTokenMutation = { createToken: { value: string, token: { id: string, description: string, expiresAt: string | null, scopes: Array<{ name: string, title: string, access: ScopeAccess }>, organizations: Array<{ id: string, name: string }> } } | null };

export type OrganizationSettingsQueryVariables = Exact<{
  slug: string;
}>;


export type OrganizationSettingsQuery = { organization: { id: string, uuid: string, slug: string, name: string, createdAt: string, viewerIsAdmin: boolean, members: { totalCount: number }, administrators: { totalCount: number }, tokenGrants: { totalCount: number } | null } | null };

export type UpdateOrganizationMutationVariables = Exact<{
  input: UpdateOrganizationInput;
}>;


export type UpdateOrganizationMutation = { updateOrganization: { organization: { id: string, name: string } } | null };

export type SettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type SettingsQuery = { viewer: { id: string, username: string, name: string, email: string | null, createdAt: string, hasPassword: boolean | null, sessions: { totalCount: number, nodes: Array<{ id: string, createdAt: string, lastSeenAt: string, expiresAt: string, ipAddress: string | null, userAgent: string | null, current: boolean }> } | null } };

export type SessionDetailsFragment = { id: string, createdAt: string, lastSeenAt: string, expiresAt: string, ipAddress: string | null, userAgent: string | null, current: boolean };

export type UpdateProfileMutationVariables = Exact<{
  input: UpdateProfileInput;
}>;


export type UpdateProfileMutation = { updateProfile: { user: { id: string, name: string } } | null };

export type ChangePasswordMutationVariables = Exact<{
  input: ChangePasswordInput;
}>;


export type ChangePasswordMutation = { changePassword: { user: { id: string } } | null };

export type EndSessionMutationVariables = Exact<{
  input: EndSessionInput;
}>;


export type EndSessionMutation = { endSession: { endedSessionId: string } | null };

export type EndSessionsMutationVariables = Exact<{
  input: EndSessionsInput;
}>;


export type EndSessionsMutation = { endSessions: { ended: number } | null };

export type OwnTokenQueryVariables = Exact<{
  id: string;
}>;


export type OwnTokenQuery = { viewer: { id: string }, token: { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, lastUsedAt: string | null, recentAddresses: Array<string> | null, lastRequest: { at: string, ipAddress: string | null, userAgent: string | null, method: string | null, path: string | null, scope: string | null, allowed: boolean } | null, owner: { id: string }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }>, unremoved: { nodes: Array<{ id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } }> } | null, removed: { nodes: Array<{ id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } }> } | null } | null };

export type TokenDetailsFragment = { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, lastUsedAt: string | null, recentAddresses: Array<string> | null, lastRequest: { at: string, ipAddress: string | null, userAgent: string | null, method: string | null, path: string | null, scope: string | null, allowed: boolean } | null, owner: { id: string }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }>, unremoved: { nodes: Array<{ id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } }> } | null, removed: { nodes: Array<{ id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } }> } | null };

export type OwnGrantFragment = { id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } };

export type OwnTokenEventsQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
}>;


export type OwnTokenEventsQuery = { token: { id: string, events: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, notificationId: string | null, actor: { id: string, username: string, name: string } | null, user: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> }> } | null } | null };

export type UpdateTokenMutationVariables = Exact<{
  input: UpdateTokenInput;
}>;


export type UpdateTokenMutation = { updateToken: { token: { id: string } } | null };

export type AddOrganizationMutationVariables = Exact<{
  input: AddOrganizationToTokenInput;
}>;


export type AddOrganizationMutation = { addOrganizationToToken: { grant: { id: string } } | null };

export type RemoveOwnOrganizationMutationVariables = Exact<{
  input: RemoveOrganizationFromTokenInput;
}>;


export type RemoveOwnOrganizationMutation = { removeOrganizationFromToken: { grant: { id: string } } | null };

export type RevokeTokenMutationVariables = Exact<{
  input: RevokeTokenInput;
}>;


export type RevokeTokenMutation = { revokeToken: { token: { id: string } } | null };

export type TokensQueryVariables = Exact<{
  filter?: TokenFilter | null | undefined;
  orderBy?: TokenOrder | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}>;


export type TokensQuery = { viewer: { id: string, ended: { totalCount: number } | null, tokens: { totalCount: number, search: Array<{ text: string, kind: SearchWordKind }>, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, lastUsedAt: string | null, organizations: Array<{ id: string, name: string }>, removed: { nodes: Array<{ id: string, removedBy: { id: string } | null, organization: { id: string, name: string } }> } | null, scopes: Array<{ name: string, title: string, access: ScopeAccess }> }> } | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const EventLineFragmentDoc = new TypedDocumentString(`
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}
    `, {"fragmentName":"EventLine"}) as unknown as TypedDocumentString<EventLineFragment, unknown>;
export const AuditedTokenDetailsFragmentDoc = new TypedDocumentString(`
    fragment AuditedTokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  owner {
    id
    username
    name
    email
  }
  scopes {
    name
    title
    description
    access
    retired
  }
}
    `, {"fragmentName":"AuditedTokenDetails"}) as unknown as TypedDocumentString<AuditedTokenDetailsFragment, unknown>;
export const AuditedGrantFragmentDoc = new TypedDocumentString(`
    fragment AuditedGrant on TokenGrant {
  id
  grantedAt
  ownerIsAdmin
  lastUsedAt
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  token {
    ...AuditedTokenDetails
  }
}
    fragment AuditedTokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  owner {
    id
    username
    name
    email
  }
  scopes {
    name
    title
    description
    access
    retired
  }
}`, {"fragmentName":"AuditedGrant"}) as unknown as TypedDocumentString<AuditedGrantFragment, unknown>;
export const SessionDetailsFragmentDoc = new TypedDocumentString(`
    fragment SessionDetails on Session {
  id
  createdAt
  lastSeenAt
  expiresAt
  ipAddress
  userAgent
  current
}
    `, {"fragmentName":"SessionDetails"}) as unknown as TypedDocumentString<SessionDetailsFragment, unknown>;
export const OwnGrantFragmentDoc = new TypedDocumentString(`
    fragment OwnGrant on TokenGrant {
  id
  status
  grantedAt
  removedAt
  removalReason
  lastUsedAt
  removedBy {
    id
    name
    username
  }
  organization {
    id
    slug
    name
  }
}
    `, {"fragmentName":"OwnGrant"}) as unknown as TypedDocumentString<OwnGrantFragment, unknown>;
export const TokenDetailsFragmentDoc = new TypedDocumentString(`
    fragment TokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  lastUsedAt
  recentAddresses
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  owner {
    id
  }
  scopes {
    name
    title
    description
    access
    retired
  }
  unremoved: grants(first: 100, status: [ACTIVE, ENDED]) {
    nodes {
      ...OwnGrant
    }
  }
  removed: grants(first: 100, status: [REMOVED]) {
    nodes {
      ...OwnGrant
    }
  }
}
    fragment OwnGrant on TokenGrant {
  id
  status
  grantedAt
  removedAt
  removalReason
  lastUsedAt
  removedBy {
    id
    name
    username
  }
  organization {
    id
    slug
    name
  }
}`, {"fragmentName":"TokenDetails"}) as unknown as TypedDocumentString<TokenDetailsFragment, unknown>;
export const MyOrganizationsDocument = new TypedDocumentString(`
    query MyOrganizations($after: String) {
  viewer {
    id
    organizations(first: 100, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        role
        node {
          id
          slug
          name
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MyOrganizationsQuery, MyOrganizationsQueryVariables>;
export const CatalogueDocument = new TypedDocumentString(`
    query Catalogue {
  scopes {
    name
    title
    description
    access
    retired
  }
}
    `) as unknown as TypedDocumentString<CatalogueQuery, CatalogueQueryVariables>;
export const ViewerDocument = new TypedDocumentString(`
    query Viewer {
  tokenPrefix
  session {
    id
    freshUntil
  }
  viewer {
    id
    username
    name
    email
    hasPassword
    organizations(first: 100) {
      edges {
        role
        node {
          id
          slug
          name
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const FirstLookDocument = new TypedDocumentString(`
    query FirstLook {
  viewer {
    username
    name
    organizations {
      nodes {
        slug
        name
      }
    }
    tokens(first: 5) {
      totalCount
      nodes {
        description
        hint
        scopes {
          name
        }
        expiresAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<FirstLookQuery, FirstLookQueryVariables>;
export const AuditDocument = new TypedDocumentString(`
    query Audit($slug: String!, $filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {
  organization(slug: $slug) {
    id
    name
    viewerIsAdmin
    tokenGrants(
      filter: $filter
      orderBy: $orderBy
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      search {
        text
        kind
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        id
        tokenId
        ownerIsAdmin
        lastUsedAt
        lastRequest {
          ipAddress
        }
        token {
          description
          hint
          createdAt
          expiresAt
          status
          owner {
            id
            name
            username
          }
          scopes {
            name
            title
            access
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AuditQuery, AuditQueryVariables>;
export const AuditedTokenDocument = new TypedDocumentString(`
    query AuditedToken($slug: String!, $tokenId: ID!) {
  organization(slug: $slug) {
    id
    name
    tokenGrant(tokenId: $tokenId) {
      ...AuditedGrant
    }
    auditEvents(first: 25, filter: {tokenId: $tokenId}) {
      totalCount
      nodes {
        ...EventLine
        user {
          email
        }
      }
    }
  }
}
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}
fragment AuditedGrant on TokenGrant {
  id
  grantedAt
  ownerIsAdmin
  lastUsedAt
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  token {
    ...AuditedTokenDetails
  }
}
fragment AuditedTokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  owner {
    id
    username
    name
    email
  }
  scopes {
    name
    title
    description
    access
    retired
  }
}`) as unknown as TypedDocumentString<AuditedTokenQuery, AuditedTokenQueryVariables>;
export const RemoveOrganizationDocument = new TypedDocumentString(`
    mutation RemoveOrganization($input: RemoveOrganizationFromTokenInput!) {
  removeOrganizationFromToken(input: $input) {
    grant {
      id
      removedAt
      removalReason
      removedBy {
        id
        username
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RemoveOrganizationMutation, RemoveOrganizationMutationVariables>;
export const LogDocument = new TypedDocumentString(`
    query Log($slug: String!, $filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  organization(slug: $slug) {
    id
    name
    auditEvents(
      filter: $filter
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        ...EventLine
      }
    }
  }
}
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}`) as unknown as TypedDocumentString<LogQuery, LogQueryVariables>;
export const LogNamesDocument = new TypedDocumentString(`
    query LogNames($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    id
    ... on User {
      name
      username
    }
    ... on Token {
      description
      hint
    }
  }
}
    `) as unknown as TypedDocumentString<LogNamesQuery, LogNamesQueryVariables>;
export const LogMembersDocument = new TypedDocumentString(`
    query LogMembers($slug: String!, $search: String!) {
  organization(slug: $slug) {
    id
    members(first: 8, search: $search) {
      nodes {
        id
        name
        username
      }
    }
  }
}
    `) as unknown as TypedDocumentString<LogMembersQuery, LogMembersQueryVariables>;
export const LogTokensDocument = new TypedDocumentString(`
    query LogTokens($slug: String!, $filter: TokenFilter) {
  organization(slug: $slug) {
    id
    tokenGrants(first: 8, filter: $filter) {
      nodes {
        id
        tokenId
        token {
          description
          hint
          owner {
            name
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<LogTokensQuery, LogTokensQueryVariables>;
export const MembersDocument = new TypedDocumentString(`
    query Members($slug: String!, $search: String, $role: OrganizationRole, $first: Int, $after: String, $last: Int, $before: String) {
  organization(slug: $slug) {
    id
    name
    viewerIsAdmin
    members(
      search: $search
      role: $role
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      edges {
        role
        joinedAt
        node {
          id
          username
          name
          email
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MembersQuery, MembersQueryVariables>;
export const TokensOfMemberDocument = new TypedDocumentString(`
    query TokensOfMember($slug: String!, $owner: String!, $after: String) {
  organization(slug: $slug) {
    id
    tokenGrants(filter: {owner: $owner}, first: 100, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        token {
          owner {
            id
          }
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<TokensOfMemberQuery, TokensOfMemberQueryVariables>;
export const AddMemberDocument = new TypedDocumentString(`
    mutation AddMember($input: AddOrganizationMemberInput!) {
  addOrganizationMember(input: $input) {
    member {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<AddMemberMutation, AddMemberMutationVariables>;
export const UpdateMemberDocument = new TypedDocumentString(`
    mutation UpdateMember($input: UpdateOrganizationMemberInput!) {
  updateOrganizationMember(input: $input) {
    member {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateMemberMutation, UpdateMemberMutationVariables>;
export const RemoveMemberDocument = new TypedDocumentString(`
    mutation RemoveMember($input: RemoveOrganizationMemberInput!) {
  removeOrganizationMember(input: $input) {
    removedUserId
  }
}
    `) as unknown as TypedDocumentString<RemoveMemberMutation, RemoveMemberMutationVariables>;
export const TokenToCopyDocument = new TypedDocumentString(`
    query TokenToCopy($id: ID!) {
  token(id: $id) {
    id
    description
    owner {
      id
    }
    scopes {
      name
    }
    grants(first: 100, status: [ACTIVE, ENDED]) {
      nodes {
        organization {
          id
          slug
          name
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<TokenToCopyQuery, TokenToCopyQueryVariables>;
export const CreateTokenDocument = new TypedDocumentString(`
    mutation CreateToken($input: CreateTokenInput!) {
  createToken(input: $input) {
    value
    token {
      id
      description
      expiresAt
      scopes {
        name
        title
        access
      }
      organizations {
        id
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CreateTokenMutation, CreateTokenMutationVariables>;
export const OrganizationSettingsDocument = new TypedDocumentString(`
    query OrganizationSettings($slug: String!) {
  organization(slug: $slug) {
    id
    uuid
    slug
    name
    createdAt
    viewerIsAdmin
    members(first: 1) {
      totalCount
    }
    administrators: members(first: 1, role: ADMIN) {
      totalCount
    }
    tokenGrants(first: 1) {
      totalCount
    }
  }
}
    `) as unknown as TypedDocumentString<OrganizationSettingsQuery, OrganizationSettingsQueryVariables>;
export const UpdateOrganizationDocument = new TypedDocumentString(`
    mutation UpdateOrganization($input: UpdateOrganizationInput!) {
  updateOrganization(input: $input) {
    organization {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateOrganizationMutation, UpdateOrganizationMutationVariables>;
export const SettingsDocument = new TypedDocumentString(`
    query Settings {
  viewer {
    id
    username
    name
    email
    createdAt
    hasPassword
    sessions(first: 100) {
      totalCount
      nodes {
        ...SessionDetails
      }
    }
  }
}
    fragment SessionDetails on Session {
  id
  createdAt
  lastSeenAt
  expiresAt
  ipAddress
  userAgent
  current
}`) as unknown as TypedDocumentString<SettingsQuery, SettingsQueryVariables>;
export const UpdateProfileDocument = new TypedDocumentString(`
    mutation UpdateProfile($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    user {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateProfileMutation, UpdateProfileMutationVariables>;
export const ChangePasswordDocument = new TypedDocumentString(`
    mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) {
    user {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<ChangePasswordMutation, ChangePasswordMutationVariables>;
export const EndSessionDocument = new TypedDocumentString(`
    mutation EndSession($input: EndSessionInput!) {
  endSession(input: $input) {
    endedSessionId
  }
}
    `) as unknown as TypedDocumentString<EndSessionMutation, EndSessionMutationVariables>;
export const EndSessionsDocument = new TypedDocumentString(`
    mutation EndSessions($input: EndSessionsInput!) {
  endSessions(input: $input) {
    ended
  }
}
    `) as unknown as TypedDocumentString<EndSessionsMutation, EndSessionsMutationVariables>;
export const OwnTokenDocument = new TypedDocumentString(`
    query OwnToken($id: ID!) {
  viewer {
    id
  }
  token(id: $id) {
    ...TokenDetails
  }
}
    fragment TokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  lastUsedAt
  recentAddresses
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  owner {
    id
  }
  scopes {
    name
    title
    description
    access
    retired
  }
  unremoved: grants(first: 100, status: [ACTIVE, ENDED]) {
    nodes {
      ...OwnGrant
    }
  }
  removed: grants(first: 100, status: [REMOVED]) {
    nodes {
      ...OwnGrant
    }
  }
}
fragment OwnGrant on TokenGrant {
  id
  status
  grantedAt
  removedAt
  removalReason
  lastUsedAt
  removedBy {
    id
    name
    username
  }
  organization {
    id
    slug
    name
  }
}`) as unknown as TypedDocumentString<OwnTokenQuery, OwnTokenQueryVariables>;
export const OwnTokenEventsDocument = new TypedDocumentString(`
    query OwnTokenEvents($id: ID!, $after: String) {
  token(id: $id) {
    id
    events(first: 20, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...EventLine
      }
    }
  }
}
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}`) as unknown as TypedDocumentString<OwnTokenEventsQuery, OwnTokenEventsQueryVariables>;
export const UpdateTokenDocument = new TypedDocumentString(`
    mutation UpdateToken($input: UpdateTokenInput!) {
  updateToken(input: $input) {
    token {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateTokenMutation, UpdateTokenMutationVariables>;
export const AddOrganizationDocument = new TypedDocumentString(`
    mutation AddOrganization($input: AddOrganizationToTokenInput!) {
  addOrganizationToToken(input: $input) {
    grant {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<AddOrganizationMutation, AddOrganizationMutationVariables>;
export const RemoveOwnOrganizationDocument = new TypedDocumentString(`
    mutation RemoveOwnOrganization($input: RemoveOrganizationFromTokenInput!) {
  removeOrganizationFromToken(input: $input) {
    grant {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<RemoveOwnOrganizationMutation, RemoveOwnOrganizationMutationVariables>;
export const RevokeTokenDocument = new TypedDocumentString(`
    mutation RevokeToken($input: RevokeTokenInput!) {
  revokeToken(input: $input) {
    token {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeTokenMutation, RevokeTokenMutationVariables>;
export const TokensDocument = new TypedDocumentString(`
    query Tokens($filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {
  viewer {
    id
    ended: tokens(first: 1, filter: {status: [EXPIRED, REVOKED]}) {
      totalCount
    }
    tokens(
      filter: $filter
      orderBy: $orderBy
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      search {
        text
        kind
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        id
        description
        hint
        status
        createdAt
        expiresAt
        lastUsedAt
        organizations {
          id
          name
        }
        removed: grants(first: 5, status: [REMOVED]) {
          nodes {
            id
            removedBy {
              id
            }
            organization {
              id
              name
            }
          }
        }
        scopes {
          name
          title
          access
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<TokensQuery, TokensQueryVariables>;