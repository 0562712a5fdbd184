// Changes what a token is for, what it may do, and brings its end nearer.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ask } from '../../app/api';
import { useWrong, type Wrong, wrongOf } from '../../app/formErrors';
import { Failure } from '../../app/LoadError';
import { catalogue } from '../../app/queries';
import { UpdateTokenDocument, type UpdateTokenInput } from '../../gql/graphql';
import { type Expiry, endOf } from '../../lib/expiry';
import { LONGEST } from '../../lib/prefill';
import { same, touched } from '../../lib/scopes';
import { Button } from '../../ui/Button';
import { ExpiryPicker } from '../../ui/ExpiryPicker';
import { Field } from '../../ui/Field';
import { Notice, Panel, Skeleton } from '../../ui/Panel';
import { ScopePicker } from '../../ui/ScopePicker';
import { say } from '../../ui/toast';
import { changed } from './Organizations';
import type { OwnToken } from './Token';
import styles from './Token.module.css';

const INPUTS = ['description', 'scopes', 'expiresAt'];

const names = ({ scopes }: OwnToken): ReadonlySet<string> => new Set(scopes.map(({ name }) => name));

export function Edit({ token, onEnd }: { token: OwnToken; onEnd: () => void }) {
  const form = useRef<HTMLFormElement>(null);
  // The token as it was when this was opened: `token` is asked for again meanwhile, and only what is touched here is changed.
  const [before] = useState(token);
  const held = names(before);
  const [description, setDescription] = useState(before.description);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(held);
  const [expiry, setExpiry] = useState<Expiry>({ kind: 'keep' });
  const { wrong, setWrong, changed: changedInput } = useWrong(form);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const { data: all, error, refetch } = useQuery(catalogue);

  async function save(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const end = endOf(expiry, Date.now());
    const missing: Wrong = {};
    if (description.trim() === '') missing.description = 'Enter a description.';
    if (chosen.size === 0) missing.scopes = 'Select at least one scope. To remove all of them, revoke the token.';
    if (expiry.kind !== 'keep' && !end) missing.expiresAt = 'Select an expiry date.';
    if (Object.keys(missing).length > 0) {
      setWrong(missing);
      return;
    }
    const input: UpdateTokenInput = { tokenId: token.id };
    if (description !== before.description) input.description = description;
    if (!same(chosen, held)) input.scopes = [...touched(names(token), held, chosen)];
    // The day that it ends on anyway is no change.
    if (end && !(before.expiresAt && end >= new Date(before.expiresAt))) input.expiresAt = end.toISOString();
    setWrong(undefined);
    if (Object.keys(input).length === 1) {
      onEnd();
      return;
    }
    setBusy(true);
    try {
      await ask(UpdateTokenDocument, { input });
      await changed(client);
      say('Token updated.');
      onEnd();
    } catch (refusal) {
      setWrong(wrongOf(refusal, INPUTS));
      setBusy(false);
    }
  }

  if (error && !all) return <Failure error={error} again={() => refetch()} />;
  return (
    <form ref={form} onSubmit={save} noValidate>
      <Panel title="Edit token" about="The token’s value doesn’t change.">
        {all ? (
          <div className={styles.form}>
            <Field
              label="Description"
              value={description}
              onChange={(event) => {
                setDescription(event.target.value);
                changedInput('description');
              }}
              maxLength={LONGEST}
              required
              autoFocus
              autoComplete="off"
              error={wrong?.description}
            />
            <ScopePicker
              legend="Scopes"
              scopes={[...all, ...before.scopes.filter(({ name }) => !all.some((scope) => scope.name === name))]}
              chosen={chosen}
              onChoose={(next) => {
                setChosen(next);
                changedInput('scopes');
              }}
              error={wrong?.scopes}
            />
            <ExpiryPicker
              legend="Expiry"
              expiry={expiry}
              onChoose={(next) => {
                setExpiry(next);
                changedInput('expiresAt');
              }}
              present={before.expiresAt ?? null}
              error={wrong?.expiresAt}
            />
            {wrong?.form && (
              <Notice tone="danger" title="The token was not updated">
                <p>{wrong.form}</p>
              </Notice>
            )}
            <div className="row">
              <Button kind="primary" type="submit" busy={busy}>
                Save changes
              </Button>
              <Button kind="quiet" onClick={onEnd}>
                Cancel
              </Button>
            </div>
          </div>
        ) : (
          <Skeleton lines={8} />
        )}
      </Panel>
    </form>
  );
}
