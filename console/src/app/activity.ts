// Tracks whether the user is active. Polling stops while the user is inactive, so that the session of an unattended page
// expires.
import { focusManager } from '@tanstack/react-query';

/** Milliseconds without input after which the user is inactive. */
const IDLE_AFTER = 600_000;

/** Query options for data that is polled while the user is active. */
export const polling = { refetchInterval: 30_000 } as const;

/** Refetches stale data when the user becomes active, and stops polling while the user is inactive. */
export function trackActivity() {
  focusManager.setEventListener((setActive) => {
    let last = Date.now();
    let position = '';
    const update = () => setActive(document.visibilityState !== 'hidden' && Date.now() - last < IDLE_AFTER);
    function onInput() {
      last = Date.now();
      update();
    }
    function onPointerMove({ screenX, screenY }: PointerEvent) {
      // Content that moves under a resting pointer also fires pointermove.
      const before = position;
      position = `${screenX} ${screenY}`;
      if (position !== before) onInput();
    }
    const onVisibilityChange = () => (document.visibilityState === 'hidden' ? update() : onInput());
    const stop = new AbortController();
    const options = { capture: true, passive: true, signal: stop.signal };
    for (const input of ['pointerdown', 'wheel', 'keydown']) window.addEventListener(input, onInput, options);
    window.addEventListener('pointermove', onPointerMove, options);
    document.addEventListener('visibilitychange', onVisibilityChange, options);
    const timer = setInterval(update, 30_000);
    update();
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  });
}

export const isUserActive = () => focusManager.isFocused();
