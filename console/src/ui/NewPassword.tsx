// The input for a new password, with a hint about its length.
import { type ComponentProps, useState } from 'react';
import { checkLength, MAX_LENGTH, MIN_LENGTH } from '../lib/password';
import { Password } from './Field';

/** Read by password managers when they generate a password. */
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
