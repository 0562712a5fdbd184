// Tracks whether the user is active. Polling stops while the user is inactive, so that the session of an unattended page
// expires.
import { focusManager } from '@tanstack/react-query';

/** Milliseconds without input after which the user is inactive. */
const ALONE = 600_000;

/** Query options for data that is polled while the user is active. */
export const polling = { refetchInterval: 30_000 } as const;

/** Refetches stale data when the user becomes active, and stops polling while the user is inactive. */
export function trackActivity() {
  focusManager.setEventListener((tell) => {
    let last = Date.now();
    let place = '';
    const look = () => tell(document.visibilityState !== 'hidden' && Date.now() - last < ALONE);
    function came() {
      last = Date.now();
      look();
    }
    function moved({ screenX, screenY }: PointerEvent) {
      // Content that moves under a resting pointer also fires pointermove.
      const before = place;
      place = `${screenX} ${screenY}`;
      if (place !== before) came();
    }
    const turned = () => (document.visibilityState === 'hidden' ? look() : came());
    const stop = new AbortController();
    const options = { capture: true, passive: true, signal: stop.signal };
    for (const input of ['pointerdown', 'wheel', 'keydown']) window.addEventListener(input, came, options);
    window.addEventListener('pointermove', moved, options);
    document.addEventListener('visibilitychange', turned, options);
    const timer = setInterval(look, 30_000);
    look();
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  });
}

export const isUserActive = () => focusManager.isFocused();
