// Asks for the password before an action that needs fresh authentication, and resumes the action.
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Button } from '../ui/Button';
import styles from '../ui/Dialog.module.css';
import { Password } from '../ui/Field';
import { useRestoreFocus } from '../ui/focus';
import { confirmWith, setHooks } from './api';
import { errorText } from './LoadError';
import { viewer } from './queries';

export function ConfirmPassword() {
  const [resolvers, setResolvers] = useState<((confirmed: boolean) => void)[]>([]);
  useEffect(() => {
    setHooks({ confirm: () => new Promise((resolve) => setResolvers((before) => [...before, resolve])) });
  }, []);
  if (resolvers.length === 0) return null;
  return (
    <Dialog
      onClose={(confirmed) => {
        for (const resolve of resolvers) resolve(confirmed);
        setResolvers([]);
      }}
    />
  );
}

function Dialog({ onClose }: { onClose: (confirmed: boolean) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const username = useQueryClient().getQueryData(viewer.queryKey)?.viewer.username;
  useRestoreFocus();
  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await confirmWith(new FormData(event.currentTarget).get('password'));
      onClose(true);
    } catch (failure) {
      setError(errorText(failure));
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
        if (!busy) onClose(false);
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
          <Button onClick={() => onClose(false)} aria-disabled={busy}>
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
