// Confirms an action that cannot easily be undone: the cancel button has the focus, and the labels name the actions.
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Button, type Kind } from './Button';
import styles from './Dialog.module.css';
import { useRestoreFocus } from './focus';

interface Props {
  title: string;
  children: ReactNode;
  /** The label of the cancel button. */
  cancelLabel: string;
  /** The label of the confirm button. */
  confirmLabel: string;
  kind?: Kind;
  busy: boolean;
  onCancel: () => void;
  onConfirm: () => void;
}

export function ConfirmDialog({ title, children, cancelLabel, confirmLabel, kind = 'danger', busy, onCancel, onConfirm }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const cancelButton = useRef<HTMLButtonElement>(null);
  const id = useId();
  useRestoreFocus();
  useEffect(() => {
    dialog.current?.showModal();
    cancelButton.current?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      role="alertdialog"
      className={`sheet ${styles.dialog}`}
      aria-labelledby={`${id}title`}
      aria-describedby={`${id}text`}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onCancel();
      }}
    >
      <h2 id={`${id}title`}>{title}</h2>
      <div id={`${id}text`} className="stack">
        {children}
      </div>
      <div className={styles.buttons}>
        <Button ref={cancelButton} onClick={onCancel} aria-disabled={busy}>
          {cancelLabel}
        </Button>
        <Button kind={kind} busy={busy} onClick={onConfirm}>
          {confirmLabel}
        </Button>
      </div>
    </dialog>
  );
}
