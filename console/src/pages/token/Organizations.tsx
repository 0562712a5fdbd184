// The organizations of a token, the removed ones, and how to add and remove them.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { errorText } from '../../app/LoadError';
import { myOrganizations } from '../../app/queries';
import { latestRemovals } from '../../app/removals';
import {
  type OwnGrantFragment,
  RemoveOwnOrganizationDocument,
  type RemoveOwnOrganizationMutation,
  type TokenDetailsFragment,
} from '../../gql/graphql';
import { MAX_ORGANIZATIONS } from '../../lib/limits';
import { long } from '../../lib/time';
import { Ago, useNow } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { Select } from '../../ui/Field';
import { Notice, Panel } from '../../ui/Panel';
import { showToast } from '../../ui/toast';
import { refreshTokens, useAddOrganization } from './changes';
import styles from './Token.module.css';

export function Organizations({ token }: { token: TokenDetailsFragment }) {
  const active = token.status === 'ACTIVE';
  const unremoved = token.unremoved?.nodes ?? [];
  const removed = latestRemovals(token.removed?.nodes ?? [], unremoved);
  const [removing, setRemoving] = useState<OwnGrantFragment>();
  const add = useAddOrganization(token.id);
  const { data: all } = useQuery({ ...myOrganizations, enabled: active });
  const places = all?.map(({ node }) => node);
  const others = places?.filter(({ id }) => !unremoved.some(({ organization }) => organization.id === id)) ?? [];
  const full = unremoved.length >= MAX_ORGANIZATIONS;
  return (
    <Panel
      id="organizations"
      title="Organizations"
      about={
        active
          ? 'The token can access these organizations while you are a member.'
          : 'The token had access to these organizations.'
      }
    >
      {unremoved.length === 0 &&
        (active ? (
          <Notice tone="warn" title="This token has no access to any organization">
            <p>Requests that require an organization are denied. Add an organization to use the token again, or revoke it.</p>
          </Notice>
        ) : (
          <p className="muted">None.</p>
        ))}
      {unremoved.length > 0 && (
        <ul className={styles.list}>
          {unremoved.map((grant) => (
            <li key={grant.id}>
              <div>
                <strong>{grant.organization.name}</strong> <span className="muted">{grant.organization.slug}</span>
                <p className="muted small">
                  Added <Ago at={grant.grantedAt} />.{' '}
                  {grant.lastUsedAt ? (
                    <>
                      Last used <Ago at={grant.lastUsedAt} />.
                    </>
                  ) : (
                    'Never used.'
                  )}
                </p>
              </div>
              {active && (
                <Button size="small" aria-label={`Remove ${grant.organization.name}`} onClick={() => setRemoving(grant)}>
                  Remove
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {active && places && others.length > 0 && !full && (
        <AddOrganization places={others} busy={add.isPending} onAdd={(place) => add.mutate(place)} />
      )}
      {active && full && (
        <Notice>A token can have access to at most {MAX_ORGANIZATIONS} organizations. Remove one to add another.</Notice>
      )}
      {removed.length > 0 && (
        <>
          <h3 className={styles.sub}>Removed</h3>
          <ul className={styles.list}>
            {removed.map((grant) => {
              const place = grant.organization;
              const member = others.some(({ id }) => id === place.id);
              return (
                <li key={grant.id}>
                  <div>
                    <strong>{place.name}</strong> <span className="muted">{place.slug}</span>
                    <p className="small">
                      Removed <Ago at={grant.removedAt} /> by {removerName(grant, token.owner.id)}.{' '}
                      {grant.removalReason && <q>{grant.removalReason}</q>}
                    </p>
                    {active && places && !member && <p className="muted small">You are not a member, so you cannot add it.</p>}
                  </div>
                  {active && member && !full && (
                    <Button
                      size="small"
                      aria-label={`Add ${place.name} again`}
                      busy={add.isPending && add.variables?.id === place.id}
                      onClick={() => add.mutate(place)}
                    >
                      Add again
                    </Button>
                  )}
                </li>
              );
            })}
          </ul>
        </>
      )}
      {removing && <Remove token={token} grant={removing} onClose={() => setRemoving(undefined)} />}
    </Panel>
  );
}

function removerName({ removedBy }: OwnGrantFragment, you: string) {
  if (!removedBy) return 'an operator or the service';
  return removedBy.id === you ? 'you' : `${removedBy.name} (${removedBy.username})`;
}

interface AddOrganizationProps {
  places: { id: string; name: string; slug: string }[];
  busy: boolean;
  onAdd: (place: { id: string; name: string }) => void;
}

function AddOrganization({ places, busy, onAdd }: AddOrganizationProps) {
  const [chosen, choose] = useState('');
  const selected = places.find(({ id }) => id === chosen);
  return (
    <form
      className={styles.add}
      onSubmit={(event) => {
        event.preventDefault();
        if (selected && !busy) onAdd(selected);
      }}
    >
      <Select label="Add an organization" value={selected?.id ?? ''} required onChange={(event) => choose(event.target.value)}>
        <option value="">Select an organization</option>
        {places.map(({ id, name, slug }) => (
          <option key={id} value={id}>
            {name} ({slug})
          </option>
        ))}
      </Select>
      <Button type="submit" busy={busy}>
        Add organization
      </Button>
    </form>
  );
}

function Remove({ token, grant, onClose }: { token: TokenDetailsFragment; grant: OwnGrantFragment; onClose: () => void }) {
  const client = useQueryClient();
  const now = useNow();
  const { name, id } = grant.organization;
  const remove = useMutation<RemoveOwnOrganizationMutation, Error>({
    mutationFn: () => ask(RemoveOwnOrganizationDocument, { input: { tokenId: token.id, organizationId: id } }),
    onSuccess: () => showToast(`The token no longer has access to ${name}.`),
    onError: (error) => showToast(errorText(error), { isError: true }),
    onSettled: () => refreshTokens(client).finally(onClose),
  });
  return (
    <ConfirmDialog
      title={`Remove ${name} from “${token.description}”?`}
      cancelLabel="Keep access"
      confirmLabel="Remove organization"
      busy={remove.isPending}
      onCancel={onClose}
      onConfirm={() => remove.mutate()}
    >
      <p>
        {grant.lastUsedAt
          ? `The token was last used with ${name} ${long(grant.lastUsedAt, now)}.`
          : `The token was never used with ${name}.`}
      </p>
      <p>
        Requests to {name} with this token are denied immediately. The token keeps access to its other organizations, and you can
        add {name} again.
      </p>
    </ConfirmDialog>
  );
}
