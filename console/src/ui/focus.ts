// Where the focus goes when what had it leaves the page.
import { useEffect } from 'react';

/** To the name of the page: what there is to read now begins there. */
export function focusHeading() {
  document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
}

/** Gives the focus back, when this leaves, to what had it before; and to the head of the page where that is gone. */
export function useRestoreFocus() {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
      else focusHeading();
    };
  }, []);
}
