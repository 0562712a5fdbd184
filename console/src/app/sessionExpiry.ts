// Remembers whether the session of this tab expired, for the sign-in page.
let ended = false;

export const isSessionExpired = () => ended;

export function markSessionExpired() {
  ended = true;
}

export function markSignedIn() {
  ended = false;
}
