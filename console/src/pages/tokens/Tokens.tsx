// API Access Tokens: the tokens of the viewer.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { ask, isServiceError } from '../../app/api';
import { LoadError } from '../../app/LoadError';
import { pageArguments, rangeText, sortOrderOf } from '../../app/pagination';
import { viewer } from '../../app/queries';
import { removalsByOthers } from '../../app/removals';
import { type Chip, SearchBox } from '../../app/SearchBox';
import { filterOf, listOptions, useTokenSearch } from '../../app/tokenSearch';
import { type TokenFilter, TokensDocument, type TokensQuery } from '../../gql/graphql';
import { Ago, useNow } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button, buttonClass } from '../../ui/Button';
import { Dash } from '../../ui/Dash';
import { Checkbox } from '../../ui/Field';
import { NameList } from '../../ui/NameList';
import { EmptyState, PageHeader } from '../../ui/Panel';
import { ScopeCounts } from '../../ui/ScopeCounts';
import { Cell, Pager, Row, rowLink, SkeletonRows, Table } from '../../ui/Table';
import styles from './Tokens.module.css';

const route = getRouteApi('/shell/tokens');

const CHIPS: Chip[] = [
  { word: 'graphql', name: 'GraphQL' },
  { word: 'used:never', name: 'Never used' },
  { word: 'unused:90d', name: 'Unused for 90 days' },
  { word: 'expires:never', name: 'Never expires' },
  { word: 'expires:30d', name: 'Expires within 30 days' },
];

const COLUMNS = [
  { name: 'Token' },
  { name: 'Organizations' },
  { name: 'Scopes' },
  { name: 'Last used', order: 'used' },
  { name: 'Created', order: 'created' },
  { name: 'Expires', order: 'expires' },
];

const ALL: TokenFilter['status'] = ['ACTIVE', 'EXPIRED', 'REVOKED'];

export function Tokens() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: viewerData } = useQuery(viewer);
  const { ended, order: orderParameter } = search;
  const box = useTokenSearch(search.q ?? '', viewerData?.tokenPrefix, (q) =>
    navigate({ search: { q, ended, order: orderParameter }, replace: true }),
  );
  const searched = filterOf(search.q ?? '');
  const filter = { ...searched, status: ended ? ALL : undefined };
  const order = sortOrderOf(orderParameter);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ['tokens', 'own', search, filter],
    queryFn: ({ signal }) => ask(TokensDocument, { filter, orderBy: order.by, ...pageArguments(search) }, signal),
    ...listOptions,
  });
  const tokens = data?.viewer.tokens;
  const inactiveCount = data?.viewer.ended?.totalCount ?? 0;
  const searchError = isServiceError(error, 'INVALID_INPUT') ? error : undefined;
  if (error && !searchError && !tokens) {
    return (
      <>
        <PageHeader title="API Access Tokens" />
        <LoadError error={error} onRetry={() => refetch()} />
      </>
    );
  }

  const page = Number(search.page) || 1;
  const move = (to: { after?: string; before?: string; page?: string }) =>
    navigate({ search: { q: search.q, ended, order: orderParameter, ...to } }).then(() => window.scrollTo({ top: 0 }));
  const setInactiveShown = (shown: boolean) =>
    navigate({ search: { q: search.q, order: orderParameter, ended: shown ? 'shown' : undefined }, replace: true });
  return (
    <>
      <PageHeader
        title="API Access Tokens"
        about="Tokens let scripts and apps use the API as you, limited to the organizations and scopes you choose."
        actions={<NewTokenLink />}
      />
      <SearchBox
        box={box}
        label="Search by description, scope, IP address or token value"
        chips={CHIPS}
        terms={searchError ? [] : (tokens?.search ?? [])}
        error={searchError?.message}
      >
        <Checkbox
          label={
            <span className={styles.ended}>
              Show revoked and expired{inactiveCount > 0 && ` (${inactiveCount.toLocaleString('en')})`}
            </span>
          }
          checked={ended === 'shown'}
          onChange={(event) => setInactiveShown(event.target.checked)}
        />
      </SearchBox>
      {tokens?.nodes.length === 0 && !isPlaceholderData ? (
        <EmptyList
          filtered={Boolean(search.q)}
          clear={() => box.now('')}
          inactiveCount={ended ? 0 : inactiveCount}
          showInactive={() => setInactiveShown(true)}
        />
      ) : (
        <Table
          caption="Your tokens"
          columns={COLUMNS}
          order={order.text}
          onOrder={(text) => navigate({ search: { q: search.q, ended, order: text }, replace: true })}
          loading={isPlaceholderData || Boolean(searchError)}
        >
          {tokens ? (
            tokens.nodes.map((token) => <TokenRow key={token.id} token={token} you={data!.viewer.id} />)
          ) : (
            <SkeletonRows columns={COLUMNS.length} />
          )}
        </Table>
      )}
      {tokens && tokens.nodes.length > 0 && (
        <Pager
          label={rangeText(page, tokens.nodes.length, tokens.totalCount)}
          before={tokens.pageInfo.hasPreviousPage}
          after={tokens.pageInfo.hasNextPage}
          onBefore={() =>
            move({ before: tokens.pageInfo.startCursor ?? undefined, page: page > 2 ? String(page - 1) : undefined })
          }
          onAfter={() => move({ after: tokens.pageInfo.endCursor ?? undefined, page: String(page + 1) })}
        />
      )}
    </>
  );
}

