// Returns whether the page is as narrow as a phone, for text that style sheets cannot change.
import { useSyncExternalStore } from 'react';

/** The width below which tables are blocks, as in the style sheets. */
const narrow = () => window.matchMedia?.('(max-width: 45rem)');

function listen(change: () => void) {
  const query = narrow();
  query?.addEventListener('change', change);
  return () => query?.removeEventListener('change', change);
}

export const useNarrow = () => useSyncExternalStore(listen, () => narrow()?.matches ?? false);
