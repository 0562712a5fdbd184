// Whether a session of this tab ended without its leaving: the page where people sign in says so. It is gone with the tab's page.
let ended = false;

export const isSessionExpired = () => ended;

/** Somebody who was signed in here is so no more. */
export function markSessionExpired() {
  ended = true;
}

/** Somebody signed in. */
export function markSignedIn() {
  ended = false;
}
