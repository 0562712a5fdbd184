// The audit log of an organization.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { ListFilter } from 'lucide-react';
import { useEffect, useState } from 'react';
import { ask, isServiceError } from '../../app/api';
import { EventSkeleton, Events } from '../../app/events';
import { LoadError } from '../../app/LoadError';
import { AdminsOnly, useOrganization } from '../../app/organization';
import { pageArguments, rangeText } from '../../app/pagination';
import { NotFoundContent } from '../../app/Root';
import { EVENT_GROUPS } from '../../app/sentences';
import { listOptions } from '../../app/tokenSearch';
import { type EventLineFragment, LogDocument, LogNamesDocument } from '../../gql/graphql';
import { isDay, timeZone } from '../../lib/days';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';
import { EmptyState, PageHeader } from '../../ui/Panel';
import { Pager } from '../../ui/Table';
import { type Filters, filterOf, hasFilters, isReversed, parseFilters, type Search, typeParameter } from './filters';
import styles from './Log.module.css';
import { TokenPicker, UserPicker } from './Pickers';

const route = getRouteApi('/shell/organizations/$slug/log');

export function Log() {
  const { slug } = route.useParams();
  // The state of the page does not carry over to another organization.
  return <Page key={slug} slug={slug} />;
}

function Page({ slug }: { slug: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { name: known } = useOrganization(slug);
  const filters = parseFilters(search);
  const reversed = isReversed(filters);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ['events', slug, search],
    queryFn: ({ signal }) => ask(LogDocument, { slug, filter: filterOf(filters), ...pageArguments(search) }, signal),
    enabled: !reversed,
    ...listOptions,
  });
  if (isServiceError(error, 'FORBIDDEN')) {
    return (
      <AdminsOnly title="Audit log" slug={slug}>
        It lists changes to the organization’s tokens, members and settings. Changes to your own tokens are listed on their pages.
      </AdminsOnly>
    );
  }
  if (data && !data.organization) return <NotFoundContent />;
  const name = data?.organization?.name ?? known ?? 'this organization';
  const events = data?.organization?.auditEvents;
  /** Changed filters start at the newest event. */
  const set = (changed: Search) => navigate({ search: filtersOf({ ...search, ...changed }), replace: true });
  const page = Number(search.page) || 1;
  const move = (to: { after?: string; before?: string; page?: string }) =>
    navigate({ search: { ...filtersOf(search), ...to } }).then(() => window.scrollTo({ top: 0 }));
  return (
    <>
      <PageHeader title="Audit log" about={`Changes to the tokens, members and settings of ${name}, newest first.`} />
      <FilterBar slug={slug} filters={filters} reversed={reversed} set={set} events={events?.nodes ?? []} />
      {error && !events ? (
        <LoadError error={error} onRetry={() => refetch()} />
      ) : reversed && !events ? (
        <EmptyState title="The end date is before the start date">Select an end date on or after the start date.</EmptyState>
      ) : events?.nodes.length === 0 && !isPlaceholderData ? (
        <EmptyState
          title={hasFilters(filters) ? 'No events match' : 'No events yet'}
          action={hasFilters(filters) && <Button onClick={() => navigate({ search: {}, replace: true })}>Show all events</Button>}
        >
          {hasFilters(filters)
            ? 'Remove a filter, or select a longer period.'
            : 'Changes to tokens, members and settings appear here.'}
        </EmptyState>
      ) : (
        <div className={styles.list} data-waiting={isPlaceholderData || reversed || undefined} aria-busy={isPlaceholderData}>
          {events ? (
            <Events
              events={events.nodes}
              audit={slug}
              label={`Events of ${name}`}
              renderActions={(event) => <NarrowLinks slug={slug} search={search} event={event} filters={filters} />}
            />
          ) : (
            <EventSkeleton rows={10} />
          )}
        </div>
      )}
      {events && events.nodes.length > 0 && (
        <Pager
          label={rangeText(page, events.nodes.length, events.totalCount, 'event')}
          before={events.pageInfo.hasPreviousPage}
          after={events.pageInfo.hasNextPage}
          onBefore={() =>
            move({ before: events.pageInfo.startCursor ?? undefined, page: page > 2 ? String(page - 1) : undefined })
          }
          onAfter={() => move({ after: events.pageInfo.endCursor ?? undefined, page: String(page + 1) })}
        />
      )}
    </>
  );
}

/** The filters without the page. */
const filtersOf = ({ type, actor, user, token, from, to }: Search): Search => ({ type, actor, user, token, from, to });

interface BarProps {
  slug: string;
  filters: Filters;
  reversed: boolean;
  set: (changed: Search) => void;
  events: readonly EventLineFragment[];
}

