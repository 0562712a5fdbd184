// A password that is being set: how long it is and should be is said while it is typed.
import { type ComponentProps, useState } from 'react';
import { checkLength, MAX_LENGTH, MIN_LENGTH } from '../lib/password';
import { Password } from './Field';

/** What managers of passwords read, so that what they propose is taken. */
const RULES = { passwordrules: `minlength: ${MIN_LENGTH}; maxlength: ${MAX_LENGTH};` };

export function NewPassword({
  label = 'Password',
  ...input
}: Partial<Pick<ComponentProps<typeof Password>, 'label'>> & Omit<ComponentProps<typeof Password>, 'label' | 'help'>) {
  const [text, setText] = useState('');
  return (
    <Password
      {...RULES}
      name="password"
      autoComplete="new-password"
      required
      {...input}
      label={label}
      help={checkLength(text).text}
      onChange={(event) => {
        setText(event.target.value);
        input.onChange?.(event);
      }}
    />
  );
}
