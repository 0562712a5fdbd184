// Confirmations for changing a role and removing a member.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ask } from '../../app/api';
import { errorText } from '../../app/LoadError';
import { viewer } from '../../app/queries';
import { type OrganizationRole, RemoveMemberDocument, TokensOfMemberDocument, UpdateMemberDocument } from '../../gql/graphql';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { Notice, Skeleton } from '../../ui/Panel';
import { showToast } from '../../ui/toast';

export interface Member {
  id: string;
  username: string;
  name: string;
  role: OrganizationRole;
}

interface Props {
  organization: { id: string; name: string };
  member: Member;
  /** Whether the member is the viewer. */
  you: boolean;
  onClose: () => void;
}

const QUERY_KEYS = ['members', 'tokens', 'events', 'organizations', 'viewer'];

const ChangeError = ({ error }: { error: unknown }) =>
  error ? (
    <Notice tone="danger" title="Nothing was changed">
      <p>{errorText(error)}</p>
    </Notice>
  ) : null;

export function ChangeRole({ organization, member, you, onClose }: Props) {
  const client = useQueryClient();
  const promoting = member.role !== 'ADMIN';
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      ask(UpdateMemberDocument, {
        input: { organizationId: organization.id, userId: member.id, role: promoting ? 'ADMIN' : 'MEMBER' },
      }),
    onSuccess: () => {
      const subject = you ? 'You are' : `${member.name} is`;
      showToast(`${subject} now ${promoting ? 'an administrator' : 'a member'} of ${organization.name}.`);
      onClose();
      return Promise.all(QUERY_KEYS.map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    },
  });
  const { name } = organization;
  const subject = you ? 'You' : member.name;
  return (
    <ConfirmDialog
      title={`Change ${you ? 'your' : `${member.name}’s`} role in ${name} to ${promoting ? 'administrator' : 'member'}?`}
      cancelLabel={promoting ? 'Keep as member' : 'Keep as administrator'}
      confirmLabel={promoting ? 'Make administrator' : 'Make member'}
      kind={promoting ? 'primary' : 'danger'}
      busy={isPending}
      onCancel={onClose}
      onConfirm={() => mutate()}
    >
      {promoting ? (
        <p>
          {subject} will be able to see all tokens with access to {name}, remove {name} from them, and add, change and remove
          members, including you.
        </p>
      ) : (
        <p>
          {subject} will no longer be able to see the API Access Audit and the audit log of {name}, or to manage members.{' '}
          {you ? 'Your tokens keep' : `${member.name}’s tokens keep`} their access.
          {you && ' Only another administrator can make you an administrator again.'}
        </p>
      )}
      <ChangeError error={error} />
    </ConfirmDialog>
  );
}

/** Counting stops after this many pages of 100 tokens. */
const MAX_PAGES = 10;

/** Counts the tokens of exactly this member. The filter also matches users whose name contains the username. */
async function countTokens(slug: string, member: Member, signal?: AbortSignal) {
  let count = 0;
  let after: string | null | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { organization } = await ask(TokensOfMemberDocument, { slug, owner: member.username, after }, signal);
    const grants = organization?.tokenGrants;
    count += grants?.nodes.filter(({ token }) => token?.owner.id === member.id).length ?? 0;
    if (!grants?.pageInfo.hasNextPage) return { count, more: false };
    after = grants.pageInfo.endCursor;
  }
  return { count, more: true };
}

export function RemoveMember({ organization, member, you, onClose }: Props & { organization: { slug: string } }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { name, slug } = organization;
  const tokens = useQuery({
    queryKey: ['tokens', 'of-member', slug, member.id],
    queryFn: ({ signal }) => countTokens(slug, member, signal),
    staleTime: 0,
  });
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask(RemoveMemberDocument, { input: { organizationId: organization.id, userId: member.id } }),
    onSuccess: async () => {
      showToast(you ? `You left ${name}.` : `${member.name} was removed from ${name}.`);
      onClose();
      if (you) {
        await client.refetchQueries(viewer);
        await navigate({ to: '/tokens' });
      }
      await Promise.all(QUERY_KEYS.map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    },
  });
  return (
    <ConfirmDialog
      title={you ? `Leave ${name}?` : `Remove ${member.name} from ${name}?`}
      cancelLabel={you ? 'Stay a member' : 'Keep member'}
      confirmLabel={you ? 'Leave organization' : 'Remove member'}
      busy={isPending}
      onCancel={onClose}
      onConfirm={() => mutate()}
    >
      {tokens.data ? (
        <p>{consequence(tokens.data, name, you, member.name)}</p>
      ) : tokens.error ? (
        <p>
          All {you ? 'your tokens' : `of ${member.name}’s tokens`} lose access to {name} immediately. How many have access now
          could not be determined.
        </p>
      ) : (
        <Skeleton lines={2} />
      )}
      <p>
        {you
          ? 'If you rejoin, your tokens won’t regain access automatically. Only an administrator can add you again.'
          : `If ${member.name} rejoins, their tokens won’t regain access automatically.`}
      </p>
      <ChangeError error={error} />
    </ConfirmDialog>
  );
}

/** The effect on tokens, and whether an email is sent. */
export function consequence({ count, more }: { count: number; more: boolean }, name: string, you: boolean, member: string) {
  const whose = you ? 'your tokens' : `${member}’s tokens`;
  if (count === 0 && !more) {
    return `None of ${whose} have access to ${name}, so nothing stops working${you ? '' : ' and no email is sent'}.`;
  }
  const lose = count === 1 && !more ? 'has access to' : 'have access to';
  const it = count === 1 && !more ? 'loses it' : 'lose it';
  const what = `${more ? 'At least ' : ''}${count} of ${whose} ${lose} ${name} and ${it} immediately.`;
  return you ? what : `${what} ${member} is notified by email.`;
}
