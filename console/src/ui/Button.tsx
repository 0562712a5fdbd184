// Buttons and links that look like buttons. A busy button shows a spinner and cannot be pressed.
import type { ComponentProps, ReactNode } from 'react';
import styles from './Button.module.css';

export type Kind = 'plain' | 'primary' | 'danger' | 'quiet';

interface Look {
  kind?: Kind;
  size?: 'normal' | 'small';
  icon?: ReactNode;
}

export function buttonClass({ kind = 'plain', size = 'normal' }: Look) {
  return `${styles.button} ${styles[kind]} ${size === 'small' ? styles.small : ''}`;
}

export function Button({
  kind,
  size,
  icon,
  busy = false,
  children,
  className = '',
  ...rest
}: ComponentProps<'button'> & Look & { busy?: boolean }) {
  const off = busy || rest['aria-disabled'] === true || rest['aria-disabled'] === 'true';
  return (
    <button
      type="button"
      {...rest}
      className={`${buttonClass({ kind, size })} ${className}`}
      aria-disabled={off || undefined}
      onClick={off ? (event) => event.preventDefault() : rest.onClick}
    >
      {busy ? <span className={styles.spinner} aria-hidden="true" /> : icon}
      {children}
    </button>
  );
}
