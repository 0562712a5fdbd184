// Signs in and redirects to the requested page.
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { call, isServiceError } from '../../app/api';
import { CardPage } from '../../app/CardPage';
import { errorText } from '../../app/LoadError';
import { viewer } from '../../app/queries';
import { isSessionExpired, markSignedIn } from '../../app/sessionExpiry';
import { durationText } from '../../lib/duration';
import { Button } from '../../ui/Button';
import { Field, Password } from '../../ui/Field';
import { Notice } from '../../ui/Panel';

const route = getRouteApi('/sign-in');

export function SignIn() {
  const { next } = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const password = useRef<HTMLInputElement>(null);
  const [signInError, setSignInError] = useState<SignInError>();
  const [busy, setBusy] = useState(false);

  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setSignInError(undefined);
    try {
      // Phone keyboards append a space to suggested words.
      const username = String(form.get('username')).trim();
      await call('POST', '/session', { username, password: form.get('password') });
      // Removes everything that a previous user was shown.
      client.clear();
      await client.fetchQuery(viewer).catch((error) => {
        if (isServiceError(error, 'UNAUTHENTICATED')) throw new CookieRejected();
      });
      redirect();
    } catch (error) {
      setBusy(false);
      setSignInError(signInErrorOf(error));
      if (password.current && isServiceError(error, 'UNAUTHENTICATED')) password.current.value = '';
      password.current?.focus();
    }
  }

  function redirect() {
    markSignedIn();
    const to = next ?? '/tokens';
    // GraphiQL is a separate document.
    if (/^\/graphiql(?![^/?#])/.test(to)) window.location.replace(to);
    else router.history.replace(to);
  }

  return (
    <CardPage title="Sign in" about="Create API tokens, see how they are used, and revoke the ones that are no longer needed.">
      {!signInError && isSessionExpired() && (
        <Notice tone="warn" title="Your session expired">
          <p>Sign in to continue.</p>
        </Notice>
      )}
      {signInError && (
        <Notice tone="danger" title={signInError.title}>
          {signInError.text && <p>{signInError.text}</p>}
        </Notice>
      )}
      <form className="stack" onSubmit={signIn} onChange={() => signInError?.isAboutInput && setSignInError(undefined)}>
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
    </CardPage>
  );
}

/** The session was created, but the browser did not keep its cookie. */
class CookieRejected extends Error {}

interface SignInError {
  title: string;
  text?: string;
  /** Whether the error concerns the input, and disappears when it changes. */
  isAboutInput?: boolean;
}

function signInErrorOf(error: unknown): SignInError {
  if (error instanceof CookieRejected) {
    return {
      title: 'Your browser did not store the session cookie',
      text: 'Your password is correct. Allow cookies for this site, and open it over HTTPS or at the address given by your operator.',
    };
  }
  if (isServiceError(error, 'RATE_LIMITED')) {
    return {
      title: 'Too many attempts',
      text: `Too many sign-ins failed. Try again in ${durationText(error.retryAfter ?? 60)}.`,
    };
  }
  if (isServiceError(error, 'UNAUTHENTICATED')) return { title: 'Incorrect username or password.', isAboutInput: true };
  return { title: 'Sign-in failed', text: errorText(error) };
}
