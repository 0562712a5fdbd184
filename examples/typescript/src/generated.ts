/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** The input of `addOrganizationToToken`. */
export type AddOrganizationToTokenInput = {
  /** The ID of the organization to add. */
  organizationId: string;
  /** The ID of the token. */
  tokenId: string;
};

/** The input of `removeOrganizationFromToken`. */
export type RemoveOrganizationFromTokenInput = {
  /** The ID of the organization to remove. */
  organizationId: string;
  /** The reason for the removal, at most 500 characters. It is shown to the owner and recorded in the event log. */
  reason?: string | null | undefined;
  /** The ID of the token. */
  tokenId: string;
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

export type AddMutationVariables = Exact<{
  input: AddOrganizationToTokenInput;
}>;


export type AddMutation = { addOrganizationToToken: { grant: { status: TokenGrantStatus } } | null };

export type AuditQueryVariables = Exact<{
  organization: string;
  query?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type AuditQuery = { organization: { tokenGrants: { nodes: Array<{ lastUsedAt: string | null, token: { id: string, description: string, owner: { username: string }, scopes: Array<{ name: string }> } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null } | null };

export type MineQueryVariables = Exact<{
  query?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type MineQuery = { viewer: { tokens: { nodes: Array<{ lastUsedAt: string | null, id: string, description: string, owner: { username: string }, scopes: Array<{ name: string }> }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null } };

export type OrganizationQueryVariables = Exact<{
  slug: string;
}>;


export type OrganizationQuery = { organization: { id: string } | null };

export type RemoveMutationVariables = Exact<{
  input: RemoveOrganizationFromTokenInput;
}>;


export type RemoveMutation = { removeOrganizationFromToken: { grant: { status: TokenGrantStatus } } | null };

export type RowFragment = { id: string, description: string, owner: { username: string }, scopes: Array<{ name: string }> };

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
export const RowFragmentDoc = new TypedDocumentString(`
    fragment Row on Token {
  id
  description
  owner {
    username
  }
  scopes {
    name
  }
}
    `, {"fragmentName":"Row"}) as unknown as TypedDocumentString<RowFragment, unknown>;
export const AddDocument = new TypedDocumentString(`
    mutation Add($input: AddOrganizationToTokenInput!) {
  addOrganizationToToken(input: $input) {
    grant {
      status
    }
  }
}
    `) as unknown as TypedDocumentString<AddMutation, AddMutationVariables>;
export const AuditDocument = new TypedDocumentString(`
    query Audit($organization: String!, $query: String, $after: String) {
  organization(slug: $organization) {
    tokenGrants(first: 50, after: $after, filter: {query: $query}) {
      nodes {
        lastUsedAt
        token {
          ...Row
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment Row on Token {
  id
  description
  owner {
    username
  }
  scopes {
    name
  }
}`) as unknown as TypedDocumentString<AuditQuery, AuditQueryVariables>;
export const MineDocument = new TypedDocumentString(`
    query Mine($query: String, $after: String) {
  viewer {
    tokens(first: 50, after: $after, filter: {query: $query}) {
      nodes {
        lastUsedAt
        ...Row
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment Row on Token {
  id
  description
  owner {
    username
  }
  scopes {
    name
  }
}`) as unknown as TypedDocumentString<MineQuery, MineQueryVariables>;
export const OrganizationDocument = new TypedDocumentString(`
    query Organization($slug: String!) {
  organization(slug: $slug) {
    id
  }
}
    `) as unknown as TypedDocumentString<OrganizationQuery, OrganizationQueryVariables>;
export const RemoveDocument = new TypedDocumentString(`
    mutation Remove($input: RemoveOrganizationFromTokenInput!) {
  removeOrganizationFromToken(input: $input) {
    grant {
      status
    }
  }
}
    `) as unknown as TypedDocumentString<RemoveMutation, RemoveMutationVariables>;