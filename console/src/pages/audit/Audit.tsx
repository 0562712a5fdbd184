// API Access Audit: all tokens with access to an organization, with their scopes, age and last use.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { ask, call, isServiceError } from '../../app/api';
import { errorText, LoadError } from '../../app/LoadError';
import { AdminsOnly } from '../../app/organization';
import { pageArguments, rangeText, sortOrderOf } from '../../app/pagination';
import { viewer } from '../../app/queries';
import { NotFoundContent } from '../../app/Root';
import { type Chip, SearchBox } from '../../app/SearchBox';
import { filterOf, listOptions, useTokenSearch } from '../../app/tokenSearch';
import { AuditDocument, type AuditQuery, type TokenFilter } from '../../gql/graphql';
import { isPartialAddress } from '../../lib/ipAddress';
import { Ago } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Dash } from '../../ui/Dash';
import { EmptyState, PageHeader } from '../../ui/Panel';
import { ScopeCounts } from '../../ui/ScopeCounts';
import { Cell, type Column, Pager, Row, rowLink, SkeletonRows, Table } from '../../ui/Table';
import { showToast } from '../../ui/toast';
import styles from './Audit.module.css';

const route = getRouteApi('/shell/organizations/$slug/audit');

const CHIPS: Chip[] = [
  { word: 'admin', name: 'Administrators' },
  { word: 'graphql', name: 'GraphQL' },
  { word: 'used:never', name: 'Never used' },
  { word: 'unused:90d', name: 'Unused for 90 days' },
  { word: 'expires:never', name: 'Never expires' },
  { word: 'expires:30d', name: 'Expires within 30 days' },
];

const EXAMPLES = ['read_artifacts', 'admin graphql', '198.51.100.2'];

const COLUMNS: Column[] = [
  { name: 'Owner' },
  { name: 'Last used', order: 'used' },
  { name: 'Created', order: 'created' },
  { name: 'Scopes' },
  { name: 'Last IP address' },
];

export function Audit() {
  const { slug } = route.useParams();
  // The state of the page does not carry over to another organization.
  return <Page key={slug} slug={slug} />;
}

function Page({ slug }: { slug: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: viewerData } = useQuery(viewer);
  const box = useTokenSearch(search.q ?? '', viewerData?.tokenPrefix, (q) =>
    navigate({ search: { q, order: search.order }, replace: true }),
  );
  const filter = filterOf(search.q ?? '');
  const order = sortOrderOf(search.order);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ['tokens', 'audit', slug, search, filter],
    queryFn: ({ signal }) => ask(AuditDocument, { slug, filter, orderBy: order.by, ...pageArguments(search) }, signal),
    ...listOptions,
  });
  const name =
    data?.organization?.name ?? viewerData?.viewer.organizations?.edges.find(({ node }) => node.slug === slug)?.node.name;
  const grants = data?.organization?.tokenGrants;
  const terms = grants?.search ?? [];
  const expiry = terms.some(({ kind }) => kind === 'EXPIRES');
  const searchError = isServiceError(error, 'INVALID_INPUT') && error.field?.startsWith('filter') ? error : undefined;
  if (isServiceError(error, 'FORBIDDEN')) {
    return (
      <AdminsOnly title="API Access Audit" slug={slug}>
        It lists all tokens with access to the organization, with their scopes and last use. To manage your own tokens, go to your
        tokens.
      </AdminsOnly>
    );
  }
  if (data && !data.organization) return <NotFoundContent />;
  const page = Number(search.page) || 1;
  const move = (to: { after?: string; before?: string; page?: string }) =>
    navigate({ search: { q: search.q, order: search.order, ...to } }).then(() => window.scrollTo({ top: 0 }));
  return (
    <>
      <PageHeader
        title="API Access Audit"
        about={
          <>
            All tokens that have access to {name ?? 'this organization'} now, with their scopes, creation date and last use here.
          </>
        }
        actions={<Export slug={slug} filter={filter} ready={grants !== undefined && !isPlaceholderData} />}
      />
      <SearchBox
        box={box}
        label="Search by owner, description, scope, IP address or token value"
        chips={CHIPS}
        examples={EXAMPLES}
        allOwners
        terms={searchError ? [] : terms}
        error={searchError?.message}
      />
      {error && !searchError && !grants ? (
        <LoadError error={error} onRetry={() => refetch()} />
      ) : searchError ? (
        <EmptyState title="Invalid search" action={<Button onClick={() => box.now('')}>Clear search</Button>} />
      ) : grants?.nodes.length === 0 && !isPlaceholderData ? (
        <EmptyList filtered={Boolean(search.q)} terms={terms} clear={() => box.now('')} name={name} />
      ) : (
        <Table
          caption={`Tokens with access to ${name ?? slug}`}
          columns={COLUMNS}
          order={order.text}
          onOrder={(text) => navigate({ search: { q: search.q, order: text }, replace: true })}
          loading={isPlaceholderData}
        >
          {grants ? (
            grants.nodes.map((grant) => <GrantRow key={grant.id} slug={slug} search={search} grant={grant} expiry={expiry} />)
          ) : (
            <SkeletonRows columns={5} />
          )}
        </Table>
      )}
      {grants && grants.nodes.length > 0 && (
        <Pager
          label={rangeText(page, grants.nodes.length, grants.totalCount)}
          before={grants.pageInfo.hasPreviousPage}
          after={grants.pageInfo.hasNextPage}
          onBefore={() =>
            move({ before: grants.pageInfo.startCursor ?? undefined, page: page > 2 ? String(page - 1) : undefined })
          }
          onAfter={() => move({ after: grants.pageInfo.endCursor ?? undefined, page: String(page + 1) })}
        />
      )}
    </>
  );
}