function FilterBar({ slug, filters, reversed, set, events }: BarProps) {
  const { prefix } = useOrganization(slug);
  const [open, setOpen] = useState(false);
  const active = Object.values(filters).filter(Boolean).length;
  const ids = [...new Set([filters.actor, filters.user, filters.token])].filter((id) => id !== undefined);
  const { data } = useQuery({
    queryKey: ['members', 'names', ids],
    queryFn: ({ signal }) => ask(LogNamesDocument, { ids }, signal),
    enabled: ids.length > 0,
    staleTime: 60_000,
  });
  /** The name for an ID: looked up, or taken from an event for former members. */
  function nameOf(id: string | undefined): string | undefined {
    if (!id) return undefined;
    const node = data?.nodes.find((one) => one?.id === id);
    if (node?.__typename === 'User') return `${node.name} (${node.username})`;
    if (node?.__typename === 'Token') return `${node.description} (${node.hint})`;
    const user = events.flatMap(({ actor, user }) => [actor, user]).find((one) => one?.id === id);
    return user ? `${user.name} (${user.username})` : id;
  }
  return (
    <search>
      <div className={styles.toggle}>
        <Button
          icon={<ListFilter size={16} aria-hidden="true" />}
          aria-expanded={open}
          aria-controls="log-filters"
          onClick={() => setOpen(!open)}
        >
          {active === 0 ? 'Filters' : `Filters (${active})`}
        </Button>
      </div>
      <div id="log-filters" className={styles.filters} data-open={open}>
        <Select
          label="Event"
          value={filters.type ? typeParameter(filters.type) : ''}
          onChange={(event) => set({ type: event.target.value || undefined })}
        >
          <option value="">All events</option>
          {EVENT_GROUPS.map(({ name, types }) => (
            <optgroup key={name} label={name}>
              {types.map(({ type, name: kind }) => (
                <option key={type} value={typeParameter(type)}>
                  {kind}
                </option>
              ))}
            </optgroup>
          ))}
        </Select>
        <UserPicker slug={slug} label="Actor" chosen={nameOf(filters.actor)} onChoose={(actor) => set({ actor })} />
        <UserPicker slug={slug} label="Subject" chosen={nameOf(filters.user)} onChoose={(user) => set({ user })} />
        <TokenPicker
          slug={slug}
          prefix={prefix}
          label="Token"
          chosen={nameOf(filters.token)}
          onChoose={(token) => set({ token })}
        />
        <div className={styles.days}>
          <Day label="From" day={filters.from} onDay={(from) => set({ from })} />
          <Day
            label="To"
            day={filters.to}
            onDay={(to) => set({ to })}
            error={reversed ? 'This date is before the start date.' : undefined}
          />
        </div>
        <div className={styles.timeZone}>
          <span>All times {timeZone()}.</span>
          {hasFilters(filters) && (
            <Button
              size="small"
              onClick={() =>
                set({ type: undefined, actor: undefined, user: undefined, token: undefined, from: undefined, to: undefined })
              }
            >
              Clear filters
            </Button>
          )}
        </div>
      </div>
    </search>
  );
}

interface DayProps {
  label: string;
  day: string | undefined;
  onDay: (day: string | undefined) => void;
  error?: string;
}

function Day({ label, day = '', onDay, error }: DayProps) {
  const [text, setText] = useState(day);
  useEffect(() => setText(day), [day]);
  return (
    <Field
      type="date"
      label={label}
      value={text}
      min="1970-01-01"
      max="9999-12-31"
      error={error}
      onChange={({ target: { value } }) => {
        setText(value);
        // A date is incomplete while its year is typed.
        if (value === '' || isDay(value)) onDay(value || undefined);
      }}
    />
  );
}

interface NarrowLinksProps {
  slug: string;
  search: Search;
  event: EventLineFragment;
  filters: Filters;
}

/** Links that filter the list by parts of the event. */
function NarrowLinks({ slug, search, event: { actor, user, tokenId, type }, filters }: NarrowLinksProps) {
  const kind = EVENT_GROUPS.flatMap(({ types }) => types).find((one) => one.type === type);
  const links = [
    actor && actor.id !== filters.actor && { search: { actor: actor.id }, text: `Only by ${actor.name}` },
    user && user.id !== filters.user && { search: { user: user.id }, text: `Only about ${user.name}` },
    tokenId && tokenId !== filters.token && { search: { token: tokenId }, text: 'Only this token' },
    kind && kind.type !== filters.type && { search: { type: typeParameter(kind.type) }, text: `Only “${kind.name}”` },
  ].filter((link) => Boolean(link)) as { search: Search; text: string }[];
  return (
    <p className={styles.only}>
      {links.map((link) => (
        <Link key={link.text} to="/organizations/$slug/log" params={{ slug }} search={{ ...filtersOf(search), ...link.search }}>
          {link.text}
        </Link>
      ))}
    </p>
  );
}
