// Revokes a token after a confirmation that shows what will stop working.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { errorText } from '../../app/LoadError';
import { RevokeTokenDocument, type RevokeTokenMutation, type TokenDetailsFragment } from '../../gql/graphql';
import { describeUserAgent } from '../../lib/userAgent';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { Field } from '../../ui/Field';
import { Fact, Facts, Panel } from '../../ui/Panel';
import { showToast } from '../../ui/toast';
import { refreshTokens } from './changes';

/** The number of organizations in the confirmation, most recently used first. */
const MAX_LISTED = 6;

export function RevokeToken({ token }: { token: TokenDetailsFragment }) {
  const [confirming, setConfirming] = useState(false);
  const [reason, setReason] = useState('');
  const client = useQueryClient();
  const revoke = useMutation<RevokeTokenMutation, Error>({
    mutationFn: () => ask(RevokeTokenDocument, { input: { tokenId: token.id, reason: reason.trim() || undefined } }),
    onSuccess: () => showToast('The token was revoked. Requests with it are denied.'),
    onError: (error) => showToast(errorText(error), { isError: true }),
    onSettled: () => refreshTokens(client).finally(() => setConfirming(false)),
  });
  const addresses = token.recentAddresses ?? [];
  const byLastUse = (token.unremoved?.nodes ?? []).toSorted((one, other) =>
    (other.lastUsedAt ?? '').localeCompare(one.lastUsedAt ?? ''),
  );
  return (
    <Panel title="Revoke token" about="Permanently revokes the token for all organizations. This cannot be undone." tone="danger">
      <div>
        <Button kind="danger" onClick={() => setConfirming(true)}>
          Revoke token…
        </Button>
      </div>
      {confirming && (
        <ConfirmDialog
          title={`Revoke “${token.description}”?`}
          cancelLabel="Keep token"
          confirmLabel="Revoke token"
          busy={revoke.isPending}
          onCancel={() => setConfirming(false)}
          onConfirm={() => revoke.mutate()}
        >
          <p>
            {token.lastUsedAt
              ? 'Programs that still use it are denied immediately. This cannot be undone.'
              : 'It was never used. This cannot be undone.'}
          </p>
          <Facts>
            <Fact name="Last used">
              <Ago at={token.lastUsedAt} form="exact" />
            </Fact>
            <Fact name="IP addresses">{addresses.length > 0 ? <code>{addresses.join(', ')}</code> : 'Unknown'}</Fact>
            {token.lastRequest && (
              <Fact name="Last user agent">
                {token.lastRequest.userAgent ? (
                  describeUserAgent(token.lastRequest.userAgent)
                ) : (
                  <span className="muted">Unknown</span>
                )}
              </Fact>
            )}
            <Fact name="Organizations">
              {byLastUse.length > 0 ? (
                <ul>
                  {byLastUse.slice(0, MAX_LISTED).map(({ id, organization, lastUsedAt }) => (
                    <li key={id}>
                      {organization.name}: {lastUsedAt ? <Ago at={lastUsedAt} /> : 'never'}
                    </li>
                  ))}
                  {byLastUse.length > MAX_LISTED && <li className="muted">and {byLastUse.length - MAX_LISTED} more</li>}
                </ul>
              ) : (
                'None'
              )}
            </Fact>
          </Facts>
          <Field
            label="Reason (optional)"
            help="Visible to administrators of these organizations in the audit log."
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            autoComplete="off"
          />
        </ConfirmDialog>
      )}
    </Panel>
  );
}
