// What a token no longer reaches.

interface Period {
  organization: { id: string };
}

interface Ended extends Period {
  removedBy?: { id: string } | null;
}

/** Of the periods that were ended, newest first, the last of each organization that the token does not reach again. */
export function lost<Grant extends Period>(removed: readonly Grant[], standing: readonly Period[]): Grant[] {
  const seen = new Set(standing.map(({ organization }) => organization.id));
  return removed.filter(({ organization: { id } }) => !seen.has(id) && seen.add(id));
}

/** Of these, what others took away from its owner; the system and the operator are others, too. */
export function taken<Grant extends Ended>(removed: readonly Grant[], standing: readonly Period[], owner: string): Grant[] {
  return lost(removed, standing).filter(({ removedBy }) => removedBy?.id !== owner);
}
