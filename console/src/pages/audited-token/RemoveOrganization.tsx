// Removes the organization from a token, after an optional reason and a confirmation.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ask, isServiceError } from '../../app/api';
import { errorText } from '../../app/LoadError';
import { type AuditedGrantFragment, type AuditedTokenDetailsFragment, RemoveOrganizationDocument } from '../../gql/graphql';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { TextArea } from '../../ui/Field';
import { Notice, Panel } from '../../ui/Panel';

const MAX_LENGTH = 500;

interface Member {
  id: string;
  name: string;
  username: string;
  email?: string | null;
}

/** The removal, shown after the token itself is no longer visible. */
export interface Removed {
  owner: Member;
  description: string;
  hint: string;
  by: Member | null;
  at: string | null;
  reason: string | null;
}

interface Props {
  organization: { id: string; name: string };
  grant: AuditedGrantFragment;
  token: AuditedTokenDetailsFragment;
  own: boolean;
  onRemoved: (removed: Removed) => void;
}

export function RemoveOrganization({ organization, grant, token, own, onRemoved }: Props) {
  const { name } = organization;
  const { owner } = token;
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const [asking, setAsking] = useState(false);
  const [inputError, setInputError] = useState<string>();
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
    onError: (failure) => {
      if (isServiceError(failure, 'INVALID_INPUT') && failure.field?.endsWith('reason')) {
        setAsking(false);
        setInputError(failure.message);
      }
      // Another user was faster: the page shows who.
      if (isServiceError(failure, 'CONFLICT') || isServiceError(failure, 'NOT_FOUND')) refresh();
    },
  });
  const refresh = () => Promise.all(['tokens', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })));
  useEffect(() => {
    if (inputError && !asking) field.current?.focus();
  }, [inputError, asking]);
  function submit(event: FormEvent) {
    event.preventDefault();
    if (characters > MAX_LENGTH) return setInputError(`The reason has ${characters} characters. Use at most ${MAX_LENGTH}.`);
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
          error={inputError}
          help={
            <>
              Optional. {own ? 'Saved in the audit log' : `Sent to ${owner.name} and saved in the audit log`}.{' '}
              <span>
                {characters} of {MAX_LENGTH} characters
              </span>
            </>
          }
          onChange={(event) => {
            setInputError(undefined);
            // A reason has one line, for lists and emails.
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
        <ConfirmDialog
          title={`Remove ${name} from “${token.description}”?`}
          cancelLabel="Keep access"
          confirmLabel="Remove organization"
          busy={isPending}
          onCancel={() => setAsking(false)}
          onConfirm={() => mutate()}
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
              <p>{errorText(error)}</p>
            </Notice>
          )}
        </ConfirmDialog>
      )}
    </Panel>
  );
}
