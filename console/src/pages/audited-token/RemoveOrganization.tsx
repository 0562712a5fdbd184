// Removing the organization from a token: what that does, why it is done, and a question before it happens.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ask, isRefusal } from '../../app/api';
import { inOneLine } from '../../app/LoadError';
import { RemoveOrganizationDocument } from '../../gql/graphql';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { Question } from '../../ui/ConfirmDialog';
import { TextArea } from '../../ui/Field';
import { Notice, Panel } from '../../ui/Panel';
import type { Grant, Token } from './AuditedToken';

/** The most characters of a reason. */
const LONGEST = 500;

interface Person {
  id: string;
  name: string;
  username: string;
  email?: string | null;
}

/** What is told afterwards, when the token itself may no longer be seen. */
export interface Removed {
  owner: Person;
  description: string;
  hint: string;
  by: Person | null;
  at: string | null;
  reason: string | null;
}

interface Props {
  organization: { id: string; name: string };
  grant: Grant;
  token: Token;
  /** Whether the viewer owns the token. */
  own: boolean;
  onRemoved: (removed: Removed) => void;
}

export function Remove({ organization, grant, token, own, onRemoved }: Props) {
  const { name } = organization;
  const { owner } = token;
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState<string>();
  const field = useRef<HTMLTextAreaElement>(null);
  const characters = [...reason.trim()].length;
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: () =>
      ask(RemoveOrganizationDocument, {
        input: { tokenId: token.id, organizationId: organization.id, reason: reason.trim() || null },
      }),
    onSuccess: ({ removeOrganizationFromToken: done }) => {
      const { removedAt: at, removedBy: by, removalReason: why } = done?.grant ?? {};
      onRemoved({
        owner,
        description: token.description,
        hint: token.hint,
        by: by ?? null,
        at: at ?? null,
        reason: why ?? null,
      });
      return refresh();
    },
    onError: (refusal) => {
      if (isRefusal(refusal, 'INVALID_INPUT') && refusal.field?.endsWith('reason')) {
        setAsking(false);
        setWrong(refusal.message);
      }
      // Somebody was quicker: the page shows who.
      if (isRefusal(refusal, 'CONFLICT') || isRefusal(refusal, 'NOT_FOUND')) refresh();
    },
  });
  const refresh = () => Promise.all(['tokens', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })));
  useEffect(() => {
    if (wrong && !asking) field.current?.focus();
  }, [wrong, asking]);
  function submit(event: FormEvent) {
    event.preventDefault();
    if (characters > LONGEST) return setWrong(`The reason has ${characters} characters. Use at most ${LONGEST}.`);
    reset();
    setAsking(true);
  }
  return (
    <Panel title="Remove Organization from Token" tone="danger">
      <div className="stack">
        <p>
          Requests to {name} with this token are denied immediately. The token keeps access to its other organizations; only its
          owner can revoke it.
        </p>
        <p>
          {own
            ? `This is your own token, so no email is sent. You can add ${name} again.`
            : `${owner.name} is notified by email, including your name and the reason, and can restore access.`}
        </p>
      </div>
      <form className="stack" onSubmit={submit} noValidate>
        <TextArea
          ref={field}
          label="Reason"
          name="reason"
          value={reason}
          rows={3}
          error={wrong}
          help={
            <>
              Optional. {own ? 'Saved in the audit log' : `Sent to ${owner.name} and saved in the audit log`}.{' '}
              <span>
                {characters} of {LONGEST} characters
              </span>
            </>
          }
          onChange={(event) => {
            setWrong(undefined);
            // A reason is one line: it stands in lists and e-mails.
            setReason(event.target.value.replace(/\s*[\r\n]+\s*/g, ' '));
          }}
        />
        <div>
          <Button kind="danger" type="submit">
            Remove Organization from Token
          </Button>
        </div>
      </form>
      {asking && (
        <Question
          title={`Remove ${name} from “${token.description}”?`}
          keep="Keep access"
          act="Remove organization"
          busy={isPending}
          onKeep={() => setAsking(false)}
          onAct={() => mutate()}
        >
          <p>
            The token is owned by {owner.name}.{' '}
            {grant.lastUsedAt ? (
              <>
                It was last used with {name} <Ago at={grant.lastUsedAt} />
                {grant.lastRequest?.ipAddress && grant.lastRequest.allowed && (
                  <>
                    , from <span className="mono">{grant.lastRequest.ipAddress}</span>
                  </>
                )}
                .
              </>
            ) : (
              <>It was never used with {name}.</>
            )}
          </p>
          <p>
            Requests to {name} with this token are denied immediately. The token keeps access to its other organizations.{' '}
            {own ? 'You can add it again.' : `${owner.name} is notified by email and can restore access.`}
          </p>
          <p>
            {reason.trim() === '' ? (
              'No reason given.'
            ) : (
              <>
                Reason: <q>{reason.trim()}</q>
              </>
            )}
          </p>
          {error && (
            <Notice tone="danger">
              <p>{inOneLine(error)}</p>
            </Notice>
          )}
        </Question>
      )}
    </Panel>
  );
}
