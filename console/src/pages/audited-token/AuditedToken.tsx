// A token as an organization sees it: its owner, scopes and last use, and how to remove its access.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useLocation, useRouter } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { polling } from '../../app/activity';
import { ask, isServiceError } from '../../app/api';
import { EventSkeleton, Events } from '../../app/events';
import { LoadError } from '../../app/LoadError';
import { AdminsOnly, useOrganization } from '../../app/organization';
import { NotFoundContent } from '../../app/Root';
import {
  type AuditedGrantFragment,
  type AuditedTokenDetailsFragment,
  AuditedTokenDocument,
  type AuditedTokenQuery,
} from '../../gql/graphql';
import { day } from '../../lib/time';
import { Ago } from '../../ui/Ago';
import { BackLink, backLinkIcon } from '../../ui/BackLink';
import { Badge } from '../../ui/Badge';
import { buttonClass } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { focusHeading } from '../../ui/focus';
import { EmptyState, Fact, Facts, Notice, PageHeader, Panel, Skeleton } from '../../ui/Panel';
import { RequestFacts } from '../../ui/RequestFacts';
import { ScopeList } from '../../ui/ScopeList';
import styles from './AuditedToken.module.css';
import { type Removed, RemoveOrganization } from './RemoveOrganization';

const route = getRouteApi('/shell/organizations/$slug/audit/$tokenId');

type Found = NonNullable<AuditedTokenQuery['organization']>;
type Event = NonNullable<Found['auditEvents']>['nodes'][number];

export function AuditedToken() {
  const { slug, tokenId } = route.useParams();
  // The state of the page does not carry over to another token or organization.
  return <Page key={`${slug}/${tokenId}`} slug={slug} tokenId={tokenId} />;
}

function Page({ slug, tokenId }: { slug: string; tokenId: string }) {
  const { name: known, me } = useOrganization(slug);
  const [removed, setRemoved] = useState<Removed>();
  const { data, error, refetch } = useQuery({
    queryKey: ['tokens', 'audited', slug, tokenId],
    queryFn: ({ signal }) => ask(AuditedTokenDocument, { slug, tokenId }, signal),
    ...polling,
  });
  useEffect(() => {
    // The button that had the focus no longer exists.
    if (removed) focusHeading();
  }, [removed]);
  if (isServiceError(error, 'FORBIDDEN')) {
    return (
      <AdminsOnly title="API Access Token" slug={slug}>
        It shows the scopes and last use of one token. To manage your own tokens, go to your tokens.
      </AdminsOnly>
    );
  }
  if (data && !data.organization) return <NotFoundContent />;
  const organization = data?.organization;
  const name = organization?.name ?? known ?? slug;
  const events = organization?.auditEvents;
  const grant = organization?.tokenGrant;
  const token = grant?.token;
  if (error && !organization) {
    return (
      <>
        <BackToAudit slug={slug} />
        <PageHeader title="API Access Token" />
        <LoadError error={error} onRetry={() => refetch()} />
      </>
    );
  }
  return (
    <>
      <BackToAudit slug={slug} />
      {!organization ? (
        <Loading />
      ) : grant && token && !removed ? (
        <>
          <PageHeader
            title={`API Access Token owned by ${token.owner.name}`}
            about={
              <>
                {token.description} <code className={styles.hint}>{token.hint}</code>
              </>
            }
          />
          <div className={styles.page}>
            {token.status !== 'ACTIVE' && (
              <Notice tone="warn" title={token.status === 'EXPIRED' ? 'This token has expired' : 'This token was revoked'}>
                <p>It no longer has access to any organization, including {name}. This is permanent.</p>
              </Notice>
            )}
            <div className={styles.pair}>
              <About grant={grant} token={token} />
              <LastRequest grant={grant} name={name} />
            </div>
            <Panel title="Scopes" about="What the token can do in every organization it has access to.">
              <ScopeList scopes={token.scopes} />
            </Panel>
            <History slug={slug} tokenId={tokenId} events={events} name={name} />
            {token.status === 'ACTIVE' && (
              <RemoveOrganization
                organization={{ id: organization.id, name }}
                grant={grant}
                token={token}
                own={token.owner.id === me?.id}
                onRemoved={setRemoved}
              />
            )}
          </div>
        </>
      ) : (
        <>
          <RemovedToken slug={slug} name={name} removed={removed} events={events?.nodes ?? []} />
          {events && events.totalCount > 0 && <History slug={slug} tokenId={tokenId} events={events} name={name} />}
        </>
      )}
    </>
  );
}

