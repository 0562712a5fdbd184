// Inputs with a label, help and error.
import { Eye, EyeOff } from 'lucide-react';
import { type ComponentProps, type ReactNode, type RefObject, useEffect, useId, useState } from 'react';
import styles from './Field.module.css';

interface FieldText {
  label: ReactNode;
  help?: ReactNode;
  error?: string;
}

export function Field({ label, help, error, ...input }: FieldText & ComponentProps<'input'>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help} error={error}>
      <input {...input} {...described(id, help, error)} className={styles.input} />
    </Labelled>
  );
}

export function TextArea({ label, help, error, ...input }: FieldText & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help} error={error}>
      <textarea {...input} {...described(id, help, error)} className={styles.input} />
    </Labelled>
  );
}

export function Select({ label, help, error, children, ...input }: FieldText & ComponentProps<'select'>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help} error={error}>
      <select {...input} {...described(id, help, error)} className={styles.input}>
        {children}
      </select>
    </Labelled>
  );
}

function described(id: string, help: ReactNode, error: string | undefined) {
  const by = [help && `${id}help`, error && `${id}error`].filter(Boolean).join(' ');
  return { id, 'aria-describedby': by || undefined, 'aria-invalid': error ? true : undefined };
}

function Labelled({ id, label, help, error, children }: FieldText & { id: string; children: ReactNode }) {
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      {children}
      {help && (
        <p id={`${id}help`} className={styles.help}>
          {help}
        </p>
      )}
      {error && (
        <p id={`${id}error`} className={styles.error}>
          {error}
        </p>
      )}
    </div>
  );
}

/** A checkbox with a label and help. */
export function Checkbox({ label, help, ...input }: { label: ReactNode; help?: ReactNode } & ComponentProps<'input'>) {
  const id = useId();
  return (
    <div className={styles.check}>
      <input type="checkbox" {...input} id={id} aria-describedby={help ? `${id}help` : undefined} />
      <label htmlFor={id}>{label}</label>
      {help && (
        <p id={`${id}help`} className={styles.help}>
          {help}
        </p>
      )}
    </div>
  );
}

/** A group of inputs with a legend, help and error. */
export function Fieldset({
  legend,
  help,
  error,
  children,
}: Omit<FieldText, 'label'> & { legend: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <fieldset
      className={styles.choice}
      aria-describedby={[help && `${id}help`, error && `${id}error`].filter(Boolean).join(' ') || undefined}
      data-wrong={error ? true : undefined}
    >
      <legend>{legend}</legend>
      {help && (
        <p id={`${id}help`} className={styles.help}>
          {help}
        </p>
      )}
      {error && (
        <p id={`${id}error`} className={styles.error}>
          {error}
        </p>
      )}
      {children}
    </fieldset>
  );
}

/** A password that can be shown. */
export function Password({
  label,
  help,
  error,
  ...input
}: Omit<FieldText, 'label'> & { label: string } & ComponentProps<'input'>) {
  const id = useId();
  const [shown, show] = useState(false);
  const Icon = shown ? EyeOff : Eye;
  return (
    <Labelled id={id} label={label} help={help} error={error}>
      <div className={styles.password}>
        <input
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          {...input}
          {...described(id, help, error)}
          type={shown ? 'text' : 'password'}
          className={styles.input}
        />
        <button type="button" aria-label={`Show ${label.toLowerCase()}`} aria-pressed={shown} onClick={() => show(!shown)}>
          <Icon size={16} aria-hidden="true" />
        </button>
      </div>
    </Labelled>
  );
}

/** Focuses the first invalid input whenever `wrong` changes. */
export function useFocusFirstError(form: RefObject<HTMLElement | null>, wrong: unknown) {
  useEffect(() => {
    if (!wrong) return;
    form.current
      ?.querySelector<HTMLElement>('[aria-invalid="true"], [data-wrong] input:not(:disabled), [data-wrong] button')
      ?.focus();
  }, [form, wrong]);
}
