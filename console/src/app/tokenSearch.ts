// A search box over tokens: what is written, what of it the address keeps, and what the service is asked for.
import { keepPreviousData } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { asked, taken } from '../lib/tokenValue';
import { polling } from './activity';

/** How long nobody must have written before it is looked for, in milliseconds. */
const PAUSE = 250;

export interface Box {
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
export function useBox(kept: string, prefix: string | undefined, keep: (text: string) => void): Box {
  const [text, show] = useState(kept);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(kept);
  useEffect(() => {
    // Somebody went back, or followed a link.
    if (kept === sent.current) return;
    sent.current = kept;
    show(kept);
  }, [kept]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const unfinished = prefix !== undefined && taken(text, prefix).unfinished;
  function change(written: string, pause: number) {
    if (prefix === undefined) return show(written);
    const read = taken(written, prefix);
    show(read.shown);
    clearTimeout(timer.current);
    if (read.unfinished) return;
    const send = () => {
      sent.current = read.shown.trim();
      keep(sent.current);
    };
    if (pause === 0) send();
    else timer.current = setTimeout(send, pause);
  }
  const known = useRef(prefix);
  useEffect(() => {
    if (known.current === prefix) return;
    known.current = prefix;
    // What was written meanwhile.
    if (text !== sent.current) change(text, PAUSE);
  });
  return { text, unfinished, set: (written) => change(written, PAUSE), now: (written) => change(written, 0) };
}

/** The part of `TokenFilter` that the box makes. */
export function filterOf(box: string): { query?: string; token?: string } {
  const { query, token } = asked(box);
  return { query: query || undefined, token };
}

/** Pages of a list: the rows that are there stay, dimmed, until others come. */
export const list = { placeholderData: keepPreviousData, ...polling } as const;
