// The filters of the log, as kept in the URL and as sent to the service.
import { EVENT_GROUPS } from '../../app/sentences';
import type { AuditEventFilter } from '../../gql/graphql';
import { endOf, isDay, startOf } from '../../lib/days';

export interface Search {
  type?: string;
  actor?: string;
  user?: string;
  token?: string;
  from?: string;
  to?: string;
}

type EventType = (typeof EVENT_GROUPS)[number]['types'][number]['type'];

/** `token-revoked`: an event type in the URL. */
export const typeParameter = (type: EventType) => type.toLowerCase().replaceAll('_', '-');

/** The event type for its form in the URL, if there is one. */
export const typeOf = (text: string | undefined) =>
  EVENT_GROUPS.flatMap(({ types }) => types).find(({ type }) => typeParameter(type) === text)?.type;

/** IDs look like `user_01h…`; other values are ignored. */
const idOf = (text: string | undefined, noun: string) =>
  text && new RegExp(`^${noun}_[0-9a-z]{26}$`).test(text) ? text : undefined;

/** The valid filters of a URL. Both dates are included. */
export function parseFilters({ type, actor, user, token, from, to }: Search) {
  return {
    type: typeOf(type),
    actor: idOf(actor, 'user'),
    user: idOf(user, 'user'),
    token: idOf(token, 'token'),
    from: isDay(from) ? from : undefined,
    to: isDay(to) ? to : undefined,
  };
}

export type Filters = ReturnType<typeof parseFilters>;

export const isReversed = ({ from, to }: Filters) => Boolean(from && to && to < from);

export const hasFilters = (filters: Filters) => Object.values(filters).some(Boolean);

export function filterOf({ type, actor, user, token, from, to }: Filters): AuditEventFilter {
  return {
    types: type ? [type] : undefined,
    actorId: actor,
    userId: user,
    tokenId: token,
    at: from || to ? { from: from && startOf(from), to: to && endOf(to) } : undefined,
  };
}
