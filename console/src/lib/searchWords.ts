// Splits the search text into words, and toggles words. The service interprets them.

/** A word as it was written, including quotes. */
export interface Word {
  text: string;
  start: number;
  end: number;
}

/** Words are separated by whitespace; a quote at the beginning of a word or after its colon extends to the next quote. */
export function words(box: string): Word[] {
  const found: Word[] = [];
  const pattern = /"[^"]*"?|[^\s":]+:"[^"]*"?|\S+/gu;
  for (const match of box.matchAll(pattern)) {
    found.push({ text: match[0], start: match.index, end: match.index + match[0].length });
  }
  return found;
}

export const hasWord = (box: string, word: string) => words(box).some((one) => one.text === word);

/** Removes the word if present, otherwise appends it. */
export function toggleWord(box: string, word: string): string {
  const there = words(box).map((one) => one.text);
  const rest = there.filter((text) => text !== word);
  return (rest.length === there.length ? [...there, word] : rest).join(' ');
}
