/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Who shall become a member. */
export type AddOrganizationMemberInput = {
  /** Of which organization. */
  organizationId: string;
  /** As what. */
  role: OrganizationRole;
  /** A username or an e-mail address. */
  user: string;
};

/** Which organization a token shall reach. */
export type AddOrganizationToTokenInput = {
  /** Which organization, one that you are a member of. */
  organizationId: string;
  /** Which token. */
  tokenId: string;
};

/** Which lines of the audit log. Everything that is said must hold. */
export type AuditEventFilter = {
  /** By this person. */
  actorId?: string | null | undefined;
  /** When it happened. */
  at?: DateTimeRange | null | undefined;
  /** About this token. */
  tokenId?: string | null | undefined;
  /** Any of these. */
  types?: Array<AuditEventType> | null | undefined;
  /** About this person: the member, or the owner of a token. */
  userId?: string | null | undefined;
};

/** What an actor came through. */
export type AuditEventSource =
  /** The operator at the command line. */
  | 'COMMAND_LINE'
  /** A JWT of the host application or the identity provider. */
  | 'JWT'
  /** A resource server, by `/oauth/revoke`. */
  | 'RESOURCE_SERVER'
  /** A signed-in browser. */
  | 'SESSION'
  /** The service itself. */
  | 'SYSTEM'
  /** A token, or whoever holds its value. */
  | 'TOKEN'
  | '%future added value';

/** The kinds of change. */
export type AuditEventType =
  /** An organization came. */
  | 'ORGANIZATION_CREATED'
  /** It was removed. */
  | 'ORGANIZATION_DELETED'
  /** Somebody joined. */
  | 'ORGANIZATION_MEMBER_ADDED'
  /** They left or were removed. */
  | 'ORGANIZATION_MEMBER_REMOVED'
  /** Their role changed. */
  | 'ORGANIZATION_MEMBER_UPDATED'
  /** Its name changed. */
  | 'ORGANIZATION_UPDATED'
  /** An API may introspect tokens. */
  | 'RESOURCE_SERVER_ADDED'
  /** It may no longer. */
  | 'RESOURCE_SERVER_DISABLED'
  /** A token was made. */
  | 'TOKEN_CREATED'
  /** Its owner added an organization. */
  | 'TOKEN_ORGANIZATION_ADDED'
  /** An organization was removed from it. */
  | 'TOKEN_ORGANIZATION_REMOVED'
  /** It was ended for good. */
  | 'TOKEN_REVOKED'
  /** Its description, scopes or end changed. */
  | 'TOKEN_UPDATED'
  /** A person came. */
  | 'USER_CREATED'
  /** They were removed. */
  | 'USER_DELETED'
  /** They were stopped. */
  | 'USER_DISABLED'
  /** They were let back. */
  | 'USER_ENABLED'
  /** Their name, handle or address changed. */
  | 'USER_UPDATED'
  | '%future added value';

/** With what you sign in from now on. */
export type ChangePasswordInput = {
  /** 15 to 256 characters, and not among the first that would be guessed. */
  newPassword: string;
};

/** What a new token shall be. */
export type CreateTokenInput = {
  /** What it is for: 1 to 255 characters. */
  description: string;
  /** When it ends by itself; left out: never. */
  expiresAt?: string | null | undefined;
  /** The organizations it shall reach: 1 to 100 of those that you are a member of. */
  organizationIds: Array<string>;
  /** What it may do: names of scopes of the catalogue, at least one. */
  scopes: Array<string>;
};

/** Both ends may be left out. From is included, to is not. */
export type DateTimeRange = {
  /** The first moment. */
  from?: string | null | undefined;
  /** The moment after the last. */
  to?: string | null | undefined;
};

/** Which session shall end. */
export type EndSessionInput = {
  /** Which session, one of your own. */
  sessionId: string;
};

/** Which sessions shall end. */
export type EndSessionsInput = {
  /** Whether the session that the request is made in goes on. */
  keepCurrent?: boolean;
};

/** The direction of an order. */
export type OrderDirection =
  /** From the least to the greatest. */
  | 'ASC'
  /** From the greatest to the least. */
  | 'DESC'
  | '%future added value';

/** What a member may do. */
export type OrganizationRole =
  /** Audits tokens, removes the organization from them, manages members. */
  | 'ADMIN'
  /** Makes tokens that reach the organization. */
  | 'MEMBER'
  | '%future added value';

/** Which organization a token shall no longer reach. */
export type RemoveOrganizationFromTokenInput = {
  /** Which organization. */
  organizationId: string;
  /** Told to the owner and kept in the audit log; 500 characters at most. */
  reason?: string | null | undefined;
  /** Which token. */
  tokenId: string;
};

