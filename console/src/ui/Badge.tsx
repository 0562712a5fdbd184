// A label on a colored background. The color adds no information.
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
