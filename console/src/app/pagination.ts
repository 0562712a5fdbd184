// The sort order and page of a list, as kept in the URL.
import type { TokenOrder } from '../gql/graphql';

/** The number of rows per page. */
export const PAGE_SIZE = 50;

const FIELDS = { used: 'LAST_USED_AT', created: 'CREATED_AT', expires: 'EXPIRES_AT' } as const;

/** `used`, `created` or `expires`, with a `-` for descending order; defaults to newest first. */
export function sortOrderOf(text: string | undefined): { text: string; by: TokenOrder } {
  const [, minus, name] = /^(-?)(used|created|expires)$/.exec(text ?? '') ?? [];
  if (!name) return { text: '-created', by: { field: 'CREATED_AT', direction: 'DESC' } };
  return {
    text: `${minus}${name}`,
    by: { field: FIELDS[name as keyof typeof FIELDS], direction: minus ? 'DESC' : 'ASC' },
  };
}

/** The pagination arguments for the rows after or before a cursor. */
export function pageArguments({ after, before }: { after?: string; before?: string }) {
  return before ? { last: PAGE_SIZE, before } : { first: PAGE_SIZE, after };
}

/** `51–100 of 236 tokens`. */
export function rangeText(page: number, rows: number, total: number, noun = 'token'): string {
  const first = (page - 1) * PAGE_SIZE + 1;
  const all = `${total.toLocaleString('en')} ${noun}${total === 1 ? '' : 's'}`;
  return rows < total ? `${first.toLocaleString('en')}–${(first + rows - 1).toLocaleString('en')} of ${all}` : all;
}
