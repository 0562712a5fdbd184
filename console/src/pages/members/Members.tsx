// The members of an organization: everybody in it sees them; administrators add, promote and remove.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import { ask, isRefusal } from '../../app/api';
import { Failure } from '../../app/LoadError';
import { useOrganization } from '../../app/organization';
import { rangeOf, windowOf } from '../../app/pagination';
import { Missing } from '../../app/Root';
import { filterOf, list, useBox } from '../../app/tokenSearch';
import { MembersDocument, type MembersQuery, type OrganizationRole } from '../../gql/graphql';
import { day, exact } from '../../lib/time';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Dash } from '../../ui/Dash';
import { Field, Select } from '../../ui/Field';
import { Empty, Head } from '../../ui/Panel';
import { Cell, type Column, Pager, Row, SkeletonRows, Table } from '../../ui/Table';
import { Add } from './AddMember';
import { ChangeRole, type Member, RemoveMember } from './MemberDialogs';
import styles from './Members.module.css';

const route = getRouteApi('/inside/organizations/$slug/members');

/** How the address writes a role. */
const ROLES: Record<string, OrganizationRole> = { admin: 'ADMIN', member: 'MEMBER' };

type Edge = NonNullable<MembersQuery['organization']>['members']['edges'][number];

type Doing = { what: 'add' } | { what: 'role' | 'remove'; member: Member };

export function Members() {
  const { slug } = route.useParams();
  // What is being done on the page of one organization, and who is shown there, is not carried to the page of another.
  return <Page key={slug} slug={slug} />;
}

function Page({ slug }: { slug: string }) {
  const search = route.useSearch();
  const go = route.useNavigate();
  const { me, prefix, name: known, role: own } = useOrganization(slug);
  const role = ROLES[search.role ?? ''];
  const box = useBox(search.search ?? '', prefix, (text) =>
    go({ search: { search: text || undefined, role: search.role }, replace: true }),
  );
  const text = filterOf(search.search ?? '').query?.replaceAll('"', '');
  const [doing, setDoing] = useState<Doing>();
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ['members', slug, search],
    queryFn: ({ signal }) => ask(MembersDocument, { slug, search: text, role, ...windowOf(search) }, signal),
    ...list,
  });
  if (data && !data.organization) return <Missing />;
  const organization = data?.organization;
  const name = organization?.name ?? known ?? slug;
  const administers = organization?.viewerIsAdmin ?? own === 'ADMIN';
  const members = organization?.members;
  const wrong = isRefusal(error, 'INVALID_INPUT') && error.field === 'search' ? error.message : undefined;
  const page = Number(search.page) || 1;
  const filtered = Boolean(search.search || role);
  const move = (to: { after?: string; before?: string; page?: string }) =>
    go({ search: { search: search.search, role: search.role, ...to } }).then(() => window.scrollTo({ top: 0 }));
  const clear = () => {
    box.now('');
    go({ search: {}, replace: true });
  };
  return (
    <>
      <Head
        title="Members"
        about={
          administers
            ? `Members of ${name} can create tokens with access to it. Administrators can also audit tokens and manage members.`
            : `Only administrators of ${name} can add and remove members and change roles. To leave, ask an administrator.`
        }
        actions={
          administers && (
            <Button
              kind="primary"
              icon={<UserPlus size={16} aria-hidden="true" />}
              aria-disabled={!organization}
              onClick={() => organization && setDoing({ what: 'add' })}
            >
              Add member
            </Button>
          )
        }
      />
      <search className={styles.filters}>
        <Field
          label="Search"
          type="search"
          value={box.text}
          placeholder={administers ? 'Name, username or email' : 'Name or username'}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={200}
          error={box.unfinished ? 'This looks like a token value. Search for it in the API Access Audit.' : wrong}
          onChange={(event) => box.set(event.target.value)}
        />
        <Select
          label="Role"
          value={role ? search.role : ''}
          onChange={(event) => go({ search: { search: search.search, role: event.target.value || undefined }, replace: true })}
        >
          <option value="">All roles</option>
          <option value="admin">Administrators</option>
          <option value="member">Members</option>
        </Select>
      </search>
      {error && !wrong && !members ? (
        <Failure error={error} again={() => refetch()} />
      ) : wrong || (members?.edges.length === 0 && !isPlaceholderData) ? (
        <Empty
          title={filtered ? 'No members match' : 'No members'}
          action={filtered && <Button onClick={clear}>Show all members</Button>}
        >
          {filtered ? 'Check the spelling, or select another role.' : undefined}
        </Empty>
      ) : (
        <Table caption={`Members of ${name}`} columns={columns(administers)} waiting={isPlaceholderData}>
          {members ? (
            members.edges.map((edge) => (
              <MemberRow key={edge.node.id} edge={edge} you={edge.node.id === me?.id} administers={administers} onDo={setDoing} />
            ))
          ) : (
            <SkeletonRows columns={administers ? 5 : 3} />
          )}
        </Table>
      )}
      {members && members.edges.length > 0 && (
        <Pager
          said={rangeOf(page, members.edges.length, members.totalCount, 'member')}
          before={members.pageInfo.hasPreviousPage}
          after={members.pageInfo.hasNextPage}
          onBefore={() =>
            move({ before: members.pageInfo.startCursor ?? undefined, page: page > 2 ? String(page - 1) : undefined })
          }
          onAfter={() => move({ after: members.pageInfo.endCursor ?? undefined, page: String(page + 1) })}
        />
      )}
      {organization && doing?.what === 'add' && <Add organization={organization} onClose={() => setDoing(undefined)} />}
      {organization && doing?.what === 'role' && (
        <ChangeRole
          organization={organization}
          member={doing.member}
          you={doing.member.id === me?.id}
          onClose={() => setDoing(undefined)}
        />
      )}
      {organization && doing?.what === 'remove' && (
        <RemoveMember
          organization={{ ...organization, slug }}
          member={doing.member}
          you={doing.member.id === me?.id}
          onClose={() => setDoing(undefined)}
        />
      )}
    </>
  );
}

