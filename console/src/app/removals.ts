// Removals of organizations from a token.

interface GrantLike {
  organization: { id: string };
}

interface Removal extends GrantLike {
  removedBy?: { id: string } | null;
}

/** The latest removal of each organization that the token has no access to now; `removed` is sorted newest first. */
export function latestRemovals<Grant extends GrantLike>(removed: readonly Grant[], current: readonly GrantLike[]): Grant[] {
  const seen = new Set(current.map(({ organization }) => organization.id));
  return removed.filter(({ organization: { id } }) => !seen.has(id) && seen.add(id));
}

/** The latest removals, except those by the owner. */
export function removalsByOthers<Grant extends Removal>(
  removed: readonly Grant[],
  current: readonly GrantLike[],
  owner: string,
): Grant[] {
  return latestRemovals(removed, current).filter(({ removedBy }) => removedBy?.id !== owner);
}
