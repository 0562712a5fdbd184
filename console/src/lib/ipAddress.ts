// Addresses of the network, as far as people write them who look for one.

/**
 * Whether a word looks like a network (`198.51.100.0/24`), or like a part of an address (`198.51.100`, `2001:db8:`, `198.51.*`).
 * What is in quotes was meant as text.
 */
export function isPartialAddress(word: string): boolean {
  if (/^[\da-f:.]*[.:][\da-f:.]*\/\d{1,3}$/i.test(word)) return true;
  const bytes = word.replace(/(\.|\.[*x])+$/i, '').split('.');
  if (word.includes('.') && bytes.length < 4) return bytes.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) < 256);
  return /^(?=.*\d)[\da-f]{1,4}(:[\da-f]{0,4})+(:\*)?$/i.test(word);
}
