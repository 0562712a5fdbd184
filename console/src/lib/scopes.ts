// Scopes, grouped as people read them.

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
  /** `Read × 8`, or `GraphQL`. */
  text: string;
}

/** How many scopes there are of each access; GraphQL is there or not. */
export function counts(scopes: readonly ScopeLike[]): Count[] {
  return ACCESSES.flatMap(({ access, title }) => {
    const count = scopes.filter((scope) => scope.access === access).length;
    if (count === 0) return [];
    return [{ access, text: access === 'GRAPHQL' ? title : `${title} × ${count}` }];
  });
}
