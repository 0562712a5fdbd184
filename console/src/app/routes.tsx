// The routes of the console and their search parameters.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  type SearchSchemaInput,
} from '@tanstack/react-router';
import { multiple, parseSearch, single, stringifySearch } from '../lib/searchParams';
import { forgetValue } from '../lib/tokenValue';
import { setHooks } from './api';
import { NotFound } from './NotFound';
import { client, viewer } from './queries';
import { ErrorPage, Root } from './Root';
import { Shell } from './Shell';
import { markSessionExpired } from './sessionExpiry';

type Raw = Record<string, unknown> & SearchSchemaInput;

const root = createRootRoute({ component: Root, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: { next?: string } & SearchSchemaInput) => ({ next: localPath(single(search, 'next')) }),
  component: lazyRouteComponent(() => import('../pages/sign-in/SignIn'), 'SignIn'),
});

const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitations/$code',
  validateSearch: (search: { first?: string } & SearchSchemaInput) => ('first' in search ? { first: '' } : {}),
  component: lazyRouteComponent(() => import('../pages/invitation/Invitation'), 'Invitation'),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: () => {
    client.prefetchQuery(viewer);
  },
});

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/tokens', replace: true });
  },
});

const tokens = createRoute({
  getParentRoute: () => shell,
  path: '/tokens',
  validateSearch: (
    search: { q?: string; ended?: string; order?: string; after?: string; before?: string; page?: string } & SearchSchemaInput,
  ) => ({
    q: single(search, 'q'),
    ended: single(search, 'ended') === 'shown' ? ('shown' as const) : undefined,
    order: single(search, 'order'),
    page: single(search, 'page'),
    ...cursors(search),
  }),
  component: lazyRouteComponent(() => import('../pages/tokens/Tokens'), 'Tokens'),
});

const newToken = createRoute({
  getParentRoute: () => shell,
  path: '/tokens/new',
  validateSearch: (
    search: { description?: string; scopes?: string[]; organizations?: string[]; like?: string } & SearchSchemaInput,
  ) => ({
    description: single(search, 'description'),
    scopes: nonEmpty(multiple(search, 'scopes')),
    organizations: nonEmpty(multiple(search, 'organizations')),
    like: single(search, 'like'),
  }),
  component: lazyRouteComponent(() => import('../pages/new-token/NewToken'), 'NewToken'),
});

const token = createRoute({
  getParentRoute: () => shell,
  path: '/tokens/$id',
  component: lazyRouteComponent(() => import('../pages/token/Token'), 'Token'),
});

const settings = createRoute({
  getParentRoute: () => shell,
  path: '/settings',
  component: lazyRouteComponent(() => import('../pages/settings/Settings'), 'Settings'),
});

const organization = createRoute({
  getParentRoute: () => shell,
  path: '/organizations/$slug',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/organizations/$slug/audit', params, replace: true });
  },
});

const audit = createRoute({
  getParentRoute: () => shell,
  path: '/organizations/$slug/audit',
  validateSearch: (
    search: { q?: string; order?: string; after?: string; before?: string; page?: string } & SearchSchemaInput,
  ) => ({
    q: single(search, 'q'),
    order: single(search, 'order'),
    page: single(search, 'page'),
    ...cursors(search),
  }),
  component: lazyRouteComponent(() => import('../pages/audit/Audit'), 'Audit'),
});

const auditedToken = createRoute({
  getParentRoute: () => shell,
  path: '/organizations/$slug/audit/$tokenId',
  component: lazyRouteComponent(() => import('../pages/audited-token/AuditedToken'), 'AuditedToken'),
});

const members = createRoute({
  getParentRoute: () => shell,
  path: '/organizations/$slug/members',
  validateSearch: (
    search: { search?: string; role?: string; page?: string; after?: string; before?: string } & SearchSchemaInput,
  ) => ({
    search: single(search, 'search'),
    role: single(search, 'role'),
    page: single(search, 'page'),
    ...cursors(search),
  }),
  component: lazyRouteComponent(() => import('../pages/members/Members'), 'Members'),
});

const log = createRoute({
  getParentRoute: () => shell,
  path: '/organizations/$slug/log',
  validateSearch: (
    search: {
      type?: string;
      actor?: string;
      user?: string;
      token?: string;
      from?: string;
      to?: string;
      page?: string;
      after?: string;
      before?: string;
    } & SearchSchemaInput,
  ) => ({
    type: single(search, 'type'),
    actor: single(search, 'actor'),
    user: single(search, 'user'),
    token: single(search, 'token'),
    from: single(search, 'from'),
    to: single(search, 'to'),
    page: single(search, 'page'),
    ...cursors(search),
  }),
  component: lazyRouteComponent(() => import('../pages/log/Log'), 'Log'),
});

const organizationSettings = createRoute({
  getParentRoute: () => shell,
  path: '/organizations/$slug/settings',
  component: lazyRouteComponent(() => import('../pages/organization/OrganizationSettings'), 'OrganizationSettings'),
});

/** The cursors of a page in a list. */
function cursors(search: { after?: string; before?: string } & Partial<Raw>) {
  return { after: single(search, 'after'), before: single(search, 'before') };
}

const nonEmpty = (list: string[]) => (list.length > 0 ? list : undefined);

/** A path of this site; other URLs are ignored. */
const localPath = (path: string | undefined) => (path && /^\/(?![/\\])/.test(path) ? path : undefined);

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    invitation,
    shell.addChildren([
      home,
      tokens,
      newToken,
      token,
      settings,
      organization,
      audit,
      auditedToken,
      members,
      log,
      organizationSettings,
    ]),
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultNotFoundComponent: NotFound,
  defaultErrorComponent: ErrorPage,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }

  interface HistoryState {
    /** The search parameters of the audit that linked to a token. */
    audit?: { q?: string; order?: string; page?: string; after?: string; before?: string };
  }
}

setHooks({
  signedOut: () => {
    const { pathname, searchStr } = router.state.location;
    // Users who were not signed in see no message about a session.
    if (client.getQueryData(viewer.queryKey)) markSessionExpired();
    client.clear();
    forgetValue();
    if (pathname === '/sign-in') return;
    router.navigate({ to: '/sign-in', search: { next: pathname + searchStr }, replace: true });
  },
});
