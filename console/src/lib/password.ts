// What the service asks of a password, as far as it can be said while one is typed.

export const MIN_LENGTH = 15;
export const MAX_LENGTH = 256;

/** What is said of one that is too short or too long. */
export const LENGTH_ERROR = `Use ${MIN_LENGTH}–${MAX_LENGTH} characters.`;

/** How many characters are there, and how many are wanted; `enough` once there are as many. */
export function checkLength(password: string): { text: string; enough: boolean } {
  const length = [...password].length;
  if (length === 0) return { text: `At least ${MIN_LENGTH} characters. A few unrelated words work well.`, enough: false };
  if (length < MIN_LENGTH) return { text: `${length} of at least ${MIN_LENGTH} characters.`, enough: false };
  if (length > MAX_LENGTH) return { text: `${length} characters. Use at most ${MAX_LENGTH}.`, enough: false };
  return { text: `${length} characters: long enough.`, enough: true };
}
