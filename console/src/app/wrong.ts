// Which input of a form the service found fault with.
import { Refusal } from './api';
import { inOneLine } from './Failure';

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
