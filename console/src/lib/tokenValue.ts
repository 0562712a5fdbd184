// What may be a token's value. One that is pasted is kept in a variable of this page, shown by its hint, and leaves only in the
// body of a request: it is in no address, no history and no storage.
import { words } from './searchWords';

/** Random characters and checksum behind the prefix. */
const LENGTH = 38;
const SHOWN = 4;
const MARK = 'value:';

/** The value in the box, by its hint. One at a time is looked for. */
let kept: { hint: string; value: string } | undefined;

export const forget = () => {
  kept = undefined;
};

const bare = (text: string) => text.replace(/^[^0-9A-Za-z]+|[^0-9A-Za-z]+$/g, '');

/** `twd_ab12…wxyz`: enough to recognise it by. */
export const hint = (value: string, prefix: string) => `${value.slice(0, prefix.length + 1 + SHOWN)}…${value.slice(-SHOWN)}`;

const isWhole = (text: string, prefix: string) =>
  text.startsWith(`${prefix}_`) && new RegExp(`^[0-9A-Za-z]{${LENGTH}}$`).test(text.slice(prefix.length + 1));

/** Anything that begins like a value may be the first part of one, but for a hint, which tells no more than the pages show. */
function begins(text: string, prefix: string) {
  const isHint = new RegExp(`^[0-9A-Za-z]{${SHOWN}}…[0-9A-Za-z]{${SHOWN}}$`).test(bare(text).slice(prefix.length + 1));
  return !isHint && text.replace(/^[^0-9A-Za-z]+/, '').startsWith(`${prefix}_`);
}

export interface Read {
  /** What the box shows, and the address keeps: without any value. */
  shown: string;
  /** Whether something in the box is the beginning of a value, which is held back from all else. */
  unfinished: boolean;
}

/** What was typed or pasted, with every whole value taken out of it and kept. */
export function taken(box: string, prefix: string): Read {
  let unfinished = false;
  let shown = '';
  let behind = 0;
  for (const { text, start, end } of words(box)) {
    const word = bare(text);
    if (isWhole(word, prefix)) {
      kept = { hint: hint(word, prefix), value: word };
      shown += `${box.slice(behind, start)}${MARK}${kept.hint}`;
      behind = end;
    } else if (begins(text, prefix)) {
      unfinished = true;
    }
  }
  return { shown: shown + box.slice(behind), unfinished };
}

export interface Asked {
  /** For `TokenFilter.query`. */
  query: string;
  /** For `TokenFilter.token`. */
  token: string | undefined;
}

/** What the box asks the service for. A value that this page no longer has, since it was reloaded, is looked for by its hint. */
export function asked(box: string): Asked {
  const rest: string[] = [];
  let token: string | undefined;
  for (const { text } of words(box)) {
    if (!text.startsWith(MARK)) rest.push(text);
    else if (kept && text === MARK + kept.hint) token = kept.value;
    else rest.push(text.slice(MARK.length));
  }
  return { query: rest.join(' '), token };
}
