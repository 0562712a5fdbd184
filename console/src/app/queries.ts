// The query client and shared queries. Query keys begin with a noun, and a change invalidates its noun.
import { QueryClient, queryOptions } from '@tanstack/react-query';
import { CatalogueDocument, MyOrganizationsDocument, type MyOrganizationsQuery, ViewerDocument } from '../gql/graphql';
import { isUserActive } from './activity';
import { ask, isServiceError } from './api';

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && isServiceError(error, 'NETWORK'),
      refetchOnWindowFocus: true,
      refetchOnReconnect: isUserActive,
    },
    mutations: { retry: false },
  },
});

/** The viewer, their organizations, and settings of the service. */
export const viewer = queryOptions({
  queryKey: ['viewer'],
  queryFn: ({ signal }) => ask(ViewerDocument, {}, signal),
  staleTime: 60_000,
});

/** All organizations of the viewer. */
export const myOrganizations = queryOptions({
  queryKey: ['organizations', 'mine'],
  queryFn: async ({ signal }) => {
    const all: NonNullable<MyOrganizationsQuery['viewer']['organizations']>['edges'] = [];
    let after: string | null | undefined;
    do {
      const { viewer } = await ask(MyOrganizationsDocument, { after }, signal);
      all.push(...(viewer.organizations?.edges ?? []));
      after = viewer.organizations?.pageInfo.hasNextPage ? viewer.organizations.pageInfo.endCursor : undefined;
    } while (after);
    return all;
  },
});

/** The scope catalogue. */
export const catalogue = queryOptions({
  queryKey: ['scopes'],
  queryFn: ({ signal }) => ask(CatalogueDocument, {}, signal).then(({ scopes }) => scopes),
  staleTime: 600_000,
});
