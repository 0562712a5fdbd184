// What was asked, kept for as long as a page shows it. Keys begin with the page's noun, and a change makes its noun stale.
import { QueryClient, queryOptions } from '@tanstack/react-query';
import { ViewerDocument } from '../gql/graphql';
import { ask, isRefusal } from './api';

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && isRefusal(error, 'NETWORK'),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

/** Who is signed in, their organizations, and what is the same for everybody. */
export const viewer = queryOptions({
  queryKey: ['viewer'],
  queryFn: ({ signal }) => ask(ViewerDocument, {}, signal),
  staleTime: 60_000,
});
