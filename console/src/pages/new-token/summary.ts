// A one-line summary of a new token.
import { counts, type ScopeLike } from '../../lib/scopes';
import { day } from '../../lib/time';

/** The maximum number of organizations that are named. */
const MAX_NAMED = 3;

interface Chosen {
  scopes: readonly ScopeLike[];
  organizations: readonly string[];
  /** `never`, or the selected time; undefined if none is selected. */
  end: Date | 'never' | undefined;
}

/** `Summary: 9 read scopes, GraphQL · Acme Widgets · expires 3 Dec 2026`, or what is missing. */
export function summary({ scopes, organizations, end }: Chosen, timeZone?: string): string {
  const missing = [
    ...(organizations.length === 0 ? ['an organization'] : []),
    ...(scopes.length === 0 ? ['a scope'] : []),
    ...(end ? [] : ['an expiry date']),
  ];
  if (!end || missing.length > 0) return `Select ${joinNames(missing)} to continue`;
  const scopeTexts = counts(scopes).map(({ access, title, count }) =>
    access === 'GRAPHQL' ? title : `${count} ${title.toLowerCase()} ${count === 1 ? 'scope' : 'scopes'}`,
  );
  const named = organizations.length > MAX_NAMED + 1 ? organizations.slice(0, MAX_NAMED) : organizations;
  const more = organizations.length - named.length;
  const organizationText = joinNames(more > 0 ? [...named, `${more} more`] : named);
  const expiry = end === 'never' ? 'never expires' : `expires ${day(end.toISOString(), timeZone)}`;
  return `Summary: ${scopeTexts.join(', ')} · ${organizationText} · ${expiry}`;
}

/** `A`, `A and B`, `A, B and C`. */
function joinNames(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${last}` : last;
}
