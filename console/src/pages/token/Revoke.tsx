// Ends a token for good, after it was said what will break.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { inOneLine } from '../../app/Failure';
import { RevokeTokenDocument, type RevokeTokenMutation } from '../../gql/graphql';
import { agent } from '../../lib/agent';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { Field } from '../../ui/Field';
import { Fact, Facts, Panel } from '../../ui/Panel';
import { Question } from '../../ui/Question';
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
    onSuccess: () => say('The token was revoked. Every request with it is refused from now on.'),
    onError: (error) => say(inOneLine(error), { bad: true }),
    onSettled: () => changed(client).finally(() => setAsking(false)),
  });
  const addresses = token.recentAddresses ?? [];
  const used = (token.standing?.nodes ?? []).toSorted((one, other) =>
    (other.lastUsedAt ?? '').localeCompare(one.lastUsedAt ?? ''),
  );
  return (
    <Panel
      title="Revoke"
      about="Ends the token for good, for every organization at once. It cannot be brought back."
      tone="danger"
    >
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
              ? 'Whatever still uses it is refused from its next request on. This cannot be undone.'
              : 'It was never used. This cannot be undone.'}
          </p>
          <Facts>
            <Fact name="Last used">
              <Ago at={token.lastUsedAt} form="exact" />
            </Fact>
            <Fact name="From">{addresses.length > 0 ? <code>{addresses.join(', ')}</code> : 'No address is known'}</Fact>
            {token.lastRequest && (
              <Fact name="Last agent">
                {token.lastRequest.userAgent ? agent(token.lastRequest.userAgent) : <span className="muted">Not known</span>}
              </Fact>
            )}
            <Fact name="Last used with">
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
                'It reaches no organization'
              )}
            </Fact>
          </Facts>
          <Field
            label="Reason (optional)"
            help="Administrators of these organizations read it in their audit log."
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
