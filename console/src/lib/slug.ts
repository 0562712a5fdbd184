// Proposes a slug for a name.

const MAX_LENGTH = 64;

/** `Acme Widgets, Inc.` is `acme-widgets-inc`; diacritics are removed, and other characters become hyphens. */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH)
    .replace(/^-+|-+$/g, '');
}