/** Links to the audit as it was left: back in the browser’s history, or by its URL. */
function BackToAudit({ slug, button = false }: { slug: string; button?: boolean }) {
  const router = useRouter();
  const kept = useLocation({ select: ({ state }) => state.audit });
  const link = (
    <Link
      to="/organizations/$slug/audit"
      params={{ slug }}
      search={kept}
      className={button ? buttonClass({ kind: 'primary' }) : undefined}
      onClick={(event) => {
        if (!kept || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        router.history.back();
      }}
    >
      {button ? 'Back to audit' : <>{backLinkIcon} API Access Audit</>}
    </Link>
  );
  return button ? link : <BackLink>{link}</BackLink>;
}

function About({ grant, token }: { grant: AuditedGrantFragment; token: AuditedTokenDetailsFragment }) {
  const { owner } = token;
  return (
    <Panel title="Token">
      <Facts>
        <Fact name="Owner">
          <span className={styles.words}>
            {owner.name}
            {grant.ownerIsAdmin && <Badge>Administrator</Badge>}
          </span>
        </Fact>
        <Fact name="Username">{owner.username}</Fact>
        <Fact name="Email">{owner.email ?? <span className="muted">None</span>}</Fact>
        <Fact name="Description">{token.description}</Fact>
        <Fact name="Hint">
          <code>{token.hint}</code>
        </Fact>
        <Fact name="UUID">
          <span className={styles.words}>
            <code>{token.uuid}</code>
            <CopyButton text={token.uuid} />
          </span>
        </Fact>
        <Fact name="Created">
          <Ago at={token.createdAt} form="exact" />
        </Fact>
        {token.status === 'REVOKED' ? (
          <Fact name="Revoked">
            <Ago at={token.revokedAt} form="exact" />
          </Fact>
        ) : (
          <Fact name={token.status === 'EXPIRED' ? 'Expired' : 'Expires'}>
            <Ago at={token.expiresAt} form="exact" />
          </Fact>
        )}
        <Fact name="Access since">
          <Ago at={grant.grantedAt} form="exact" />
        </Fact>
      </Facts>
    </Panel>
  );
}

function LastRequest({ grant: { lastRequest, lastUsedAt }, name }: { grant: AuditedGrantFragment; name: string }) {
  return (
    <Panel title="Last Request" about={`The most recent request to ${name}. Requests to other organizations are not shown.`}>
      {lastRequest ? <RequestFacts request={lastRequest} /> : <p className="muted">No requests to {name} yet.</p>}
      {lastRequest && !lastRequest.allowed && (
        <p>
          {lastUsedAt ? (
            <>
              The last allowed request was made <Ago at={lastUsedAt} />.
            </>
          ) : (
            'No request has been allowed.'
          )}
        </p>
      )}
    </Panel>
  );
}

interface HistoryProps {
  slug: string;
  tokenId: string;
  events: Found['auditEvents'] | undefined;
  name: string;
}

function History({ slug, tokenId, events, name }: HistoryProps) {
  if (!events) return null;
  const older = events.totalCount - events.nodes.length;
  return (
    <Panel title="Events" about={`Changes to this token in ${name}, newest first.`}>
      {events.nodes.length === 0 ? (
        <p className="muted">No events.</p>
      ) : (
        <div className={styles.events}>
          <Events events={events.nodes} here={tokenId} audit={slug} label="Events of this token" />
        </div>
      )}
      {older > 0 && (
        <p>
          <Link to="/organizations/$slug/log" params={{ slug }} search={{ token: tokenId }}>
            View {older} older {older === 1 ? 'event' : 'events'} in the audit log
          </Link>
        </p>
      )}
    </Panel>
  );
}

interface RemovedTokenProps {
  slug: string;
  name: string;
  /** The last removal on this page. */
  removed: Removed | undefined;
  events: readonly Event[];
}

/** Shown if the token has no access: who removed it, when and why. */
function RemovedToken({ slug, name, removed, events }: RemovedTokenProps) {
  const last = events.find(({ type }) => type === 'TOKEN_ORGANIZATION_REMOVED');
  const owner = removed?.owner ?? last?.user ?? events.find(({ user }) => user)?.user;
  const title = owner ? `API Access Token owned by ${owner.name}` : 'API Access Token';
  if (!removed && !last) {
    return (
      <>
        <PageHeader title={title} />
        <EmptyState title={`This token has no access to ${name}`} action={<BackToAudit slug={slug} button />}>
          {owner
            ? `It had access before. ${owner.name} may have been disabled or deleted.`
            : `No token with this ID has or had access to ${name}. The address may be mistyped.`}
        </EmptyState>
      </>
    );
  }
  const by = removed ? removed.by : last?.actor;
  const at = removed?.at ?? last?.at ?? null;
  const reason = removed ? removed.reason : last?.reason;
  const self = by && owner && by.id === owner.id;
  return (
    <>
      <PageHeader
        title={title}
        about={
          removed && (
            <>
              {removed.description} <code className={styles.hint}>{removed.hint}</code>
            </>
          )
        }
      />
      <div className={styles.gone}>
        <Panel title={`${name} was removed from this token`}>
          <Facts>
            <Fact name="Removed by">
              {by ? (
                <>
                  {by.name} <span className="muted">{by.username}</span>
                </>
              ) : (
                'An operator (command line)'
              )}
            </Fact>
            <Fact name="Removed">
              <Ago at={at} form="exact" />
            </Fact>
            <Fact name="Reason">{reason ?? <span className="muted">None</span>}</Fact>
            <Fact name="Notification">
              {self
                ? `None: ${owner.name} removed ${name}.`
                : owner?.email
                  ? `Notified ${owner.email}${at ? ` on ${day(at)}` : ''}`
                  : owner
                    ? `None: ${owner.name} has no known email address.`
                    : 'The owner was notified by email.'}
            </Fact>
          </Facts>
          <p>
            Requests to {name} with this token are denied. The token keeps access to its other organizations. The owner can
            restore access. That will appear in the audit log.
          </p>
          <div className="row">
            <BackToAudit slug={slug} button />
          </div>
        </Panel>
      </div>
    </>
  );
}

function Loading() {
  return (
    <>
      <PageHeader title="API Access Token" />
      <div className={styles.page}>
        <div className={styles.pair}>
          <Panel title="Token">
            <Skeleton lines={9} />
          </Panel>
          <Panel title="Last Request">
            <Skeleton lines={7} />
          </Panel>
        </div>
        <Panel title="Scopes">
          <Skeleton lines={4} />
        </Panel>
        <Panel title="Events">
          <EventSkeleton rows={3} />
        </Panel>
      </div>
    </>
  );
}
