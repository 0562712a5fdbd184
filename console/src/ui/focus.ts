// Moves the focus when the focused element is removed.
import { useEffect } from 'react';

/** Focuses the heading of the page. */
export function focusHeading() {
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
}

/** On unmount, restores the focus, or focuses the heading if the previous element is gone. */
export function useRestoreFocus() {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
      else focusHeading();
    };
  }, []);
}
