// Keeps GraphiQL’s tabs and settings in memory: variables may contain token values, which must not be stored.
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
