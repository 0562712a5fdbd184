// Where GraphiQL keeps tabs and settings: in this page. Variables may hold values of tokens, so a browser's own storage is no place.
import type { Storage } from '@graphiql/toolkit';

const kept = new Map<string, string>();

export const memory: Storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => void kept.set(key, value),
  removeItem: (key) => void kept.delete(key),
  clear: () => kept.clear(),
  get length() {
    return kept.size;
  },
};
