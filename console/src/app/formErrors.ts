// Which input of a form something is wrong with, until it is changed.
import { type RefObject, useState } from 'react';
import { useFirstWrong } from '../ui/Field';
import { Refusal } from './api';
import { inOneLine } from './LoadError';

export interface Wrong {
  /** What is wrong, by the name of the input. */
  [input: string]: string;
}

/** The name of what is wrong that no input of the form is about. */
export const FORM = 'form';

/** Puts a refusal at the input that it names (`input.scopes.1` is `scopes`), or at the form where there is none of `inputs`. */
export function wrongOf(error: unknown, inputs: readonly string[]): Wrong {
  const path = error instanceof Refusal ? error.field?.replace(/^input\./, '') : undefined;
  const input = path && inputs.find((name) => path === name || path.startsWith(`${name}.`));
  return { [input ?? FORM]: inOneLine(error) };
}

/** What is still wrong once that input was changed. */
export function without(wrong: Wrong | undefined, ...inputs: string[]): Wrong | undefined {
  if (!wrong || !inputs.some((input) => input in wrong)) return wrong;
  const rest = Object.entries(wrong).filter(([input]) => !inputs.includes(input));
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}

/** What is wrong with a form. Finding it leads to the first input that it is about; changing an input leads nowhere. */
export function useWrong(form: RefObject<HTMLElement | null>) {
  const [wrong, show] = useState<Wrong>();
  const [found, find] = useState<Wrong>();
  useFirstWrong(form, found);
  const setWrong = (what: Wrong | undefined) => {
    show(what);
    find(what);
  };
  /** Says that these inputs were changed. */
  const changed = (...inputs: string[]) => show((before) => without(before, ...inputs));
  return { wrong, setWrong, changed };
}
