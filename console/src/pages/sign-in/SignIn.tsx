// Where people sign in, and from where they go on to what they wanted.
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { call, isRefusal } from '../../app/api';
import { Front } from '../../app/CardPage';
import { inOneLine } from '../../app/LoadError';
import { viewer } from '../../app/queries';
import { noteBeginning, sessionEnded } from '../../app/sessionExpiry';
import { waitOf } from '../../lib/duration';
import { Button } from '../../ui/Button';
import { Field, Password } from '../../ui/Field';
import { Notice } from '../../ui/Panel';

const route = getRouteApi('/sign-in');

export function SignIn() {
  const { next } = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const password = useRef<HTMLInputElement>(null);
  const [refused, setRefused] = useState<Refused>();
  const [busy, setBusy] = useState(false);

  async function enter(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setRefused(undefined);
    try {
      // Phones put a blank behind a suggested word.
      const username = String(form.get('username')).trim();
      await call('POST', '/session', { username, password: form.get('password') });
      // Nothing that somebody else was shown stays.
      client.clear();
      await client.fetchQuery(viewer).catch((error) => {
        if (isRefusal(error, 'UNAUTHENTICATED')) throw new Forgotten();
      });
      goOn();
    } catch (error) {
      setBusy(false);
      setRefused(refusalOf(error));
      if (password.current && isRefusal(error, 'UNAUTHENTICATED')) password.current.value = '';
      password.current?.focus();
    }
  }

  function goOn() {
    noteBeginning();
    const to = next ?? '/tokens';
    // GraphiQL is a page of its own.
    if (/^\/graphiql(?![^/?#])/.test(to)) window.location.replace(to);
    else router.history.replace(to);
  }

  return (
    <Front title="Sign in" about="Create API tokens, see how they are used, and revoke the ones that are no longer needed.">
      {!refused && sessionEnded() && (
        <Notice tone="warn" title="Your session expired">
          <p>Sign in to continue.</p>
        </Notice>
      )}
      {refused && (
        <Notice tone="danger" title={refused.title}>
          {refused.text && <p>{refused.text}</p>}
        </Notice>
      )}
      <form className="stack" onSubmit={enter} onChange={() => refused?.written && setRefused(undefined)}>
        <Field
          label="Username or email"
          name="username"
          autoComplete="username"
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          maxLength={254}
          required
          autoFocus
        />
        <Password ref={password} label="Password" name="password" autoComplete="current-password" maxLength={256} required />
        <Button kind="primary" type="submit" busy={busy}>
          Sign in
        </Button>
      </form>
      <p className="muted small">No account or forgot your password? Ask your administrator for a sign-in link.</p>
    </Front>
  );
}

/** The browser was given a session and does not show it. */
class Forgotten extends Error {}

interface Refused {
  title: string;
  text?: string;
  /** Whether it is about what was written, and over when something else is. */
  written?: boolean;
}

function refusalOf(error: unknown): Refused {
  if (error instanceof Forgotten) {
    return {
      title: 'Your browser did not store the session cookie',
      text: 'Your password is correct. Allow cookies for this site, and open it over HTTPS or at the address given by your operator.',
    };
  }
  if (isRefusal(error, 'RATE_LIMITED')) {
    return {
      title: 'Too many attempts',
      text: `Too many sign-ins failed. Try again in ${waitOf(error.retryAfter ?? 60)}.`,
    };
  }
  if (isRefusal(error, 'UNAUTHENTICATED')) return { title: 'Incorrect username or password.', written: true };
  return { title: 'Sign-in failed', text: inOneLine(error) };
}
