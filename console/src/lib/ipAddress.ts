// Recognizes incomplete IP addresses in a search.

/**
 * Returns whether a word looks like a network (`198.51.100.0/24`) or part of an address (`198.51.100`, `2001:db8:`,
 * `198.51.*`). Quoted words are text.
 */
export function isPartialAddress(word: string): boolean {
  if (/^[\da-f:.]*[.:][\da-f:.]*\/\d{1,3}$/i.test(word)) return true;
  const bytes = word.replace(/(\.|\.[*x])+$/i, '').split('.');
  if (word.includes('.') && bytes.length < 4) return bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256);
  return /^(?=.*\d)[\da-f]{1,4}(:[\da-f]{0,4})+(:\*)?$/i.test(word);
}