/** Which member shall leave. */
export type RemoveOrganizationMemberInput = {
  /** Which organization. */
  organizationId: string;
  /** Which member. */
  userId: string;
};

/** Which token shall end. */
export type RevokeTokenInput = {
  /** Kept in the audit log; 500 characters at most. */
  reason?: string | null | undefined;
  /** Which token. */
  tokenId: string;
};

/** What a scope gives access to. */
export type ScopeAccess =
  /** Deleting. */
  | 'DELETE'
  /** The GraphQL API, within the organizations that the token reaches. The other scopes cannot limit it. */
  | 'GRAPHQL'
  /** Looking. */
  | 'READ'
  /** Changing. */
  | 'WRITE'
  | '%future added value';

/** What a word of a search may be taken for. */
export type SearchWordKind =
  /** A full IP address: of the most recent request. */
  | 'ADDRESS'
  /** The word "admin": tokens of administrators. */
  | 'ADMINISTRATOR'
  /** `expires:30d`: ends by itself within so long. `expires:never`: has no end. */
  | 'EXPIRES'
  /** `owner:ada`: a part of the owner's username, name or e-mail. */
  | 'OWNER'
  /** The name of a scope: tokens that hold it. */
  | 'SCOPE'
  /** `status:active`, `status:expired` or `status:revoked`; several ask for any of them. */
  | 'STATUS'
  /** Anything else: looked for in what the owner is called and in the description. */
  | 'TEXT'
  /** `unused:90d`: not used for so long, or never. */
  | 'UNUSED'
  /** `used:never`. */
  | 'USED'
  /** A token's value or its hint, or what begins like a value: that token, or none. */
  | 'VALUE'
  | '%future added value';

/** Which tokens. Everything that is said must hold. */
export type TokenFilter = {
  /** When it was made. */
  createdAt?: DateTimeRange | null | undefined;
  /** When it ends by itself. */
  expiresAt?: DateTimeRange | null | undefined;
  /** A full IP address: of the most recent request. */
  ipAddress?: string | null | undefined;
  /** The last allowed request. */
  lastUsedAt?: DateTimeRange | null | undefined;
  /** True: only tokens without an end. False: only tokens with one. */
  neverExpires?: boolean | null | undefined;
  /** True: only tokens never used. False: only tokens used at least once. */
  neverUsed?: boolean | null | undefined;
  /** Part of the owner's username, name or e-mail, in any case. */
  owner?: string | null | undefined;
  /** Whether the owner administers the organization. On User.tokens: any of the token's organizations. */
  ownerIsAdmin?: boolean | null | undefined;
  /**
   * The search box: words, all of which must hold. A scope's name, the word "admin", a full IP address or a token's
   * value is taken as that filter, and so are `unused:90d`, `used:never`, `expires:30d`, `expires:never`,
   * `status:revoked` and `owner:ada`, with spans in days (d), weeks (w) and years (y). Any other word is looked for in
   * the owner's username, name and e-mail and in the token's description. Quotes keep blanks, and what stands in them
   * is text. `search` of the list tells what was understood.
   */
  query?: string | null | undefined;
  /** Tokens that hold all of these scopes. */
  scopes?: Array<string> | null | undefined;
  /** Left out: ACTIVE. */
  status?: Array<TokenStatus> | null | undefined;
  /** A token's whole value. Only its digest is looked up, and nothing records the value. */
  token?: string | null | undefined;
  /** Tokens not used since then; those never used are among them. */
  unusedSince?: string | null | undefined;
};

/** The states of a period of access. */
export type TokenGrantStatus =
  /** The token reaches the organization. */
  | 'ACTIVE'
  /** The token expired or was revoked. */
  | 'ENDED'
  /** Somebody took the organization away from the token. */
  | 'REMOVED'
  | '%future added value';

/** The order of a list of tokens. */
export type TokenOrder = {
  /** In which direction. */
  direction: OrderDirection;
  /** By what. */
  field: TokenOrderField;
};

/** What a list of tokens can be ordered by. Ties are broken by the tokens' age, in the same direction. */
export type TokenOrderField =
  /** The time of creation. */
  | 'CREATED_AT'
  /** Never expires counts as latest. */
  | 'EXPIRES_AT'
  /** Never used counts as oldest. */
  | 'LAST_USED_AT'
  /** The owner's username. */
  | 'OWNER'
  | '%future added value';

/** The states of a token; all but the first are final. */
export type TokenStatus =
  /** It may be used. */
  | 'ACTIVE'
  /** Its time is over. */
  | 'EXPIRED'
  /** Somebody ended it. */
  | 'REVOKED'
  | '%future added value';

/** What is left out or null stays as it is. */
export type UpdateOrganizationInput = {
  /** What people call it: 1 to 100 characters. */
  name?: string | null | undefined;
  /** Which organization. */
  organizationId: string;
};

