// The rules for passwords that can be checked while typing.

export const MIN_LENGTH = 15;
export const MAX_LENGTH = 256;

export const LENGTH_ERROR = `Use ${MIN_LENGTH}–${MAX_LENGTH} characters.`;

/** The hint for the length of a password, and whether it is valid. */
export function checkLength(password: string): { text: string; enough: boolean } {
  const length = [...password].length;
  if (length === 0) return { text: `At least ${MIN_LENGTH} characters. A few unrelated words work well.`, enough: false };
  if (length < MIN_LENGTH) return { text: `${length} of at least ${MIN_LENGTH} characters.`, enough: false };
  if (length > MAX_LENGTH) return { text: `${length} characters. Use at most ${MAX_LENGTH}.`, enough: false };
  return { text: `${length} characters: long enough.`, enough: true };
}
