// Masks token values in a search. A pasted value is kept in a variable of this page, shown by its hint and sent only in the body
// of a request: it is in no URL, history or storage.
import { words } from './searchWords';

/** The number of random characters and of the checksum after the prefix. */
const VALUE_LENGTH = 38;
const HINT_LENGTH = 4;
const VALUE_PREFIX = 'value:';

/** The value in the search box and its hint. Only one is searched at a time. */
let current: { hint: string; value: string } | undefined;

export const forgetValue = () => {
  current = undefined;
};

const stripPunctuation = (text: string) => text.replace(/^[^0-9A-Za-z]+|[^0-9A-Za-z]+$/g, '');

/** `twd_ab12…wxyz` */
export const hint = (value: string, prefix: string) =>
  `${value.slice(0, prefix.length + 1 + HINT_LENGTH)}…${value.slice(-HINT_LENGTH)}`;

const isFullValue = (text: string, prefix: string) =>
  text.startsWith(`${prefix}_`) && new RegExp(`^[0-9A-Za-z]{${VALUE_LENGTH}}$`).test(text.slice(prefix.length + 1));

/** Returns whether the text may be the start of a value. A hint is not: it contains no more than the pages show. */
function startsLikeValue(text: string, prefix: string) {
  const isHint = new RegExp(`^[0-9A-Za-z]{${HINT_LENGTH}}…[0-9A-Za-z]{${HINT_LENGTH}}$`).test(
    stripPunctuation(text).slice(prefix.length + 1),
  );
  return !isHint && text.replace(/^[^0-9A-Za-z]+/, '').startsWith(`${prefix}_`);
}

export interface MaskedSearch {
  /** The text for the search box and the URL, without any value. */
  shown: string;
  /** Whether the text contains the start of a value, which must not be sent. */
  unfinished: boolean;
}

/** Replaces every complete value in the text by its hint, and keeps the value. */
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

/** The filter for a search text. After a reload, a value is searched by its hint. */
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
