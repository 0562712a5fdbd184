// The state of the list that its address holds: order, and where its page begins.
import type { TokenOrder } from '../gql/graphql';

/** Rows a page. */
export const PAGE_SIZE = 50;

const FIELDS = { used: 'LAST_USED_AT', created: 'CREATED_AT', expires: 'EXPIRES_AT' } as const;

/** `used`, `created` and `expires`, with a `-` for the latest first; anything else is the order of creation, newest first. */
export function sortOrderOf(text: string | undefined): { text: string; by: TokenOrder } {
  const [, minus, name] = /^(-?)(used|created|expires)$/.exec(text ?? '') ?? [];
  if (!name) return { text: '-created', by: { field: 'CREATED_AT', direction: 'DESC' } };
  return {
    text: `${minus}${name}`,
    by: { field: FIELDS[name as keyof typeof FIELDS], direction: minus ? 'DESC' : 'ASC' },
  };
}

/** The rows behind one place, or before another. */
export function pageArguments({ after, before }: { after?: string; before?: string }) {
  return before ? { last: PAGE_SIZE, before } : { first: PAGE_SIZE, after };
}

/** `51–100 of 236 tokens`. */
export function rangeText(page: number, rows: number, total: number, noun = 'token'): string {
  const first = (page - 1) * PAGE_SIZE + 1;
  const all = `${total.toLocaleString('en')} ${noun}${total === 1 ? '' : 's'}`;
  return rows < total ? `${first.toLocaleString('en')}–${(first + rows - 1).toLocaleString('en')} of ${all}` : all;
}
