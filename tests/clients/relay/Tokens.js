// An owner's page: the owner's tokens backward and forward, each refetched separately, and the creation of one.
import { graphql } from 'react-relay';

export const page = graphql`
  query TokensQuery($count: Int!) {
    viewer {
      ...Tokens_list @arguments(last: $count)
    }
  }
`;

export const list = graphql`
  fragment Tokens_list on User
  @refetchable(queryName: "TokensListQuery")
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  ) {
    tokens(first: $first, after: $after, last: $last, before: $before) @connection(key: "Tokens_tokens", filters: []) {
      edges {
        node {
          ...Tokens_token
        }
      }
    }
  }
`;

export const token = graphql`
  fragment Tokens_token on Token @refetchable(queryName: "TokensTokenQuery") {
    description
    status
    organizations {
      slug
    }
  }
`;

export const create = graphql`
  mutation TokensCreateMutation($input: CreateTokenInput!, $connections: [ID!]!) {
    createToken(input: $input) {
      value
      token @prependNode(connections: $connections, edgeTypeName: "TokenEdge") {
        ...Tokens_token
      }
    }
  }
`;
