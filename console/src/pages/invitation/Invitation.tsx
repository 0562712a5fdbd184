// Sets the password of an invited user; the first user also enters their details and an organization.
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useRouter } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { call, isServiceError } from '../../app/api';
import { CardPage } from '../../app/CardPage';
import { FORM, type FormErrors, formErrorsOf, useFormErrors } from '../../app/formErrors';
import { viewer } from '../../app/queries';
import { checkLength, LENGTH_ERROR } from '../../lib/password';
import { slugOf } from '../../lib/slug';
import { Button, buttonClass } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { focusHeading } from '../../ui/focus';
import { NewPassword } from '../../ui/NewPassword';
import { Notice } from '../../ui/Panel';
import styles from './Invitation.module.css';

const route = getRouteApi('/invitations/$code');

/** The inputs of the first user, besides the password. */
const FIRST_USER_INPUTS = ['username', 'name', 'email', 'organization.name', 'organization.slug'];

export function Invitation() {
  const { code } = route.useParams();
  const [noAccounts, setNoAccounts] = useState(false);
  const first = route.useSearch().first !== undefined || noAccounts;
  const router = useRouter();
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const { errors, setErrors, clearErrors } = useFormErrors(form);
  const [expired, setExpired] = useState(false);
  const [busy, setBusy] = useState(false);

  async function accept(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? '');
    const missing: FormErrors = {};
    if (first) {
      for (const [name, error] of Object.entries(REQUIRED)) if (text(name).trim() === '') missing[name] = error;
    }
    if (!checkLength(text('password')).enough) missing.password = LENGTH_ERROR;
    if (Object.keys(missing).length > 0) {
      setErrors(missing);
      return;
    }
    setErrors(undefined);
    setBusy(true);
    const user = first && {
      username: text('username').trim(),
      name: text('name').trim(),
      email: text('email').trim(),
      organization: { slug: text('organization.slug').trim(), name: text('organization.name').trim() },
    };
    try {
      await call('POST', `/invitations/${encodeURIComponent(code)}`, { password: text('password'), ...user });
      client.clear();
      await client.prefetchQuery(viewer);
      // The used code leaves the browser’s history.
      router.navigate({ to: '/tokens', replace: true });
    } catch (error) {
      setBusy(false);
      if (isServiceError(error, 'NOT_FOUND')) setExpired(true);
      else if (!first && FIRST_USER_INPUTS.some((input) => input in formErrorsOf(error, FIRST_USER_INPUTS))) {
        // The link was opened without its last part. It is still unused, so the missing details are requested.
        setNoAccounts(true);
        setErrors({ [FORM]: 'No account exists yet. Enter your details and those of your organization.' });
      } else setErrors(formErrorsOf(error, first ? ['password', ...FIRST_USER_INPUTS] : ['password']));
    }
  }

  function applyChanges({ target }: FormEvent<HTMLFormElement>) {
    if (!(target instanceof HTMLInputElement)) return;
    // The slug is proposed from the name of the organization.
    clearErrors(target.name, ...(target.name === 'organization.name' ? ['organization.slug'] : []));
  }

  if (expired) return <ExpiredLink first={first} />;
  return (
    <CardPage
      title={first ? 'Set up Tokenward' : 'Set your password'}
      about={
        first
          ? 'You are the first user, and will be the administrator of this organization.'
          : 'You will sign in with this password. The link works only once.'
      }
    >
      {errors?.form && (
        <Notice tone="danger" title={first ? 'Setup failed' : 'The password could not be set'}>
          <p>{errors.form}</p>
        </Notice>
      )}
      <form ref={form} className="stack" onSubmit={accept} onChange={applyChanges} noValidate>
        {first && <FirstUserFields errors={errors} />}
        <NewPassword autoFocus={!first} error={errors?.password} />
        <Button kind="primary" type="submit" busy={busy}>
          {first ? 'Set up and sign in' : 'Set password and sign in'}
        </Button>
      </form>
    </CardPage>
  );
}

const REQUIRED = {
  'organization.name': 'Enter a name for the organization.',
  'organization.slug': 'Enter a slug.',
  name: 'Enter your name.',
  username: 'Enter a username.',
  email: 'Enter an email address.',
};

function FirstUserFields({ errors }: { errors: FormErrors | undefined }) {
  const [name, setName] = useState('');
  const [written, setWritten] = useState<string>();
  return (
    <>
      <h2 className={styles.part}>Organization</h2>
      <Field
        label="Name"
        name="organization.name"
        value={name}
        onChange={(event) => setName(event.target.value)}
        maxLength={100}
        autoComplete="organization"
        required
        autoFocus
        error={errors?.['organization.name']}
      />
      <Field
        label="Slug"
        name="organization.slug"
        value={written ?? slugOf(name)}
        onChange={(event) => setWritten(event.target.value)}
        maxLength={64}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        required
        help="Used in URLs. Can’t be changed later. Allowed: a–z, 0–9, hyphens, underscores and dots."
        error={errors?.['organization.slug']}
      />
      <h2 className={styles.part}>You</h2>
      <Field label="Name" name="name" maxLength={100} autoComplete="name" required error={errors?.name} />
      <Field label="Email" name="email" type="email" maxLength={254} autoComplete="email" required error={errors?.email} />
      <Field
        label="Username"
        name="username"
        maxLength={64}
        autoComplete="username"
        autoCapitalize="off"
        spellCheck={false}
        required
        help="Allowed: a–z, 0–9, hyphens, underscores and dots."
        error={errors?.username}
      />
    </>
  );
}

function ExpiredLink({ first }: { first: boolean }) {
  useEffect(focusHeading, []);
  return (
    <CardPage title="This link is no longer valid">
      <div className="stack">
        <p>A sign-in link works once, within 24 hours. This one was already used, has expired or was copied incompletely.</p>
        <p>
          {first
            ? 'If no account exists yet, restart the service to get a new link: the terminal shows it, or the log names the file that contains it. Otherwise, sign in.'
            : 'If you have already set a password, sign in. Otherwise, ask your administrator for a new link.'}
        </p>
        <Link to="/sign-in" className={buttonClass({ kind: 'primary' })}>
          Go to sign-in
        </Link>
      </div>
    </CardPage>
  );
}
