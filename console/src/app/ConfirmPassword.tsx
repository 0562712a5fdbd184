// Asks for the password again before something that needs fresh authentication, and lets what waited go on.
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Button } from '../ui/Button';
import styles from '../ui/Dialog.module.css';
import { Password } from '../ui/Field';
import { useFocusBack } from '../ui/focus';
import { confirmWith, hook } from './api';
import { inOneLine } from './LoadError';
import { viewer } from './queries';

export function Confirm() {
  const [waiting, setWaiting] = useState<((given: boolean) => void)[]>([]);
  useEffect(() => {
    hook({ confirm: () => new Promise((resolve) => setWaiting((before) => [...before, resolve])) });
  }, []);
  if (waiting.length === 0) return null;
  return (
    <Dialog
      onEnd={(given) => {
        for (const resolve of waiting) resolve(given);
        setWaiting([]);
      }}
    />
  );
}

function Dialog({ onEnd }: { onEnd: (given: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const username = useQueryClient().getQueryData(viewer.queryKey)?.viewer.username;
  useFocusBack();
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await confirmWith(new FormData(event.currentTarget).get('password'));
      onEnd(true);
    } catch (refusal) {
      setError(inOneLine(refusal));
      setBusy(false);
    }
  }

  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby="confirm-title"
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onEnd(false);
      }}
    >
      <h2 id="confirm-title">Confirm your password</h2>
      <p className="muted">You signed in more than 15 minutes ago. Enter your password to continue.</p>
      <form className="stack" onSubmit={submit}>
        <input type="text" name="username" autoComplete="username" value={username ?? ''} readOnly hidden />
        <Password
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          maxLength={256}
          autoFocus
          error={error}
          onChange={() => setError(undefined)}
        />
        <div className={styles.buttons}>
          <Button onClick={() => onEnd(false)} aria-disabled={busy}>
            Cancel
          </Button>
          <Button kind="primary" type="submit" busy={busy}>
            Confirm
          </Button>
        </div>
      </form>
    </dialog>
  );
}