/** Which member shall have which role. */
export type UpdateOrganizationMemberInput = {
  /** Of which organization. */
  organizationId: string;
  /** As what from now on. */
  role: OrganizationRole;
  /** Which member. */
  userId: string;
};

/** What is left out or null stays as it is. */
export type UpdateProfileInput = {
  /** What people call you: 1 to 100 characters. */
  name?: string | null | undefined;
};

/** What is left out or null stays as it is. */
export type UpdateTokenInput = {
  /** What it is for: 1 to 255 characters. */
  description?: string | null | undefined;
  /** When it ends by itself; it may only come nearer. */
  expiresAt?: string | null | undefined;
  /** All its scopes from now on. */
  scopes?: Array<string> | null | undefined;
  /** Which token. */
  tokenId: string;
};

export type EventLineFragment = { id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, noticeId: string | null, actor: { id: string, username: string, name: string } | null, user: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> };

export type MineQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type MineQuery = { viewer: { id: string, organizations: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, edges: Array<{ role: OrganizationRole, node: { id: string, slug: string, name: string } }> } | null } };

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


export type AuditedTokenQuery = { organization: { id: string, name: string, tokenGrant: { id: string, grantedAt: string, ownerIsAdmin: boolean, lastUsedAt: string | null, lastRequest: { at: string, ipAddress: string | null, userAgent: string | null, method: string | null, path: string | null, scope: string | null, allowed: boolean } | null, token: { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, owner: { id: string, username: string, name: string, email: string | null }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }> } | null } | null, auditEvents: { totalCount: number, nodes: Array<{ id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, noticeId: string | null, user: { email: string | null, id: string, username: string, name: string } | null, actor: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> }> } | null } | null };

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


export type LogQuery = { organization: { id: string, name: string, auditEvents: { totalCount: number, pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor: string | null, endCursor: string | null }, nodes: Array<{ id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, noticeId: string | null, actor: { id: string, username: string, name: string } | null, user: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> }> } | null } | null };

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

export type LogPeopleQueryVariables = Exact<{
  slug: string;
  search: string;
}>;


export type LogPeopleQuery = { organization: { id: string, members: { nodes: Array<{ id: string, name: string, username: string }> } } | null };

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


export type OwnTokenQuery = { viewer: { id: string }, token: { id: string, uuid: string, description: string, hint: string, status: TokenStatus, createdAt: string, expiresAt: string | null, revokedAt: string | null, lastUsedAt: string | null, recentAddresses: Array<string> | null, lastRequest: { at: string, ipAddress: string | null, userAgent: string | null, method: string | null, path: string | null, scope: string | null, allowed: boolean } | null, owner: { id: string }, scopes: Array<{ name: string, title: string, description: string, access: ScopeAccess, retired: boolean }>, standing: { nodes: Array<{ id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } }> } | null, removed: { nodes: Array<{ id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } }> } | null } | null };

export type OwnGrantFragment = { id: string, status: TokenGrantStatus, grantedAt: string, removedAt: string | null, removalReason: string | null, lastUsedAt: string | null, removedBy: { id: string, name: string, username: string } | null, organization: { id: string, slug: string, name: string } };

export type OwnTokenEventsQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
}>;


export type OwnTokenEventsQuery = { token: { id: string, events: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, type: AuditEventType, at: string, via: AuditEventSource, resourceServerName: string | null, actorIpAddress: string | null, actorUserAgent: string | null, tokenId: string | null, scopesAdded: Array<string>, scopesRemoved: Array<string>, reason: string | null, noticeId: string | null, actor: { id: string, username: string, name: string } | null, user: { id: string, username: string, name: string } | null, token: { id: string, description: string, hint: string } | null, organizations: Array<{ id: string, slug: string, name: string }>, changes: Array<{ field: string, before: string | null, after: string | null }> }> } | null } | null };

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
  noticeId
}
    `, {"fragmentName":"EventLine"}) as unknown as TypedDocumentString<EventLineFragment, unknown>;
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
export const MineDocument = new TypedDocumentString(`
    query Mine($after: String) {
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
    `) as unknown as TypedDocumentString<MineQuery, MineQueryVariables>;
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
  noticeId
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
  noticeId
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
export const LogPeopleDocument = new TypedDocumentString(`
    query LogPeople($slug: String!, $search: String!) {
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
    `) as unknown as TypedDocumentString<LogPeopleQuery, LogPeopleQueryVariables>;
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
        id
        createdAt
        lastSeenAt
        expiresAt
        ipAddress
        userAgent
        current
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SettingsQuery, SettingsQueryVariables>;
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
    standing: grants(first: 100, status: [ACTIVE, ENDED]) {
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
  noticeId
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