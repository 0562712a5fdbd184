// A question before something that cannot be undone easily: the safe answer has the focus, and buttons are named by what follows.
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Button, type Kind } from './Button';
import styles from './Dialog.module.css';
import { useFocusBack } from './focus';

interface Props {
  title: string;
  children: ReactNode;
  /** The answer that changes nothing. */
  keep: string;
  /** The answer that does it. */
  act: string;
  kind?: Kind;
  busy: boolean;
  onKeep: () => void;
  onAct: () => void;
}

export function Question({ title, children, keep, act, kind = 'danger', busy, onKeep, onAct }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const safe = useRef<HTMLButtonElement>(null);
  const id = useId();
  useFocusBack();
  useEffect(() => {
    dialog.current?.showModal();
    safe.current?.focus();
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
        if (!busy) onKeep();
      }}
    >
      <h2 id={`${id}title`}>{title}</h2>
      <div id={`${id}text`} className="stack">
        {children}
      </div>
      <div className={styles.buttons}>
        <Button ref={safe} onClick={onKeep} aria-disabled={busy}>
          {keep}
        </Button>
        <Button kind={kind} busy={busy} onClick={onAct}>
          {act}
        </Button>
      </div>
    </dialog>
  );
}
