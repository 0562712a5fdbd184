// A search box over tokens: what is written, what of it the address keeps, and what the service is asked for.
import { keepPreviousData } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { maskValues, searchFilterOf } from '../lib/tokenValue';
import { polling } from './activity';

/** How long nobody must have written before it is looked for, in milliseconds. */
const DEBOUNCE = 250;

export interface TokenSearch {
  text: string;
  unfinished: boolean;
  set: (text: string) => void;
  /** Looks at once for what stands there. */
  now: (text: string) => void;
}

/**
 * `kept` is what the address has; `keep` puts something else into it. Values, and beginnings of values, never go there; until
 * it is known how values begin here, nothing does.
 */
export function useTokenSearch(kept: string, prefix: string | undefined, keep: (text: string) => void): TokenSearch {
  const [text, setText] = useState(kept);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(kept);
  useEffect(() => {
    // Somebody went back, or followed a link.
    if (kept === sent.current) return;
    sent.current = kept;
    setText(kept);
  }, [kept]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const unfinished = prefix !== undefined && maskValues(text, prefix).unfinished;
  function update(input: string, pause: number) {
    if (prefix === undefined) return setText(input);
    const masked = maskValues(input, prefix);
    setText(masked.shown);
    clearTimeout(timer.current);
    if (masked.unfinished) return;
    const send = () => {
      sent.current = masked.shown.trim();
      keep(sent.current);
    };
    if (pause === 0) send();
    else timer.current = setTimeout(send, pause);
  }
  const knownPrefix = useRef(prefix);
  useEffect(() => {
    if (knownPrefix.current === prefix) return;
    knownPrefix.current = prefix;
    // What was written meanwhile.
    if (text !== sent.current) update(text, DEBOUNCE);
  });
  return { text, unfinished, set: (input) => update(input, DEBOUNCE), now: (input) => update(input, 0) };
}

/** The part of `TokenFilter` that the box makes. */
export function filterOf(box: string): { query?: string; token?: string } {
  const { query, token } = searchFilterOf(box);
  return { query: query || undefined, token };
}

/** Pages of a list: the rows that are there stay, dimmed, until others come. */
export const listOptions = { placeholderData: keepPreviousData, ...polling } as const;
