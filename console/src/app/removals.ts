// What a token no longer reaches.

interface GrantLike {
  organization: { id: string };
}

interface Removal extends GrantLike {
  removedBy?: { id: string } | null;
}

/** Of the periods that were ended, newest first, the last of each organization that the token does not reach again. */
export function latestRemovals<Grant extends GrantLike>(removed: readonly Grant[], current: readonly GrantLike[]): Grant[] {
  const seen = new Set(current.map(({ organization }) => organization.id));
  return removed.filter(({ organization: { id } }) => !seen.has(id) && seen.add(id));
}

/** Of these, what others took away from its owner; the system and the operator are others, too. */
export function removalsByOthers<Grant extends Removal>(
  removed: readonly Grant[],
  current: readonly GrantLike[],
  owner: string,
): Grant[] {
  return latestRemovals(removed, current).filter(({ removedBy }) => removedBy?.id !== owner);
}
