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

/** `You make: Read × 9, write × 2 and GraphQL in Acme Widgets, until 3 Dec 2026`; or what is still to be chosen. */
export function summary({ scopes, organizations, end }: Chosen, timeZone?: string): string {
  const missing = [
    ...(organizations.length === 0 ? ['an organization'] : []),
    ...(scopes.length === 0 ? ['a scope'] : []),
    ...(end ? [] : ['the last day']),
  ];
  if (!end || missing.length > 0) return `Still to choose: ${listed(missing)}`;
  const may = counts(scopes).map(({ access, text }, index) =>
    index === 0 || access === 'GRAPHQL' ? text : text.charAt(0).toLowerCase() + text.slice(1),
  );
  const named = organizations.length > NAMED + 1 ? organizations.slice(0, NAMED) : organizations;
  const more = organizations.length - named.length;
  const where = listed(more > 0 ? [...named, `${more} more`] : named);
  const until = end === 'never' ? 'somebody revokes it' : day(end.toISOString(), timeZone);
  return `You make: ${listed(may)} in ${where}, until ${until}`;
}

/** `A`, `A and B`, `A, B and C`. */
function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last}` : last;
}
