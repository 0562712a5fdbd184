// In one line, what a new token would be.
import { counts, type ScopeLike } from '../../lib/scopes';
import { day } from '../../lib/time';

/** How many organizations are named. */
const NAMED = 3;

interface Chosen {
  scopes: readonly ScopeLike[];
  organizations: readonly string[];
  /** `never`, or the moment that was chosen; nothing as long as there is none. */
  end: Date | 'never' | undefined;
}

/** `Read × 9, write × 2 and GraphQL in Acme Widgets, until 3 Dec 2026`. */
export function summary({ scopes, organizations, end }: Chosen, timeZone?: string): string {
  const may = counts(scopes).map(({ access, text }, index) =>
    index === 0 || access === 'GRAPHQL' ? text : text.charAt(0).toLowerCase() + text.slice(1),
  );
  const what = may.length === 0 ? 'No scopes yet' : listed(may);
  const named = organizations.length > NAMED + 1 ? organizations.slice(0, NAMED) : organizations;
  const more = organizations.length - named.length;
  const where = organizations.length === 0 ? 'no organization yet' : listed(more > 0 ? [...named, `${more} more`] : named);
  const until =
    end === 'never' ? 'until somebody revokes it' : end ? `until ${day(end.toISOString(), timeZone)}` : 'with no end yet';
  return `${what} in ${where}, ${until}`;
}

/** `A`, `A and B`, `A, B and C`. */
function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last}` : last;
}
