// Selects the expiry of a token.
import { type ReactNode, useId } from 'react';
import { DAY_OPTIONS, dateOf, daysAhead, type Expiry, endOf, MAX_DAYS } from '../lib/expiry';
import { exact, long } from '../lib/time';
import { useNow } from './Ago';
import styles from './ExpiryPicker.module.css';
import { Field, Fieldset } from './Field';

interface Props {
  legend: ReactNode;
  expiry: Expiry;
  onChoose: (expiry: Expiry) => void;
  /** The current expiry, which can only be shortened; null if the token never expires. Undefined for a new token. */
  present?: string | null;
  error?: string;
}

export function ExpiryPicker({ legend, expiry, onChoose, present, error }: Props) {
  const now = useNow();
  const name = useId();
  const editing = present !== undefined;
  const known = present ? new Date(present) : undefined;
  const latest = known && !Number.isNaN(known.getTime()) ? known : undefined;
  const end = endOf(expiry, now);
  const spans = DAY_OPTIONS.filter((days) => !latest || daysAhead(days, now) < latest);
  const options: { key: string; title: string; value: Expiry }[] = [
    ...(editing ? [{ key: 'keep', title: 'Keep current', value: { kind: 'keep' } as const }] : []),
    ...spans.map((days) => ({ key: `${days}`, title: `${days} days`, value: { kind: 'days', days } as const })),
    { key: 'date', title: 'Custom date', value: { kind: 'date', date: dateOf(end ?? latest ?? daysAhead(30, now)) } },
    ...(editing ? [] : [{ key: 'never', title: 'Never', value: { kind: 'never' } as const }]),
  ];
  const chosen = expiry.kind === 'days' ? `${expiry.days}` : expiry.kind;
  return (
    <Fieldset
      legend={legend}
      error={expiry.kind === 'date' ? undefined : error}
      help={editing ? 'You can shorten the expiry, but not extend it.' : undefined}
    >
      <div className={styles.options}>
        {options.map(({ key, title, value }) => (
          <label key={key} className={styles.option}>
            <input type="radio" name={name} checked={chosen === key} onChange={() => onChoose(value)} />
            {title}
          </label>
        ))}
      </div>
      {expiry.kind === 'date' && (
        <div className={styles.date}>
          <Field
            label="Expires on"
            type="date"
            value={expiry.date}
            min={dateOf(new Date(now))}
            max={dateOf(latest ?? daysAhead(MAX_DAYS, now))}
            onChange={(event) => onChoose({ kind: 'date', date: event.target.value })}
            error={error}
          />
        </div>
      )}
      <p role="status" className="small">
        {expiryText(expiry, end, present, now)}
      </p>
    </Fieldset>
  );
}

function expiryText(expiry: Expiry, end: Date | undefined, present: string | null | undefined, now: number): string {
  if (expiry.kind === 'never' || (expiry.kind === 'keep' && !present)) {
    return 'This token never expires. We recommend an expiry so forgotten tokens don’t stay valid.';
  }
  const at = expiry.kind === 'keep' ? present : end?.toISOString();
  return at ? `Expires ${exact(at)} (${long(at, now)}).` : 'Select an expiry date.';
}
