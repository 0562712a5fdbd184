// What may be a token's value. One that is pasted is kept in a variable of this page, shown by its hint, and leaves only in the
// body of a request: it is in no address, no history and no storage.
import { words } from './searchWords';

/** Random characters and checksum behind the prefix. */
const VALUE_LENGTH = 38;
const HINT_LENGTH = 4;
const VALUE_PREFIX = 'value:';

/** The value in the box, by its hint. One at a time is looked for. */
let current: { hint: string; value: string } | undefined;

export const forgetValue = () => {
  current = undefined;
};

const stripPunctuation = (text: string) => text.replace(/^[^0-9A-Za-z]+|[^0-9A-Za-z]+$/g, '');

/** `twd_ab12…wxyz`: enough to recognise it by. */
export const hint = (value: string, prefix: string) =>
  `${value.slice(0, prefix.length + 1 + HINT_LENGTH)}…${value.slice(-HINT_LENGTH)}`;

const isFullValue = (text: string, prefix: string) =>
  text.startsWith(`${prefix}_`) && new RegExp(`^[0-9A-Za-z]{${VALUE_LENGTH}}$`).test(text.slice(prefix.length + 1));

/** Anything that begins like a value may be the first part of one, but for a hint, which tells no more than the pages show. */
function startsLikeValue(text: string, prefix: string) {
  const isHint = new RegExp(`^[0-9A-Za-z]{${HINT_LENGTH}}…[0-9A-Za-z]{${HINT_LENGTH}}$`).test(
    stripPunctuation(text).slice(prefix.length + 1),
  );
  return !isHint && text.replace(/^[^0-9A-Za-z]+/, '').startsWith(`${prefix}_`);
}

export interface MaskedSearch {
  /** What the box shows, and the address keeps: without any value. */
  shown: string;
  /** Whether something in the box is the beginning of a value, which is held back from all else. */
  unfinished: boolean;
}

/** What was typed or pasted, with every whole value taken out of it and kept. */
export function maskValues(box: string, prefix: string): MaskedSearch {
  let unfinished = false;
  let shown = '';
  let copiedUpTo = 0;
  for (const { text, start, end } of words(box)) {
    const word = stripPunctuation(text);
    if (isFullValue(word, prefix)) {
      current = { hint: hint(word, prefix), value: word };
      shown += `${box.slice(copiedUpTo, start)}${VALUE_PREFIX}${current.hint}`;
      copiedUpTo = end;
    } else if (startsLikeValue(text, prefix)) {
      unfinished = true;
    }
  }
  return { shown: shown + box.slice(copiedUpTo), unfinished };
}

export interface SearchFilter {
  /** For `TokenFilter.query`. */
  query: string;
  /** For `TokenFilter.token`. */
  token: string | undefined;
}

/** What the box asks the service for. A value that this page no longer has, since it was reloaded, is looked for by its hint. */
export function searchFilterOf(box: string): SearchFilter {
  const rest: string[] = [];
  let token: string | undefined;
  for (const { text } of words(box)) {
    if (!text.startsWith(VALUE_PREFIX)) rest.push(text);
    else if (current && text === VALUE_PREFIX + current.hint) token = current.value;
    else rest.push(text.slice(VALUE_PREFIX.length));
  }
  return { query: rest.join(' '), token };
}
