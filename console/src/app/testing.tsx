// Test helpers: renders pages with their surroundings and mocks the service.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createMemoryHistory, createRootRoute, createRoute, createRouter, Outlet, RouterProvider } from '@tanstack/react-router';
import { cleanup, configure, render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, vi } from 'vitest';
import { multiple, parseSearch, single, stringifySearch } from '../lib/searchParams';
import { Toasts } from '../ui/toast';

/** A request: the operation’s name or the endpoint’s path, and its variables or body. */
export interface RecordedRequest {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the type of its variables
  with: any;
}

type Answer = { status?: number; headers?: Record<string, string>; body?: unknown };

/** Mocks responses to GraphQL operations by name and to endpoints by path; records requests. */
export function service(
  answers: Record<string, unknown | ((given: RecordedRequest['with']) => Answer | Promise<Answer>)>,
): RecordedRequest[] {
  const requests: RecordedRequest[] = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const body = init.body ? JSON.parse(String(init.body)) : undefined;
    const name = path === '/graphql' ? (/(?:query|mutation) (\w+)/.exec(body.query)?.[1] ?? '') : path;
    const given = path === '/graphql' ? body.variables : body;
    requests.push({ name, with: given });
    const answer = answers[name];
    if (answer === undefined) throw new Error(`nothing is answered to ${name}`);
    const {
      status = 200,
      headers,
      body: responseBody,
    } = (typeof answer === 'function' ? await answer(given) : { body: { data: answer } }) as Answer;
    return new Response(status === 204 ? null : JSON.stringify(responseBody ?? {}), { status, headers });
  });
  return requests;
}

/** A failed GraphQL operation. */
export const refused = (message: string, code: string, field?: string): (() => Answer) => {
  return () => ({ body: { data: null, errors: [{ message, extensions: { code, field } }] } });
};

/** Renders a page at a URL that matches its route. */
export async function open(
  Page: (props: { children?: ReactNode }) => ReactNode,
  path: string,
  address: string,
  { outside = false } = {},
) {
  // Not implemented by jsdom.
  HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
    this.open = true;
  };
  vi.stubGlobal('scrollTo', () => {});
  const root = createRootRoute({ component: () => <Outlet /> });
  const shell = createRoute({ getParentRoute: () => root, id: 'shell' });
  const lists = ['scopes', 'organizations'];
  const page = createRoute({
    getParentRoute: () => (outside ? root : shell) as typeof root,
    path,
    component: Page,
    validateSearch: (search: Record<string, unknown>) =>
      Object.fromEntries(
        Object.keys(search).map((name) => [
          name,
          lists.includes(name) ? multiple(search, name) : (single(search, name) ?? (name === 'first' ? '' : undefined)),
        ]),
      ),
  });
  const other = createRoute({ getParentRoute: () => root, path: '$', component: () => <p>Another page</p> });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false }, mutations: { retry: false } } });
  const router = createRouter({
    routeTree: root.addChildren([other, ...(outside ? [page] : [shell.addChildren([page])])]),
    history: createMemoryHistory({ initialEntries: [address] }),
    parseSearch,
    stringifySearch,
  });
  await router.load();
  render(
    <QueryClientProvider client={client}>
      {/* biome-ignore lint/suspicious/noExplicitAny: these are not the registered routes */}
      <RouterProvider router={router as any} />
      <Toasts />
    </QueryClientProvider>,
  );
  return { client, router };
}

// The machine may be busy.
configure({ asyncUtilTimeout: 10_000 });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
