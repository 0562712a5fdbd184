// Short messages at the edge of the page: at most three, announced to screen readers. Errors stay until dismissed.
import { X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import styles from './toast.module.css';

interface Toast {
  id: number;
  text: string;
  isError: boolean;
}

const MAX_TOASTS = 3;
const DURATION = 8_000;

let toasts: readonly Toast[] = [];
let next = 0;
const listeners = new Set<() => void>();

function set(changed: readonly Toast[]) {
  toasts = changed;
  for (const listener of listeners) listener();
}

const dismiss = (id: number) => set(toasts.filter((toast) => toast.id !== id));

export function showToast(text: string, { isError = false } = {}) {
  next += 1;
  const id = next;
  set([...toasts, { id, text, isError }].slice(-MAX_TOASTS));
  if (!isError) setTimeout(() => dismiss(id), DURATION);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className={styles.toasts} role="status" aria-live="polite">
      {shown.map(({ id, text, isError }) => (
        <div key={id} className={`${styles.toast} ${isError ? styles.error : ''}`}>
          <span>{text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <X size={16} aria-hidden="true" />
          </button>
        </div>
      ))}
    </div>
  );
}
