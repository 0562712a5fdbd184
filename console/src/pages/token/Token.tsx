// A token of the viewer: its organizations, scopes, usage and events, and how to edit or revoke it.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { Copy as CopyIcon, Pencil } from 'lucide-react';
import { useRef, useState } from 'react';
import { polling } from '../../app/activity';
import { ask } from '../../app/api';
import { EventSkeleton, Events } from '../../app/events';
import { LoadError } from '../../app/LoadError';
import { NotFoundContent } from '../../app/Root';
import { OwnTokenDocument, OwnTokenEventsDocument, type TokenDetailsFragment } from '../../gql/graphql';
import { exact } from '../../lib/time';
import { Ago } from '../../ui/Ago';
import { BackLink, backLinkIcon } from '../../ui/BackLink';
import { Badge } from '../../ui/Badge';
import { Button, buttonClass } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { Fact, Facts, Notice, PageHeader, Panel, Skeleton } from '../../ui/Panel';
import { RequestFacts } from '../../ui/RequestFacts';
import { ScopeList } from '../../ui/ScopeList';
import { EditToken } from './EditToken';
import { Organizations } from './Organizations';
import { RemovalNotice } from './RemovalNotice';
import { RevokeToken } from './RevokeToken';
import styles from './Token.module.css';

const route = getRouteApi('/shell/tokens/$id');

export function Token() {
  const { id } = route.useParams();
  // The state of the page does not carry over to another token.
  return <Page key={id} id={id} />;
}

function Page({ id }: { id: string }) {
  const [editing, setEditing] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const { data, error, refetch } = useQuery({
    queryKey: ['tokens', 'one', id],
    queryFn: ({ signal }) => ask(OwnTokenDocument, { id }, signal),
    ...polling,
  });
  const token = data?.token;
  if (data && (!token || token.owner.id !== data.viewer.id)) return <NotFoundContent />;

  const edited = editing && token?.status === 'ACTIVE';

  function endEditing() {
    setEditing(false);
    setTimeout(() => button.current?.focus());
  }

  return (
    <>
      <BackLink>
        <Link to="/tokens">{backLinkIcon} API Access Tokens</Link>
      </BackLink>
      <PageHeader
        title={token?.description ?? 'API Access Token'}
        about={
          // The line is present from the start, so that the layout does not shift.
          <span className={styles.words}>
            {token ? (
              <>
                <code>{token.hint}</code> <StatusBadge token={token} />
              </>
            ) : (
              !error && '…'
            )}
          </span>
        }
        actions={
          token && (
            <>
              <Link to="/tokens/new" search={{ like: token.id }} className={buttonClass({})}>
                <CopyIcon size={16} aria-hidden="true" />
                Duplicate
              </Link>
              {token.status === 'ACTIVE' && !editing && (
                <Button ref={button} icon={<Pencil size={16} aria-hidden="true" />} onClick={() => setEditing(true)}>
                  Edit
                </Button>
              )}
            </>
          )
        }
      />
      {error && !data && <LoadError error={error} onRetry={() => refetch()} />}
      {!error && !data && <Loading />}
      {token && (
        <div className={styles.page}>
          <InactiveNotice token={token} />
          <RemovalNotice token={token} />
          {edited && <EditToken token={token} onClose={endEditing} />}
          <Organizations token={token} />
          {!edited && (
            <Panel title="Scopes" about="What the token can do in every organization it has access to.">
              <ScopeList scopes={token.scopes} />
            </Panel>
          )}
          <div className={styles.pair}>
            <About token={token} />
            <LastRequest token={token} />
          </div>
          <History id={id} you={data.viewer.id} />
          {token.status === 'ACTIVE' && <RevokeToken token={token} />}
        </div>
      )}
    </>
  );
}

function StatusBadge({ token: { status, unremoved } }: { token: TokenDetailsFragment }) {
  if (status === 'ACTIVE' && unremoved?.nodes.length === 0) return <Badge tone="warn">No organization access</Badge>;
  if (status === 'ACTIVE') return <Badge tone="ok">Active</Badge>;
  return <Badge tone="danger">{status === 'EXPIRED' ? 'Expired' : 'Revoked'}</Badge>;
}