const NAME: Column = { name: 'Name', width: 'rest' };
const ROLE: Column = { name: 'Role', width: 'word' };
const JOINED: Column = { name: 'Joined', width: 'date' };

const columns = (administers: boolean): Column[] =>
  administers
    ? [NAME, { name: 'Email' }, ROLE, JOINED, { name: 'Actions', hidden: true, width: 'buttons' }]
    : [NAME, ROLE, JOINED];

interface RowProps {
  edge: Edge;
  you: boolean;
  administers: boolean;
  onDo: (doing: Doing) => void;
}

function MemberRow({ edge: { node, role, joinedAt }, you, administers, onDo }: RowProps) {
  const member = { ...node, role };
  const other = role === 'ADMIN' ? 'Make member' : 'Make administrator';
  return (
    <Row>
      <Cell>
        <div className={styles.name}>
          <strong>{node.name}</strong>
          {you && <Badge tone="accent">You</Badge>}
        </div>
        <p className="muted small">{node.username}</p>
      </Cell>
      {administers && <Cell label="Email">{node.email ?? <Dash meaning="None" />}</Cell>}
      <Cell label="Role">{role === 'ADMIN' ? <Badge>Administrator</Badge> : 'Member'}</Cell>
      <Cell label="Joined">
        <time dateTime={joinedAt} className={styles.day} title={exact(joinedAt)}>
          {day(joinedAt)}
        </time>
      </Cell>
      {administers && (
        <Cell>
          <div className={styles.actions}>
            <Button
              size="small"
              kind="quiet"
              aria-label={`${other}: ${node.name}`}
              onClick={() => onDo({ what: 'role', member })}
            >
              {other}
            </Button>
            <Button
              size="small"
              kind="quiet"
              aria-label={you ? undefined : `Remove ${node.name}`}
              onClick={() => onDo({ what: 'remove', member })}
            >
              {you ? 'Leave' : 'Remove'}
            </Button>
          </div>
        </Cell>
      )}
    </Row>
  );
}
