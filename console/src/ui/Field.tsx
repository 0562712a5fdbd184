// One input with its name, what it is for, and what is wrong with it.
import { type ComponentProps, type ReactNode, useId } from 'react';
import styles from './Field.module.css';

interface About {
  label: ReactNode;
  help?: ReactNode;
  error?: string;
}

export function Field({ label, help, error, ...input }: About & ComponentProps<'input'>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help} error={error}>
      <input {...input} {...described(id, help, error)} className={styles.input} />
    </Labelled>
  );
}

export function TextArea({ label, help, error, ...input }: About & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help} error={error}>
      <textarea {...input} {...described(id, help, error)} className={styles.input} />
    </Labelled>
  );
}

export function Select({ label, help, error, children, ...input }: About & ComponentProps<'select'>) {
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

function Labelled({ id, label, help, error, children }: About & { id: string; children: ReactNode }) {
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

/** A box to tick, with a sentence beneath its name. */
export function Check({ label, help, ...input }: { label: ReactNode; help?: ReactNode } & ComponentProps<'input'>) {
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
