// The words of the search box: where each stands, and how one is put in or taken out. What they mean is the service's to say.

/** One word as it was written, its quotes included. */
export interface Word {
  text: string;
  start: number;
  end: number;
}

/** Words are separated by blanks; a quote at the beginning of a word, or behind its colon, reaches to the next quote. */
export function words(box: string): Word[] {
  const found: Word[] = [];
  const pattern = /"[^"]*"?|[^\s":]+:"[^"]*"?|\S+/gu;
  for (const match of box.matchAll(pattern)) {
    found.push({ text: match[0], start: match.index, end: match.index + match[0].length });
  }
  return found;
}

export const hasWord = (box: string, word: string) => words(box).some((one) => one.text === word);

/** Takes the word out if it is there, and puts it at the end otherwise. */
export function toggleWord(box: string, word: string): string {
  const there = words(box).map((one) => one.text);
  const rest = there.filter((text) => text !== word);
  return (rest.length === there.length ? [...there, word] : rest).join(' ');
}
