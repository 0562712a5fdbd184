// A handle that is proposed for what people call a thing.

const MAX_LENGTH = 64;

/** `Acme Widgets, Inc.` is `acme-widgets-inc`; letters lose their marks, and what is left out is a hyphen. */
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
