// What somebody is called here, their password, and where they are signed in.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ask } from '../../app/api';
import { FORM, useWrong, wrongOf } from '../../app/formErrors';
import { Failure } from '../../app/LoadError';
import { ChangePasswordDocument, SettingsDocument, type SettingsQuery, UpdateProfileDocument } from '../../gql/graphql';
import { lengthOf, UNFIT } from '../../lib/password';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { NewPassword } from '../../ui/NewPassword';
import { Fact, Facts, Head, Notice, Panel, Skeleton } from '../../ui/Panel';
import { say } from '../../ui/toast';
import { Sessions } from './Sessions';
import styles from './Settings.module.css';

export type Self = SettingsQuery['viewer'];

export function Settings() {
  const { data, error, refetch } = useQuery({
    queryKey: ['sessions', 'settings'],
    queryFn: ({ signal }) => ask(SettingsDocument, {}, signal),
  });
  const self = data?.viewer;
  return (
    <>
      <Head title="Profile and sessions" about="Your profile, your password and where you are signed in." />
      {error && !self && <Failure error={error} again={() => refetch()} />}
      {(self || !error) && (
        <div className={styles.page}>
          <Panel title="Profile">{self ? <Profile self={self} /> : <Skeleton lines={4} />}</Panel>
          {self?.hasPassword && <NewOne username={self.username} />}
          {self ? (
            <Sessions self={self} />
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

function Profile({ self }: { self: Self }) {
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState(self.name);
  const { wrong, setWrong, changed } = useWrong(form);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();

  async function save(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    if (name === self.name) {
      say('Your name is unchanged.');
      return;
    }
    if (name.trim() === '') {
      setWrong({ name: 'Enter your name.' });
      return;
    }
    setBusy(true);
    setWrong(undefined);
    try {
      const { updateProfile } = await ask(UpdateProfileDocument, { input: { name } });
      setName(updateProfile?.user.name ?? name);
      await Promise.all(
        ['viewer', 'sessions', 'members', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })),
      );
      say('Your name was changed.');
    } catch (error) {
      setWrong(wrongOf(error, ['name']));
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
            changed('name', FORM);
          }}
          maxLength={100}
          autoComplete="name"
          required
          help="Visible to members of your organizations. If an identity provider supplies your name, it may overwrite this one."
          error={wrong?.name ?? wrong?.form}
        />
      </div>
      <Facts>
        <Fact name="Username">{self.username}</Fact>
        <Fact name="Email">{self.email ?? <span className="muted">None. You do not receive emails.</span>}</Fact>
      </Facts>
      <div>
        <Button type="submit" busy={busy}>
          Save name
        </Button>
      </div>
    </form>
  );
}

function NewOne({ username }: { username: string }) {
  const form = useRef<HTMLFormElement>(null);
  const { wrong, setWrong, changed } = useWrong(form);
  const [busy, setBusy] = useState(false);
  /** Another one empties the form. */
  const [turn, setTurn] = useState(0);
  const client = useQueryClient();

  async function change(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const newPassword = String(new FormData(event.currentTarget).get('password') ?? '');
    if (!lengthOf(newPassword).enough) {
      setWrong({ newPassword: UNFIT });
      return;
    }
    setBusy(true);
    setWrong(undefined);
    try {
      // Not a mutation of the cache, which would keep the password.
      await ask(ChangePasswordDocument, { input: { newPassword } });
      setTurn(turn + 1);
      say('Your password was changed, and your other sessions were signed out.');
      await Promise.all(['sessions', 'viewer', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    } catch (error) {
      setWrong(wrongOf(error, ['newPassword']));
    }
    setBusy(false);
  }

  return (
    <Panel title="Password" about="Changing your password signs out your other sessions. Your tokens keep working.">
      <form ref={form} onSubmit={change} noValidate className="stack">
        <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
        <div className={styles.narrow}>
          <NewPassword key={turn} label="New password" error={wrong?.newPassword} onChange={() => changed('newPassword')} />
        </div>
        {wrong?.form && (
          <Notice tone="danger" title="The password was not changed">
            <p>{wrong.form}</p>
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
