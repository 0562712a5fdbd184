// Which input of a form something is wrong with, until it is changed.
import { type RefObject, useState } from 'react';
import { useFocusFirstError } from '../ui/Field';
import { ServiceError } from './api';
import { errorText } from './LoadError';

export interface FormErrors {
  /** What is wrong, by the name of the input. */
  [input: string]: string;
}

/** The name of what is wrong that no input of the form is about. */
export const FORM = 'form';

/** Puts a refusal at the input that it names (`input.scopes.1` is `scopes`), or at the form where there is none of `inputs`. */
export function formErrorsOf(error: unknown, inputs: readonly string[]): FormErrors {
  const path = error instanceof ServiceError ? error.field?.replace(/^input\./, '') : undefined;
  const input = path && inputs.find((name) => path === name || path.startsWith(`${name}.`));
  return { [input ?? FORM]: errorText(error) };
}

/** What is still wrong once that input was changed. */
export function withoutErrors(errors: FormErrors | undefined, ...inputs: string[]): FormErrors | undefined {
  if (!errors || !inputs.some((input) => input in errors)) return errors;
  const rest = Object.entries(errors).filter(([input]) => !inputs.includes(input));
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}

/** What is wrong with a form. Finding it leads to the first input that it is about; changing an input leads nowhere. */
export function useFormErrors(form: RefObject<HTMLElement | null>) {
  const [errors, setShown] = useState<FormErrors>();
  const [focused, setFocused] = useState<FormErrors>();
  useFocusFirstError(form, focused);
  const setErrors = (next: FormErrors | undefined) => {
    setShown(next);
    setFocused(next);
  };
  /** Says that these inputs were changed. */
  const clearErrors = (...inputs: string[]) => setShown((before) => withoutErrors(before, ...inputs));
  return { errors, setErrors, clearErrors };
}
