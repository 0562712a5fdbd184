// An administrator's page: the tokens with access to an organization, page by page, and a removal.
import { graphql } from 'react-relay';

export const page = graphql`
  query AuditQuery($slug: String!, $count: Int!, $filter: TokenFilter) {
    organization(slug: $slug) {
      name
      ...Audit_tokens @arguments(count: $count, filter: $filter)
    }
  }
`;

export const tokens = graphql`
  fragment Audit_tokens on Organization
  @refetchable(queryName: "AuditTokensQuery")
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 25 }
    cursor: { type: "String" }
    filter: { type: "TokenFilter" }
  ) {
    tokenGrants(first: $count, after: $cursor, filter: $filter) @connection(key: "Audit_tokenGrants") {
      totalCount
      edges {
        node {
          id
          ...Audit_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment Audit_row on TokenGrant {
    status
    ownerIsAdmin
    lastUsedAt
    lastRequest {
      at
      ipAddress
      allowed
    }
    token {
      description
      hint
      owner {
        username
      }
      scopes {
        name
        access
      }
    }
  }
`;

export const remove = graphql`
  mutation AuditRemoveMutation($input: RemoveOrganizationFromTokenInput!) {
    removeOrganizationFromToken(input: $input) {
      grant {
        id
        status
        removalReason
      }
    }
  }
`;
