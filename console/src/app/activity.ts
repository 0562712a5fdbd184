// Whether anybody is at this page. While nobody is, nothing is asked for again by itself, so that a session ends in its time on a
// machine that was left alone.
import { focusManager } from '@tanstack/react-query';

/** How long there must have been no input, in milliseconds. */
const ALONE = 600_000;

/** What is asked for again while somebody is there. */
export const polling = { refetchInterval: 30_000 } as const;

/** Has what is stale asked for again as soon as somebody is there, and nothing by itself while nobody is. */
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
      // What moves beneath a pointer that rests may look like a move of the pointer.
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
