// Adds a member by username or email.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { ask, isServiceError } from '../../app/api';
import { errorText } from '../../app/LoadError';
import { AddMemberDocument, type OrganizationRole } from '../../gql/graphql';
import { Button } from '../../ui/Button';
import { Field, Select } from '../../ui/Field';
import { dialogButtons, Modal } from '../../ui/Modal';
import { Notice } from '../../ui/Panel';
import { showToast } from '../../ui/toast';

interface Props {
  organization: { id: string; name: string };
  onClose: () => void;
}

export function AddMember({ organization, onClose }: Props) {
  const client = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  const [user, setUser] = useState('');
  const [role, setRole] = useState<OrganizationRole>('MEMBER');
  const [inputError, setInputError] = useState<string>();
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask(AddMemberDocument, { input: { organizationId: organization.id, user: user.trim(), role } }),
    onSuccess: ({ addOrganizationMember: added }) => {
      showToast(
        `${added?.member.name ?? user} is now ${role === 'ADMIN' ? 'an administrator' : 'a member'} of ${organization.name}.`,
      );
      onClose();
      return Promise.all(['members', 'events', 'organizations'].map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    },
    onError: (failure) => {
      const text = inputErrorOf(failure);
      if (!text) return;
      setInputError(text);
      field.current?.focus();
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (user.trim() === '') {
      setInputError('Enter a username or email.');
      field.current?.focus();
      return;
    }
    if (!isPending) mutate();
  }
  return (
    <Modal title={`Add a member to ${organization.name}`} onClose={() => isPending || onClose()}>
      <form className="stack" onSubmit={submit} noValidate>
        <Field
          ref={field}
          label="Username or email"
          name="user"
          value={user}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={320}
          autoFocus
          help="They must already have an account."
          error={inputError}
          onChange={(event) => {
            setInputError(undefined);
            setUser(event.target.value);
          }}
        />
        <Select
          label="Role"
          name="role"
          value={role}
          help={
            role === 'ADMIN'
              ? 'Can audit tokens, remove the organization from them and manage members.'
              : 'Can create tokens with access to the organization and see its members.'
          }
          onChange={(event) => setRole(event.target.value as OrganizationRole)}
        >
          <option value="MEMBER">Member</option>
          <option value="ADMIN">Administrator</option>
        </Select>
        {error && !inputErrorOf(error) && (
          <Notice tone="danger">
            <p>{errorText(error)}</p>
          </Notice>
        )}
        <div className={dialogButtons}>
          <Button onClick={onClose} aria-disabled={isPending}>
            Cancel
          </Button>
          <Button kind="primary" type="submit" busy={isPending}>
            Add member
          </Button>
        </div>
      </form>
    </Modal>
  );
}

/** The error that concerns the username or email. */
function inputErrorOf(error: unknown): string | undefined {
  if (isServiceError(error, 'NOT_FOUND')) {
    return 'No account has this username or confirmed email. Check the spelling, or ask the user to sign in once first.';
  }
  if (isServiceError(error, 'CONFLICT')) return error.message;
  if (isServiceError(error, 'INVALID_INPUT') && error.field?.endsWith('user')) return error.message;
  return undefined;
}
