// Ends a token for good, after it was said what will break.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { inOneLine } from '../../app/LoadError';
import { RevokeTokenDocument, type RevokeTokenMutation } from '../../gql/graphql';
import { agent } from '../../lib/userAgent';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { Question } from '../../ui/ConfirmDialog';
import { Field } from '../../ui/Field';
import { Fact, Facts, Panel } from '../../ui/Panel';
import { say } from '../../ui/toast';
import { changed } from './Organizations';
import type { OwnToken } from './Token';

/** How many organizations the question lists, the last used ones first. */
const MOST = 6;

export function Revoke({ token }: { token: OwnToken }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const client = useQueryClient();
  const revoke = useMutation<RevokeTokenMutation, Error>({
    mutationFn: () => ask(RevokeTokenDocument, { input: { tokenId: token.id, reason: reason.trim() || undefined } }),
    onSuccess: () => say('The token was revoked. Requests with it are denied.'),
    onError: (error) => say(inOneLine(error), { bad: true }),
    onSettled: () => changed(client).finally(() => setAsking(false)),
  });
  const addresses = token.recentAddresses ?? [];
  const used = (token.standing?.nodes ?? []).toSorted((one, other) =>
    (other.lastUsedAt ?? '').localeCompare(one.lastUsedAt ?? ''),
  );
  return (
    <Panel title="Revoke" about="Permanently revokes the token for all organizations. This cannot be undone." tone="danger">
      <div>
        <Button kind="danger" onClick={() => setAsking(true)}>
          Revoke token…
        </Button>
      </div>
      {asking && (
        <Question
          title={`Revoke “${token.description}”?`}
          keep="Keep token"
          act="Revoke token"
          busy={revoke.isPending}
          onKeep={() => setAsking(false)}
          onAct={() => revoke.mutate()}
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
                {token.lastRequest.userAgent ? agent(token.lastRequest.userAgent) : <span className="muted">Unknown</span>}
              </Fact>
            )}
            <Fact name="Organizations">
              {used.length > 0 ? (
                <ul>
                  {used.slice(0, MOST).map(({ id, organization, lastUsedAt }) => (
                    <li key={id}>
                      {organization.name}: {lastUsedAt ? <Ago at={lastUsedAt} /> : 'never'}
                    </li>
                  ))}
                  {used.length > MOST && <li className="muted">and {used.length - MOST} more</li>}
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
        </Question>
      )}
    </Panel>
  );
}