function NewTokenLink() {
  return (
    <Link to="/tokens/new" className={buttonClass({ kind: 'primary' })}>
      <Plus size={16} aria-hidden="true" />
      New token
    </Link>
  );
}

type Token = NonNullable<TokensQuery['viewer']['tokens']>['nodes'][number];

const EXPIRES_SOON = 14 * 86_400_000;

function TokenRow({ token, you }: { token: Token; you: string }) {
  const now = useNow();
  const active = token.status === 'ACTIVE';
  return (
    <Row>
      <Cell>
        <div className={styles.name}>
          <Link to="/tokens/$id" params={{ id: token.id }} className={rowLink}>
            {token.description}
          </Link>
          {token.status === 'EXPIRED' && <Badge tone="danger">Expired</Badge>}
          {token.status === 'REVOKED' && <Badge tone="danger">Revoked</Badge>}
          {active && <RemovalBadge token={token} you={you} />}
          {active && token.expiresAt && Date.parse(token.expiresAt) - now < EXPIRES_SOON && (
            <Badge tone="warn">Expires soon</Badge>
          )}
        </div>
        <p className={styles.hint}>
          <code>{token.hint}</code>
        </p>
      </Cell>
      <Cell label="Organizations">
        {token.organizations.length > 0 ? (
          <NameList names={token.organizations.map(({ name }) => name)} title={`Organizations of ${token.description}`} />
        ) : active ? (
          <span className={styles.wide}>
            <Badge tone="danger">No organization access</Badge>
          </span>
        ) : (
          <Dash meaning="None" />
        )}
      </Cell>
      <Cell label="Scopes">
        <ScopeCounts scopes={token.scopes} of={token.description} />
      </Cell>
      <Cell label="Last used">
        <Ago at={token.lastUsedAt} form="short" />
      </Cell>
      <Cell label="Created">
        <Ago at={token.createdAt} form="short" />
      </Cell>
      <Cell label="Expires">
        <Expires token={token} active={active} />
      </Cell>
    </Row>
  );
}

/** A badge for organizations that others removed. */
function RemovalBadge({ token: { organizations, removed }, you }: { token: Token; you: string }) {
  const current = organizations.map((organization) => ({ organization }));
  const [latest, ...others] = removalsByOthers(removed?.nodes ?? [], current, you);
  if (!latest) return null;
  return (
    <Badge tone="warn">
      {latest.organization.name}
      {others.length > 0 && ` and ${others.length} more`} removed
    </Badge>
  );
}

function Expires({ token, active }: { token: Token; active: boolean }) {
  if (token.status === 'REVOKED') return <Dash meaning="Revoked" />;
  if (!token.expiresAt) return 'Never';
  return (
    <span className={styles.end}>
      {active ? 'in ' : ''}
      <Ago at={token.expiresAt} form="short" />
      {active ? '' : ' ago'}
    </span>
  );
}

interface EmptyListProps {
  filtered: boolean;
  clear: () => void;
  /** The number of revoked and expired tokens that are not shown. */
  inactiveCount: number;
  showInactive: () => void;
}

function EmptyList({ filtered, clear, inactiveCount, showInactive }: EmptyListProps) {
  const also = inactiveCount > 0 && <Button onClick={showInactive}>Show revoked and expired</Button>;
  if (filtered) {
    return (
      <EmptyState
        title="No tokens match"
        action={
          <div className="row">
            <Button onClick={clear}>Clear search</Button>
            {also}
          </div>
        }
      >
        Remove a filter or check the spelling.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title={inactiveCount > 0 ? 'You have no active tokens' : 'You have no tokens yet'}
      action={
        <div className="row">
          <NewTokenLink />
          {also}
        </div>
      }
    >
      A token lets a script or app use the API as you, limited to the organizations and scopes you choose, until it expires or you
      revoke it. Its value is shown once, when you create it.
    </EmptyState>
  );
}
