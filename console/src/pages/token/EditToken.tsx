// Edits the description, scopes and expiry of a token.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ask } from '../../app/api';
import { type FormErrors, formErrorsOf, useFormErrors } from '../../app/formErrors';
import { LoadError } from '../../app/LoadError';
import { catalogue } from '../../app/queries';
import { type TokenDetailsFragment, UpdateTokenDocument, type UpdateTokenInput } from '../../gql/graphql';
import { type Expiry, endOf } from '../../lib/expiry';
import { MAX_DESCRIPTION_LENGTH } from '../../lib/limits';
import { applyChanges, isSameSet } from '../../lib/scopes';
import { Button } from '../../ui/Button';
import { ExpiryPicker } from '../../ui/ExpiryPicker';
import { Field } from '../../ui/Field';
import { Notice, Panel, Skeleton } from '../../ui/Panel';
import { ScopePicker } from '../../ui/ScopePicker';
import { showToast } from '../../ui/toast';
import { refreshTokens } from './changes';
import styles from './Token.module.css';

const INPUTS = ['description', 'scopes', 'expiresAt'];

const names = ({ scopes }: TokenDetailsFragment): ReadonlySet<string> => new Set(scopes.map(({ name }) => name));

export function EditToken({ token, onClose }: { token: TokenDetailsFragment; onClose: () => void }) {
  const form = useRef<HTMLFormElement>(null);
  // The token when the form was opened: `token` is refetched meanwhile, and only edited fields are sent.
  const [before] = useState(token);
  const originalScopes = names(before);
  const [description, setDescription] = useState(before.description);
  const [selected, setSelected] = useState<ReadonlySet<string>>(originalScopes);
  const [expiry, setExpiry] = useState<Expiry>({ kind: 'keep' });
  const { errors, setErrors, clearErrors } = useFormErrors(form);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const { data: all, error, refetch } = useQuery(catalogue);

  async function save(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const end = endOf(expiry, Date.now());
    const missing: FormErrors = {};
    if (description.trim() === '') missing.description = 'Enter a description.';
    if (selected.size === 0) missing.scopes = 'Select at least one scope. To remove all of them, revoke the token.';
    if (expiry.kind !== 'keep' && !end) missing.expiresAt = 'Select an expiry date.';
    if (Object.keys(missing).length > 0) {
      setErrors(missing);
      return;
    }
    const input: UpdateTokenInput = { tokenId: token.id };
    if (description !== before.description) input.description = description;
    if (!isSameSet(selected, originalScopes)) input.scopes = [...applyChanges(names(token), originalScopes, selected)];
    // A later date than the current expiry is no change.
    if (end && !(before.expiresAt && end >= new Date(before.expiresAt))) input.expiresAt = end.toISOString();
    setErrors(undefined);
    if (Object.keys(input).length === 1) {
      onClose();
      return;
    }
    setBusy(true);
    try {
      await ask(UpdateTokenDocument, { input });
      await refreshTokens(client);
      showToast('Token updated.');
      onClose();
    } catch (failure) {
      setErrors(formErrorsOf(failure, INPUTS));
      setBusy(false);
    }
  }

  if (error && !all) return <LoadError error={error} onRetry={() => refetch()} />;
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
                clearErrors('description');
              }}
              maxLength={MAX_DESCRIPTION_LENGTH}
              required
              autoFocus
              autoComplete="off"
              error={errors?.description}
            />
            <ScopePicker
              legend="Scopes"
              scopes={[...all, ...before.scopes.filter(({ name }) => !all.some((scope) => scope.name === name))]}
              chosen={selected}
              onChoose={(next) => {
                setSelected(next);
                clearErrors('scopes');
              }}
              error={errors?.scopes}
            />
            <ExpiryPicker
              legend="Expiry"
              expiry={expiry}
              onChoose={(next) => {
                setExpiry(next);
                clearErrors('expiresAt');
              }}
              present={before.expiresAt ?? null}
              error={errors?.expiresAt}
            />
            {errors?.form && (
              <Notice tone="danger" title="The token was not updated">
                <p>{errors.form}</p>
              </Notice>
            )}
            <div className="row">
              <Button kind="primary" type="submit" busy={busy}>
                Save changes
              </Button>
              <Button kind="quiet" onClick={onClose}>
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
