// Parses and formats the query string of a URL. Repeated names, and names with `[]`, are lists.

export type Search = Record<string, string | string[]>;

export function parseSearch(text: string): Search {
  const found: Search = {};
  for (const [written, value] of new URLSearchParams(text)) {
    const name = written.replace(/\[\]$/, '');
    const existing = found[name];
    found[name] = existing === undefined ? value : [...(Array.isArray(existing) ? existing : [existing]), value];
  }
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const single of Array.isArray(value) ? value : [value]) {
      if (single !== undefined && single !== null && single !== '') parameters.append(name, String(single));
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** The value of a name that is given exactly once. */
export function single(search: Record<string, unknown>, name: string): string | undefined {
  const value = search[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** All values of a name. */
export function multiple(search: Record<string, unknown>, name: string): string[] {
  return [search[name]].flat().filter((value) => typeof value === 'string' && value !== '') as string[];
}
