// API Access Tokens: what somebody made for themselves, which organizations it reaches, and when it was used.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { ask, isRefusal } from '../../app/api';
import { Failure } from '../../app/LoadError';
import { orderOf, rangeOf, windowOf } from '../../app/pagination';
import { viewer } from '../../app/queries';
import { taken } from '../../app/removals';
import { type Chip, SearchBox } from '../../app/SearchBox';
import { filterOf, list, useBox } from '../../app/tokenSearch';
import { type TokenFilter, TokensDocument, type TokensQuery } from '../../gql/graphql';
import { Ago, useNow } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button, buttonClass } from '../../ui/Button';
import { Dash } from '../../ui/Dash';
import { Check } from '../../ui/Field';
import { Names } from '../../ui/NameList';
import { Empty, Head } from '../../ui/Panel';
import { ScopeCounts } from '../../ui/ScopeCounts';
import { Cell, Pager, Row, rowLink, SkeletonRows, Table } from '../../ui/Table';
import styles from './Tokens.module.css';

const route = getRouteApi('/inside/tokens');

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
  const go = route.useNavigate();
  const { data: who } = useQuery(viewer);
  const { ended, order: sorted } = search;
  const box = useBox(search.q ?? '', who?.tokenPrefix, (q) => go({ search: { q, ended, order: sorted }, replace: true }));
  const written = filterOf(search.q ?? '');
  const filter = { ...written, status: ended ? ALL : undefined };
  const order = orderOf(sorted);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ['tokens', 'own', search, filter],
    queryFn: ({ signal }) => ask(TokensDocument, { filter, orderBy: order.by, ...windowOf(search) }, signal),
    ...list,
  });
  const tokens = data?.viewer.tokens;
  const gone = data?.viewer.ended?.totalCount ?? 0;
  const wrong = isRefusal(error, 'INVALID_INPUT') ? error : undefined;
  if (error && !wrong && !tokens) {
    return (
      <>
        <Head title="API Access Tokens" />
        <Failure error={error} again={() => refetch()} />
      </>
    );
  }

  const page = Number(search.page) || 1;
  const move = (to: { after?: string; before?: string; page?: string }) =>
    go({ search: { q: search.q, ended, order: sorted, ...to } }).then(() => window.scrollTo({ top: 0 }));
  const showEnded = (shown: boolean) =>
    go({ search: { q: search.q, order: sorted, ended: shown ? 'shown' : undefined }, replace: true });
  return (
    <>
      <Head
        title="API Access Tokens"
        about="Tokens let scripts and apps use the API as you, limited to the organizations and scopes you choose."
        actions={<Create />}
      />
      <SearchBox
        box={box}
        label="Search by description, scope, IP address or token value"
        chips={CHIPS}
        understood={wrong ? [] : (tokens?.search ?? [])}
        error={wrong?.message}
      >
        <Check
          label={<span className={styles.ended}>Show revoked and expired{gone > 0 && ` (${gone.toLocaleString('en')})`}</span>}
          checked={ended === 'shown'}
          onChange={(event) => showEnded(event.target.checked)}
        />
      </SearchBox>
      {tokens?.nodes.length === 0 && !isPlaceholderData ? (
        <Nothing
          filtered={Boolean(search.q)}
          clear={() => box.now('')}
          gone={ended ? 0 : gone}
          showGone={() => showEnded(true)}
        />
      ) : (
        <Table
          caption="Your tokens"
          columns={COLUMNS}
          order={order.text}
          onOrder={(text) => go({ search: { q: search.q, ended, order: text }, replace: true })}
          waiting={isPlaceholderData || Boolean(wrong)}
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
          said={rangeOf(page, tokens.nodes.length, tokens.totalCount)}
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

function Create() {
  return (
    <Link to="/tokens/new" className={buttonClass({ kind: 'primary' })}>
      <Plus size={16} aria-hidden="true" />
      New token
    </Link>
  );
}

type Token = NonNullable<TokensQuery['viewer']['tokens']>['nodes'][number];

const SOON = 14 * 86_400_000;

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
          {active && <Taken token={token} you={you} />}
          {active && token.expiresAt && Date.parse(token.expiresAt) - now < SOON && <Badge tone="warn">Expires soon</Badge>}
        </div>
        <p className={styles.hint}>
          <code>{token.hint}</code>
        </p>
      </Cell>
      <Cell label="Organizations">
        {token.organizations.length > 0 ? (
          <Names names={token.organizations.map(({ name }) => name)} title={`Organizations of ${token.description}`} />
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

/** Says what others took away. */
function Taken({ token: { organizations, removed }, you }: { token: Token; you: string }) {
  const standing = organizations.map((organization) => ({ organization }));
  const [latest, ...others] = taken(removed?.nodes ?? [], standing, you);
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

interface NothingProps {
  filtered: boolean;
  clear: () => void;
  /** How many there are that are not shown because they ended. */
  gone: number;
  showGone: () => void;
}

function Nothing({ filtered, clear, gone, showGone }: NothingProps) {
  const also = gone > 0 && <Button onClick={showGone}>Show revoked and expired</Button>;
  if (filtered) {
    return (
      <Empty
        title="No tokens match"
        action={
          <div className="row">
            <Button onClick={clear}>Clear search</Button>
            {also}
          </div>
        }
      >
        Remove a filter or check the spelling.
      </Empty>
    );
  }
  return (
    <Empty
      title={gone > 0 ? 'You have no active tokens' : 'You have no tokens yet'}
      action={
        <div className="row">
          <Create />
          {also}
        </div>
      }
    >
      A token lets a script or app use the API as you, limited to the organizations and scopes you choose, until it expires or you
      revoke it. Its value is shown once, when you create it.
    </Empty>
  );
}
