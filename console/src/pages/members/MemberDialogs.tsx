// Questions before a member gets another role, or leaves.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ask } from '../../app/api';
import { inOneLine } from '../../app/LoadError';
import { viewer } from '../../app/queries';
import { type OrganizationRole, RemoveMemberDocument, TokensOfMemberDocument, UpdateMemberDocument } from '../../gql/graphql';
import { Question } from '../../ui/ConfirmDialog';
import { Notice, Skeleton } from '../../ui/Panel';
import { say } from '../../ui/toast';

export interface Member {
  id: string;
  username: string;
  name: string;
  role: OrganizationRole;
}

interface Props {
  organization: { id: string; name: string };
  member: Member;
  /** Whether it is the viewer. */
  you: boolean;
  onClose: () => void;
}

const NOUNS = ['members', 'tokens', 'events', 'organizations', 'viewer'];

const Refused = ({ error }: { error: unknown }) =>
  error ? (
    <Notice tone="danger" title="Nothing was changed">
      <p>{inOneLine(error)}</p>
    </Notice>
  ) : null;

export function ChangeRole({ organization, member, you, onClose }: Props) {
  const client = useQueryClient();
  const up = member.role !== 'ADMIN';
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      ask(UpdateMemberDocument, {
        input: { organizationId: organization.id, userId: member.id, role: up ? 'ADMIN' : 'MEMBER' },
      }),
    onSuccess: () => {
      const who = you ? 'You are' : `${member.name} is`;
      say(`${who} now ${up ? 'an administrator' : 'a member'} of ${organization.name}.`);
      onClose();
      return Promise.all(NOUNS.map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    },
  });
  const { name } = organization;
  const who = you ? 'You' : member.name;
  return (
    <Question
      title={`Change ${you ? 'your' : `${member.name}’s`} role in ${name} to ${up ? 'administrator' : 'member'}?`}
      keep={up ? 'Keep as member' : 'Keep as administrator'}
      act={up ? 'Make administrator' : 'Make member'}
      kind={up ? 'primary' : 'danger'}
      busy={isPending}
      onKeep={onClose}
      onAct={() => mutate()}
    >
      {up ? (
        <p>
          {who} will be able to see all tokens with access to {name}, remove {name} from them, and add, change and remove members,
          including you.
        </p>
      ) : (
        <p>
          {who} will no longer be able to see the API Access Audit and the audit log of {name}, or to manage members.{' '}
          {you ? 'Your tokens keep' : `${member.name}’s tokens keep`} their access.
          {you && ' Only another administrator can make you an administrator again.'}
        </p>
      )}
      <Refused error={error} />
    </Question>
  );
}

/** More tokens than this are not counted to the end: pages of a hundred. */
const MOST_PAGES = 10;

/** How many tokens of exactly this person reach the organization. The filter finds whoever's name has theirs in it, too. */
async function countTokens(slug: string, member: Member, signal?: AbortSignal) {
  let count = 0;
  let after: string | null | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
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
      say(you ? `You left ${name}.` : `${member.name} was removed from ${name}.`);
      onClose();
      if (you) {
        await client.refetchQueries(viewer);
        await navigate({ to: '/tokens' });
      }
      await Promise.all(NOUNS.map((noun) => client.invalidateQueries({ queryKey: [noun] })));
    },
  });
  return (
    <Question
      title={you ? `Leave ${name}?` : `Remove ${member.name} from ${name}?`}
      keep={you ? 'Stay a member' : 'Keep member'}
      act={you ? 'Leave organization' : 'Remove member'}
      busy={isPending}
      onKeep={onClose}
      onAct={() => mutate()}
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
      <Refused error={error} />
    </Question>
  );
}

/** What happens to the tokens, and which e-mail is sent. */
export function consequence({ count, more }: { count: number; more: boolean }, name: string, you: boolean, person: string) {
  const whose = you ? 'your tokens' : `${person}’s tokens`;
  if (count === 0 && !more) {
    return `None of ${whose} have access to ${name}, so nothing stops working${you ? '' : ' and no email is sent'}.`;
  }
  const lose = count === 1 && !more ? 'has access to' : 'have access to';
  const it = count === 1 && !more ? 'loses it' : 'lose it';
  const what = `${more ? 'At least ' : ''}${count} of ${whose} ${lose} ${name} and ${it} immediately.`;
  return you ? what : `${what} ${person} is notified by email.`;
}
