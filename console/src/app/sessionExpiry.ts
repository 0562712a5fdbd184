// Whether a session of this tab ended without its leaving: the page where people sign in says so. It is gone with the tab's page.
let ended = false;

export const sessionEnded = () => ended;

/** Somebody who was signed in here is so no more. */
export function noteEnd() {
  ended = true;
}

/** Somebody signed in. */
export function noteBeginning() {
  ended = false;
}