type Grant = NonNullable<NonNullable<AuditQuery['organization']>['tokenGrants']>['nodes'][number];

interface RowProps {
  slug: string;
  search: ReturnType<typeof route.useSearch>;
  grant: Grant;
  /** Whether the expiry is shown, which is the case if the search is about it. */
  expiry: boolean;
}

function GrantRow({ slug, search, grant, expiry }: RowProps) {
  const { token } = grant;
  if (!token) return null;
  return (
    <Row>
      <Cell>
        <div className={styles.owner}>
          <Link
            to="/organizations/$slug/audit/$tokenId"
            params={{ slug, tokenId: grant.tokenId }}
            state={{ audit: search }}
            className={rowLink}
          >
            {token.owner.name}
            <span className="hidden">: {token.description}</span>
          </Link>
          <span className="muted small">{token.owner.username}</span>
          {grant.ownerIsAdmin && <Badge>Admin</Badge>}
          {token.status !== 'ACTIVE' && <Badge tone="danger">{token.status === 'EXPIRED' ? 'Expired' : 'Revoked'}</Badge>}
        </div>
        <p className={styles.about}>
          <span>{token.description}</span> <code>{token.hint}</code>{' '}
          {expiry && token.status === 'ACTIVE' && (
            <span className={styles.end}>
              {token.expiresAt ? (
                <>
                  expires in <Ago at={token.expiresAt} form="short" />
                </>
              ) : (
                'never expires'
              )}
            </span>
          )}
        </p>
      </Cell>
      <Cell label="Last used">
        <Ago at={grant.lastUsedAt} form="short" />
      </Cell>
      <Cell label="Created">
        <Ago at={token.createdAt} form="short" />
      </Cell>
      <Cell label="Scopes">
        <ScopeCounts scopes={token.scopes} of={token.description} />
      </Cell>
      <Cell label="Last IP address">
        {grant.lastRequest?.ipAddress ? <span className="mono">{grant.lastRequest.ipAddress}</span> : <Dash meaning="Unknown" />}
      </Cell>
    </Row>
  );
}

interface EmptyListProps {
  filtered: boolean;
  terms: readonly { kind: string; text: string }[];
  clear: () => void;
  name: string | undefined;
}

function EmptyList({ filtered, terms, clear, name }: EmptyListProps) {
  if (filtered) {
    return (
      <EmptyState title="No tokens match" action={<Button onClick={clear}>Clear search</Button>}>
        {terms.some(({ kind, text }) => kind === 'TEXT' && isPartialAddress(text))
          ? 'Enter a whole IP address, such as 198.51.100.2. Ranges and partial addresses are not supported.'
          : 'Remove a filter or check the spelling.'}
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No tokens have access to this organization">
      Tokens that members create for {name ?? 'it'} appear here, with their scopes and last use.
    </EmptyState>
  );
}

/** `ready`: whether the list on the page is the one that is exported. */
function Export({ slug, filter, ready }: { slug: string; filter: TokenFilter; ready: boolean }) {
  const [busy, setBusy] = useState(false);
  async function save() {
    setBusy(true);
    try {
      const response = await call('POST', `/organizations/${encodeURIComponent(slug)}/tokens.csv`, { filter });
      const named = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
      const address = URL.createObjectURL(await response.blob());
      const link = document.createElement('a');
      link.href = address;
      link.download = named ?? `${slug}-api-access-tokens.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (error) {
      showToast(errorText(error), { isError: true });
    }
    setBusy(false);
  }
  return (
    <Button icon={<Download size={16} aria-hidden="true" />} busy={busy} disabled={!ready} onClick={save}>
      Export CSV
    </Button>
  );
}
