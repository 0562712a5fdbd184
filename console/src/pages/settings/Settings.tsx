// The profile, password and sessions of the viewer.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ask } from '../../app/api';
import { FORM, formErrorsOf, useFormErrors } from '../../app/formErrors';
import { LoadError } from '../../app/LoadError';
import { ChangePasswordDocument, SettingsDocument, type SettingsQuery, UpdateProfileDocument } from '../../gql/graphql';
import { checkLength, LENGTH_ERROR } from '../../lib/password';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { NewPassword } from '../../ui/NewPassword';
import { Fact, Facts, Notice, PageHeader, Panel, Skeleton } from '../../ui/Panel';
import { showToast } from '../../ui/toast';
import { Sessions } from './Sessions';
import styles from './Settings.module.css';

type Viewer = SettingsQuery['viewer'];

export function Settings() {
  const { data, error, refetch } = useQuery({
    queryKey: ['sessions', 'settings'],
    queryFn: ({ signal }) => ask(SettingsDocument, {}, signal),
  });
  const viewer = data?.viewer;
  return (
    <>
      <PageHeader title="Profile and sessions" about="Your profile, your password and where you are signed in." />
      {error && !viewer && <LoadError error={error} onRetry={() => refetch()} />}
      {(viewer || !error) && (
        <div className={styles.page}>
          <Panel title="Profile">{viewer ? <Profile viewer={viewer} /> : <Skeleton lines={4} />}</Panel>
          {viewer?.hasPassword && <PasswordForm username={viewer.username} />}
          {viewer ? (
            <Sessions sessions={viewer.sessions?.nodes ?? []} />
          ) : (
            <Panel title="Sessions">
              <Skeleton lines={4} />
            </Panel>
          )}
        </div>
      )}
    </>
  );
}

function Profile({ viewer }: { viewer: Viewer }) {
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState(viewer.name);
  const { errors, setErrors, clearErrors } = useFormErrors(form);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();

  async function save(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    if (name === viewer.name) {
      showToast('Your name is unchanged.');
      return;
    }
    if (name.trim() === '') {
      setErrors({ name: 'Enter your name.' });
      return;
    }
    setBusy(true);
    setErrors(undefined);
    try {
      const { updateProfile } = await ask(UpdateProfileDocument, { input: { name } });
      setName(updateProfile?.user.name ?? name);
      await Promise.all(
        ['viewer', 'sessions', 'members', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })),
      );
      showToast('Your name was changed.');
    } catch (error) {
      setErrors(formErrorsOf(error, ['name']));
    }
    setBusy(false);
  }

  return (
    <form ref={form} onSubmit={save} noValidate className="stack">
      <div className={styles.narrow}>
        <Field
          label="Name"
          name="name"
          value={name}
          onChange={(event) => {
            setName(event.target.value);
            clearErrors('name', FORM);
          }}
          maxLength={100}
          autoComplete="name"
          required
          help="Visible to members of your organizations. If an identity provider supplies your name, it may overwrite this one."
          error={errors?.name ?? errors?.form}
        />
      </div>
      <Facts>
        <Fact name="Username">{viewer.username}</Fact>
        <Fact name="Email">{viewer.email ?? <span className="muted">None. You do not receive emails.</span>}</Fact>
      </Facts>
      <div>
        <Button type="submit" busy={busy}>
          Save name
        </Button>
      </div>
    </form>
  );
}

function PasswordForm({ username }: { username: string }) {
  const form = useRef<HTMLFormElement>(null);
  const { errors, setErrors, clearErrors } = useFormErrors(form);
  const [busy, setBusy] = useState(false);
  /** A new key resets the form. */
  const [formKey, setFormKey] = useState(0);
  const client = useQueryClient();

  async function change(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const newPassword = String(new FormData(event.currentTarget).get('password') ?? '');
    if (!checkLength(newPassword).enough) {
      setErrors({ newPassword: LENGTH_ERROR });
      return;
    }
    setBusy(true);
    setErrors(undefined);
    try {
      // Not a cached mutation, which would keep the password.
      await ask(ChangePasswordDocument, { input: { newPassword } });
      setFormKey(formKey + 1);
      showToast('Your password was changed, and your other sessions were signed out.');
      await Promise.all(['sessions', 'viewer', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    } catch (error) {
      setErrors(formErrorsOf(error, ['newPassword']));
    }
    setBusy(false);
  }

  return (
    <Panel title="Password" about="Changing your password signs out your other sessions. Your tokens keep working.">
      <form ref={form} onSubmit={change} noValidate className="stack">
        <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
        <div className={styles.narrow}>
          <NewPassword
            key={formKey}
            label="New password"
            error={errors?.newPassword}
            onChange={() => clearErrors('newPassword')}
          />
        </div>
        {errors?.form && (
          <Notice tone="danger" title="The password was not changed">
            <p>{errors.form}</p>
          </Notice>
        )}
        <div>
          <Button type="submit" busy={busy}>
            Change password
          </Button>
        </div>
      </form>
    </Panel>
  );
}
