// Prefills the form for a new token from a link or another token.
import { MAX_DESCRIPTION_LENGTH } from './limits';

/** Names that exist and names that do not. */
export interface Partition<Thing> {
  known: Thing[];
  unknown: string[];
}

/** Resolves each name once. */
export function partitionKnown<Thing>(
  names: readonly string[],
  all: readonly Thing[],
  nameOf: (thing: Thing) => string,
): Partition<Thing> {
  const known: Thing[] = [];
  const unknown: string[] = [];
  for (const name of new Set(names)) {
    const thing = all.find((one) => nameOf(one) === name);
    if (thing) known.push(thing);
    else unknown.push(name);
  }
  return { known, unknown };
}

/** `Deploy bot (copy)`, then `Deploy bot (copy 2)`, shortened to the maximum length. */
export function copyOf(description: string): string {
  const [, name = description, number] = /^(.*) \(copy(?: (\d{1,4}))?\)$/.exec(description) ?? [];
  const end = name === description ? ' (copy)' : ` (copy ${Number(number ?? 1) + 1})`;
  return (
    [...name]
      .slice(0, MAX_DESCRIPTION_LENGTH - end.length)
      .join('')
      .trimEnd() + end
  );
}
