// The state of a search box for tokens, and its filter.
import { keepPreviousData } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { maskValues, searchFilterOf } from '../lib/tokenValue';
import { polling } from './activity';

/** Milliseconds without typing before the search starts. */
const DEBOUNCE = 250;

export interface TokenSearch {
  text: string;
  unfinished: boolean;
  set: (text: string) => void;
  /** Searches without a delay. */
  now: (text: string) => void;
}

/**
 * `kept` is the text in the URL; `keep` replaces it. Token values and parts of them never go into the URL; until the prefix of
 * values is known, nothing does.
 */
export function useTokenSearch(kept: string, prefix: string | undefined, keep: (text: string) => void): TokenSearch {
  const [text, setText] = useState(kept);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(kept);
  useEffect(() => {
    // The user went back or followed a link.
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
    // Text typed in the meantime.
    if (text !== sent.current) update(text, DEBOUNCE);
  });
  return { text, unfinished, set: (input) => update(input, DEBOUNCE), now: (input) => update(input, 0) };
}

/** The fields of `TokenFilter` for a search text. */
export function filterOf(box: string): { query?: string; token?: string } {
  const { query, token } = searchFilterOf(box);
  return { query: query || undefined, token };
}

/** Query options for lists: the current rows stay, dimmed, until the next are loaded. */
export const listOptions = { placeholderData: keepPreviousData, ...polling } as const;