function InactiveNotice({ token }: { token: TokenDetailsFragment }) {
  const { status } = token;
  if (status === 'ACTIVE') return null;
  const at = status === 'EXPIRED' ? token.expiresAt : token.revokedAt;
  return (
    <Notice tone="warn" title={status === 'EXPIRED' ? 'This token has expired' : 'This token was revoked'}>
      <p>
        {at ? `It lost all access on ${exact(at)}. ` : 'It has no access. '}
        This is permanent. Duplicate it to create a new token with the same organizations and scopes.
      </p>
    </Notice>
  );
}

function About({ token }: { token: TokenDetailsFragment }) {
  const addresses = token.recentAddresses ?? [];
  return (
    <Panel title="Token">
      <Facts>
        <Fact name="Created">
          <Ago at={token.createdAt} form="exact" />
        </Fact>
        {token.status !== 'REVOKED' && (
          <Fact name={token.status === 'EXPIRED' ? 'Expired' : 'Expires'}>
            <Ago at={token.expiresAt} form="exact" />
          </Fact>
        )}
        {token.revokedAt && (
          <Fact name="Revoked">
            <Ago at={token.revokedAt} form="exact" />
          </Fact>
        )}
        <Fact name="Last used">
          <Ago at={token.lastUsedAt} form="exact" />
        </Fact>
        <Fact name="Recent IP addresses">
          {addresses.length > 0 ? (
            <ul>
              {addresses.map((address) => (
                <li key={address}>
                  <code>{address}</code>
                </li>
              ))}
            </ul>
          ) : (
            <span className="muted">None</span>
          )}
        </Fact>
        <Fact name="UUID">
          <span className={styles.words}>
            <code>{token.uuid}</code>
            <CopyButton text={token.uuid} />
          </span>
        </Fact>
      </Facts>
    </Panel>
  );
}

function LastRequest({ token: { lastRequest } }: { token: TokenDetailsFragment }) {
  return (
    <Panel title="Last Request" about="The most recent request, to any organization.">
      {lastRequest ? <RequestFacts request={lastRequest} /> : <p className="muted">No requests yet.</p>}
    </Panel>
  );
}

function History({ id, you }: { id: string; you: string }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['events', 'token', id],
    queryFn: ({ pageParam, signal }) => ask(OwnTokenEventsDocument, { id, after: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ token }) => (token?.events?.pageInfo.hasNextPage ? token.events.pageInfo.endCursor : undefined),
  });
  const events = data?.pages.flatMap(({ token }) => token?.events?.nodes ?? []);
  const total = data?.pages[0]?.token?.events?.totalCount ?? 0;
  return (
    <Panel
      title="Events"
      about="Changes to this token, newest first. If you were notified by email, the details contain the notification ID."
    >
      {error && !events && <LoadError error={error} onRetry={() => refetch()} />}
      {!error && !events && <EventSkeleton rows={3} />}
      {events && (
        <div className={styles.events}>
          <Events events={events} you={you} here={id} label="Events of this token" />
        </div>
      )}
      {hasNextPage && (
        <div>
          <Button busy={isFetchingNextPage} onClick={() => fetchNextPage()}>
            Show older events
          </Button>{' '}
          <span className="muted small">
            {events?.length} of {total} shown
          </span>
        </div>
      )}
    </Panel>
  );
}

function Loading() {
  return (
    <div className={styles.page}>
      <Panel title="Organizations">
        <Skeleton lines={3} />
      </Panel>
      <Panel title="Scopes">
        <Skeleton lines={4} />
      </Panel>
      <div className={styles.pair}>
        <Panel title="Token">
          <Skeleton lines={7} />
        </Panel>
        <Panel title="Last Request">
          <Skeleton lines={7} />
        </Panel>
      </div>
    </div>
  );
}
