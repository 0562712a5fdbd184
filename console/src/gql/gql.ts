/* eslint-disable */
import * as types from './graphql';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "query Viewer {\n  tokenPrefix\n  session {\n    id\n    freshUntil\n  }\n  viewer {\n    id\n    username\n    name\n    email\n    hasPassword\n    organizations(first: 100) {\n      edges {\n        role\n        node {\n          id\n          slug\n          name\n        }\n      }\n    }\n  }\n}": typeof types.ViewerDocument,
    "query FirstLook {\n  viewer {\n    username\n    name\n    organizations {\n      nodes {\n        slug\n        name\n      }\n    }\n    tokens(first: 5) {\n      totalCount\n      nodes {\n        description\n        hint\n        scopes {\n          name\n        }\n        expiresAt\n      }\n    }\n  }\n}": typeof types.FirstLookDocument,
    "query Audit($slug: String!, $filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {\n  organization(slug: $slug) {\n    id\n    name\n    viewerIsAdmin\n    tokenGrants(\n      filter: $filter\n      orderBy: $orderBy\n      first: $first\n      after: $after\n      last: $last\n      before: $before\n    ) {\n      totalCount\n      search {\n        text\n        kind\n      }\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n        startCursor\n        endCursor\n      }\n      nodes {\n        id\n        tokenId\n        ownerIsAdmin\n        lastUsedAt\n        lastRequest {\n          ipAddress\n        }\n        token {\n          description\n          hint\n          createdAt\n          expiresAt\n          status\n          owner {\n            id\n            name\n            username\n          }\n          scopes {\n            name\n            title\n            access\n          }\n        }\n      }\n    }\n  }\n}": typeof types.AuditDocument,
};
const documents: Documents = {
    "query Viewer {\n  tokenPrefix\n  session {\n    id\n    freshUntil\n  }\n  viewer {\n    id\n    username\n    name\n    email\n    hasPassword\n    organizations(first: 100) {\n      edges {\n        role\n        node {\n          id\n          slug\n          name\n        }\n      }\n    }\n  }\n}": types.ViewerDocument,
    "query FirstLook {\n  viewer {\n    username\n    name\n    organizations {\n      nodes {\n        slug\n        name\n      }\n    }\n    tokens(first: 5) {\n      totalCount\n      nodes {\n        description\n        hint\n        scopes {\n          name\n        }\n        expiresAt\n      }\n    }\n  }\n}": types.FirstLookDocument,
    "query Audit($slug: String!, $filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {\n  organization(slug: $slug) {\n    id\n    name\n    viewerIsAdmin\n    tokenGrants(\n      filter: $filter\n      orderBy: $orderBy\n      first: $first\n      after: $after\n      last: $last\n      before: $before\n    ) {\n      totalCount\n      search {\n        text\n        kind\n      }\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n        startCursor\n        endCursor\n      }\n      nodes {\n        id\n        tokenId\n        ownerIsAdmin\n        lastUsedAt\n        lastRequest {\n          ipAddress\n        }\n        token {\n          description\n          hint\n          createdAt\n          expiresAt\n          status\n          owner {\n            id\n            name\n            username\n          }\n          scopes {\n            name\n            title\n            access\n          }\n        }\n      }\n    }\n  }\n}": types.AuditDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Viewer {\n  tokenPrefix\n  session {\n    id\n    freshUntil\n  }\n  viewer {\n    id\n    username\n    name\n    email\n    hasPassword\n    organizations(first: 100) {\n      edges {\n        role\n        node {\n          id\n          slug\n          name\n        }\n      }\n    }\n  }\n}"): typeof import('./graphql').ViewerDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query FirstLook {\n  viewer {\n    username\n    name\n    organizations {\n      nodes {\n        slug\n        name\n      }\n    }\n    tokens(first: 5) {\n      totalCount\n      nodes {\n        description\n        hint\n        scopes {\n          name\n        }\n        expiresAt\n      }\n    }\n  }\n}"): typeof import('./graphql').FirstLookDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "query Audit($slug: String!, $filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {\n  organization(slug: $slug) {\n    id\n    name\n    viewerIsAdmin\n    tokenGrants(\n      filter: $filter\n      orderBy: $orderBy\n      first: $first\n      after: $after\n      last: $last\n      before: $before\n    ) {\n      totalCount\n      search {\n        text\n        kind\n      }\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n        startCursor\n        endCursor\n      }\n      nodes {\n        id\n        tokenId\n        ownerIsAdmin\n        lastUsedAt\n        lastRequest {\n          ipAddress\n        }\n        token {\n          description\n          hint\n          createdAt\n          expiresAt\n          status\n          owner {\n            id\n            name\n            username\n          }\n          scopes {\n            name\n            title\n            access\n          }\n        }\n      }\n    }\n  }\n}"): typeof import('./graphql').AuditDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
