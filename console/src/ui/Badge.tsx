// A word about a thing, on a coloured ground. The colour never says what the word does not.
import type { ReactNode } from 'react';
import styles from './Badge.module.css';

export function Badge({
  tone = 'plain',
  children,
}: {
  tone?: 'plain' | 'accent' | 'warn' | 'danger' | 'ok';
  children: ReactNode;
}) {
  return <span className={`${styles.badge} ${styles[tone]}`}>{children}</span>;
}
