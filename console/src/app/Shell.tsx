// The layout of pages for signed-in users: navigation, organization switcher and user menu.
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router';
import {
  Building2,
  Check,
  ChevronsUpDown,
  KeyRound,
  LogOut,
  Menu,
  Monitor,
  Moon,
  ScrollText,
  Settings,
  ShieldCheck,
  SquareTerminal,
  Sun,
  UserRound,
  Users,
} from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import mark from '../ui/mark.svg';
import { showToast } from '../ui/toast';
import { call } from './api';
import { errorText, LoadError } from './LoadError';
import { viewer } from './queries';
import styles from './Shell.module.css';
import { choose, type Theme, useTheme } from './theme';

export function Shell({ children = <Outlet /> }: { children?: ReactNode }) {
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    if (menu.current?.matches(':popover-open')) menu.current.hidePopover();
    // Screen readers announce the new page.
    main.current?.querySelector('h1')?.focus({ preventScroll: true });
  }, [pathname]);
  const { error, data, refetch } = useQuery(viewer);
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to content
      </a>
      <header className={styles.bar}>
        <Brand />
        <button type="button" className={styles.burger} popoverTarget="menu" aria-label="Menu">
          <Menu size={20} aria-hidden="true" />
        </button>
      </header>
      <div id="menu" ref={menu} popover="auto" className={styles.sheet}>
        <Navigation />
      </div>
      <aside className={styles.side}>
        <Brand />
        <Navigation />
      </aside>
      <main id="main" ref={main} className={styles.main} tabIndex={-1}>
        {error && !data ? <LoadError error={error} onRetry={() => refetch()} /> : children}
      </main>
    </div>
  );
}

function Brand() {
  return (
    <Link to="/tokens" className={styles.brand}>
      <img src={mark} alt="" width="24" height="24" />
      Tokenward
    </Link>
  );
}

function Navigation() {
  const { data } = useQuery(viewer);
  const { slug } = useParams({ strict: false });
  const organizations = data?.viewer.organizations?.edges ?? [];
  const current =
    organizations.find(({ node }) => node.slug === slug) ??
    organizations.find(({ role }) => role === 'ADMIN') ??
    organizations[0];
  return (
    <nav className={styles.nav} aria-label="Main">
      <Group title="Personal">
        <NavLink to="/tokens" icon={<KeyRound size={16} aria-hidden="true" />}>
          API Access Tokens
        </NavLink>
        <NavLink to="/settings" icon={<UserRound size={16} aria-hidden="true" />}>
          Profile and sessions
        </NavLink>
      </Group>
      {current && (
        <Group title="Organization">
          <Switcher current={current.node} all={organizations} />
          {current.role === 'ADMIN' && (
            <NavLink to={`/organizations/${current.node.slug}/audit`} icon={<ShieldCheck size={16} aria-hidden="true" />}>
              API Access Audit
            </NavLink>
          )}
          <NavLink to={`/organizations/${current.node.slug}/members`} icon={<Users size={16} aria-hidden="true" />}>
            Members
          </NavLink>
          {current.role === 'ADMIN' && (
            <>
              <NavLink to={`/organizations/${current.node.slug}/log`} icon={<ScrollText size={16} aria-hidden="true" />}>
                Audit log
              </NavLink>
              <NavLink to={`/organizations/${current.node.slug}/settings`} icon={<Settings size={16} aria-hidden="true" />}>
                Settings
              </NavLink>
            </>
          )}
        </Group>
      )}
      <div className={styles.foot}>
        <a className={styles.entry} href="/graphiql">
          <SquareTerminal size={16} aria-hidden="true" />
          GraphiQL
        </a>
        <ThemePicker />
        {data && <UserMenu name={data.viewer.name} username={data.viewer.username} signsOut={data.session !== null} />}
      </div>
    </nav>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={styles.group}>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

function NavLink({ to, icon, children }: { to: string; icon: ReactNode; children: ReactNode }) {
  return (
    <Link to={to} className={styles.entry} activeProps={{ 'aria-current': 'page' }} activeOptions={{ includeSearch: false }}>
      {icon}
      {children}
    </Link>
  );
}

interface OrganizationLink {
  slug: string;
  name: string;
}

/** The pages of an organization; switching the organization keeps the page. */
const ORGANIZATION_PAGES = [
  '/organizations/$slug/audit',
  '/organizations/$slug/members',
  '/organizations/$slug/log',
  '/organizations/$slug/settings',
] as const;

function Switcher({ current, all }: { current: OrganizationLink; all: { node: OrganizationLink; role: string }[] }) {
  const { pathname } = useLocation();
  const page =
    ORGANIZATION_PAGES.find((candidate) => pathname.startsWith(candidate.replace('$slug', current.slug))) ??
    ORGANIZATION_PAGES[0];
  if (all.length === 1) {
    return (
      <p className={styles.only}>
        <Building2 size={16} aria-hidden="true" />
        {current.name}
      </p>
    );
  }
  return (
    <details className={styles.switcher} name="organizations">
      <summary>
        <Building2 size={16} aria-hidden="true" />
        <span>
          <span className="hidden">Organization: </span>
          {current.name}
        </span>
        <ChevronsUpDown size={14} aria-hidden="true" />
      </summary>
      <ul>
        {all.map(({ node, role }) => (
          <li key={node.slug}>
            <Link
              to={role === 'ADMIN' ? page : '/organizations/$slug/members'}
              params={{ slug: node.slug }}
              aria-current={node.slug === current.slug ? 'true' : undefined}
              onClick={(event) => event.currentTarget.closest('details')?.removeAttribute('open')}
            >
              <span>{node.name}</span>
              <span className="muted small">{node.slug}</span>
              {node.slug === current.slug && <Check size={16} aria-hidden="true" />}
            </Link>
          </li>
        ))}
      </ul>
    </details>
  );
}

const THEMES: { theme: Theme; name: string; icon: ReactNode }[] = [
  { theme: 'system', name: 'System', icon: <Monitor size={16} aria-hidden="true" /> },
  { theme: 'light', name: 'Light', icon: <Sun size={16} aria-hidden="true" /> },
  { theme: 'dark', name: 'Dark', icon: <Moon size={16} aria-hidden="true" /> },
];

function ThemePicker() {
  const chosen = useTheme();
  return (
    <div className={styles.themes} role="group" aria-label="Theme">
      {THEMES.map(({ theme, name, icon }) => (
        <button
          key={theme}
          type="button"
          aria-pressed={theme === chosen}
          aria-label={name}
          title={name}
          onClick={() => choose(theme)}
        >
          {icon}
        </button>
      ))}
    </div>
  );
}

function UserMenu({ name, username, signsOut }: { name: string; username: string; signsOut: boolean }) {
  const navigate = useNavigate();
  async function signOut() {
    try {
      await call('DELETE', '/session');
      navigate({ to: '/sign-in' }).then(() => window.location.reload());
    } catch (error) {
      showToast(errorText(error), { isError: true });
    }
  }
  return (
    <div className={styles.user}>
      <div>
        <strong>{name}</strong>
        <span className="muted small">{username}</span>
      </div>
      {signsOut && (
        <button type="button" aria-label="Sign out" title="Sign out" onClick={signOut}>
          <LogOut size={16} aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
