// What the service asks of a password, as far as it can be said while one is typed.

export const SHORTEST = 15;
export const LONGEST_PASSWORD = 256;

/** What is said of one that is too short or too long. */
export const UNFIT = `Use ${SHORTEST}–${LONGEST_PASSWORD} characters.`;

/** How many characters are there, and how many are wanted; `enough` once there are as many. */
export function lengthOf(password: string): { text: string; enough: boolean } {
  const length = [...password].length;
  if (length === 0) return { text: `At least ${SHORTEST} characters. A few unrelated words work well.`, enough: false };
  if (length < SHORTEST) return { text: `${length} of at least ${SHORTEST} characters.`, enough: false };
  if (length > LONGEST_PASSWORD) return { text: `${length} characters. Use at most ${LONGEST_PASSWORD}.`, enough: false };
  return { text: `${length} characters: long enough.`, enough: true };
}
