// The errors of a form, by input.
import { type RefObject, useState } from 'react';
import { useFocusFirstError } from '../ui/Field';
import { ServiceError } from './api';
import { errorText } from './LoadError';

export interface FormErrors {
  /** Error messages by the name of the input. */
  [input: string]: string;
}

/** The key of errors that concern the form as a whole. */
export const FORM = 'form';

/** Assigns an error to the input that it names (`input.scopes.1` is `scopes`), or to the form if it names none of `inputs`. */
export function formErrorsOf(error: unknown, inputs: readonly string[]): FormErrors {
  const path = error instanceof ServiceError ? error.field?.replace(/^input\./, '') : undefined;
  const input = path && inputs.find((name) => path === name || path.startsWith(`${name}.`));
  return { [input ?? FORM]: errorText(error) };
}

/** The errors without those of the given inputs. */
export function withoutErrors(errors: FormErrors | undefined, ...inputs: string[]): FormErrors | undefined {
  if (!errors || !inputs.some((input) => input in errors)) return errors;
  const rest = Object.entries(errors).filter(([input]) => !inputs.includes(input));
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}

/** The state of a form’s errors. Setting errors focuses the first invalid input; clearing them does not move the focus. */
export function useFormErrors(form: RefObject<HTMLElement | null>) {
  const [errors, setShown] = useState<FormErrors>();
  const [focusOn, setFocusOn] = useState<FormErrors>();
  useFocusFirstError(form, focusOn);
  const setErrors = (next: FormErrors | undefined) => {
    setShown(next);
    setFocusOn(next);
  };
  /** Clears the errors of changed inputs. */
  const clearErrors = (...inputs: string[]) => setShown((before) => withoutErrors(before, ...inputs));
  return { errors, setErrors, clearErrors };
}
