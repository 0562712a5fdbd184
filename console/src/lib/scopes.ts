// Scopes, grouped by the access that they give.

export interface ScopeLike {
  name: string;
  title: string;
  access: string;
}

export const ACCESSES = [
  { access: 'READ', title: 'Read' },
  { access: 'WRITE', title: 'Write' },
  { access: 'DELETE', title: 'Delete' },
  { access: 'GRAPHQL', title: 'GraphQL' },
] as const;

export interface Count {
  access: string;
  title: string;
  count: number;
  /** `Read × 8`, or `GraphQL`. */
  text: string;
}

/** The number of scopes of each access; GraphQL has no number. */
export function counts(scopes: readonly ScopeLike[]): Count[] {
  return ACCESSES.flatMap(({ access, title }) => {
    const count = scopes.filter((scope) => scope.access === access).length;
    if (count === 0) return [];
    return [{ access, title, count, text: access === 'GRAPHQL' ? title : `${title} × ${count}` }];
  });
}

/** Common selections of scopes. */
export const PRESETS = [
  { name: 'Read only', accesses: ['READ'] },
  { name: 'Read and write', accesses: ['READ', 'WRITE'] },
  { name: 'Everything', accesses: ACCESSES.map(({ access }) => access) },
] as const satisfies { name: string; accesses: readonly string[] }[];

/** The names of the scopes in a preset. */
export function preset(scopes: readonly (ScopeLike & { retired?: boolean })[], accesses: readonly string[]): Set<string> {
  return new Set(scopes.filter(({ access, retired }) => !retired && accesses.includes(access)).map(({ name }) => name));
}

export const isSameSet = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
  one.size === other.size && [...one].every((name) => other.has(name));

/** Applies the changes from `before` to `chosen` to the current set `now`. */
export const applyChanges = (now: ReadonlySet<string>, before: ReadonlySet<string>, chosen: ReadonlySet<string>) =>
  new Set([
    ...[...now].filter((name) => chosen.has(name) || !before.has(name)),
    ...[...chosen].filter((name) => !before.has(name)),
  ]);

/** Returns whether every word is in the scope’s name, title or description. */
export function matchesSearch(scope: ScopeLike & { description: string }, text: string): boolean {
  const all = `${scope.name} ${scope.title} ${scope.description}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
