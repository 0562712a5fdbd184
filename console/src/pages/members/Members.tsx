// The members of an organization; administrators add, promote and remove them.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import { ask, isServiceError } from '../../app/api';
import { LoadError } from '../../app/LoadError';
import { useOrganization } from '../../app/organization';
import { pageArguments, rangeText } from '../../app/pagination';
import { NotFoundContent } from '../../app/Root';
import { filterOf, listOptions, useTokenSearch } from '../../app/tokenSearch';
import { MembersDocument, type MembersQuery, type OrganizationRole } from '../../gql/graphql';
import { day, exact } from '../../lib/time';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Dash } from '../../ui/Dash';
import { Field, Select } from '../../ui/Field';
import { EmptyState, PageHeader } from '../../ui/Panel';
import { Cell, type Column, Pager, Row, SkeletonRows, Table } from '../../ui/Table';
import { AddMember } from './AddMember';
import { ChangeRole, type Member, RemoveMember } from './MemberDialogs';
import styles from './Members.module.css';

const route = getRouteApi('/shell/organizations/$slug/members');

/** The roles as written in the URL. */
const ROLES: Record<string, OrganizationRole> = { admin: 'ADMIN', member: 'MEMBER' };

type Edge = NonNullable<MembersQuery['organization']>['members']['edges'][number];

type DialogState = { kind: 'add' } | { kind: 'role' | 'remove'; member: Member };

export function Members() {
  const { slug } = route.useParams();
  // The state of the page does not carry over to another organization.
  return <Page key={slug} slug={slug} />;
}

function Page({ slug }: { slug: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { me, prefix, name: known, role: own } = useOrganization(slug);
  const role = ROLES[search.role ?? ''];
  const box = useTokenSearch(search.search ?? '', prefix, (text) =>
    navigate({ search: { search: text || undefined, role: search.role }, replace: true }),
  );
  const text = filterOf(search.search ?? '').query?.replaceAll('"', '');
  const [dialog, setDialog] = useState<DialogState>();
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ['members', slug, search],
    queryFn: ({ signal }) => ask(MembersDocument, { slug, search: text, role, ...pageArguments(search) }, signal),
    ...listOptions,
  });
  if (data && !data.organization) return <NotFoundContent />;
  const organization = data?.organization;
  const name = organization?.name ?? known ?? slug;
  const isAdmin = organization?.viewerIsAdmin ?? own === 'ADMIN';
  const members = organization?.members;
  const searchError = isServiceError(error, 'INVALID_INPUT') && error.field === 'search' ? error.message : undefined;
  const page = Number(search.page) || 1;
  const filtered = Boolean(search.search || role);
  const move = (to: { after?: string; before?: string; page?: string }) =>
    navigate({ search: { search: search.search, role: search.role, ...to } }).then(() => window.scrollTo({ top: 0 }));
  const clear = () => {
    box.now('');
    navigate({ search: {}, replace: true });
  };
  return (
    <>
      <PageHeader
        title="Members"
        about={
          isAdmin
            ? `Members of ${name} can create tokens with access to it. Administrators can also audit tokens and manage members.`
            : `Only administrators of ${name} can add and remove members and change roles. To leave, ask an administrator.`
        }
        actions={
          isAdmin && (
            <Button
              kind="primary"
              icon={<UserPlus size={16} aria-hidden="true" />}
              aria-disabled={!organization}
              onClick={() => organization && setDialog({ kind: 'add' })}
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
          placeholder={isAdmin ? 'Name, username or email' : 'Name or username'}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={200}
          error={box.unfinished ? 'This looks like a token value. Search for it in the API Access Audit.' : searchError}
          onChange={(event) => box.set(event.target.value)}
        />
        <Select
          label="Role"
          value={role ? search.role : ''}
          onChange={(event) =>
            navigate({ search: { search: search.search, role: event.target.value || undefined }, replace: true })
          }
        >
          <option value="">All roles</option>
          <option value="admin">Administrators</option>
          <option value="member">Members</option>
        </Select>
      </search>
      {error && !searchError && !members ? (
        <LoadError error={error} onRetry={() => refetch()} />
      ) : searchError || (members?.edges.length === 0 && !isPlaceholderData) ? (
        <EmptyState
          title={filtered ? 'No members match' : 'No members'}
          action={filtered && <Button onClick={clear}>Show all members</Button>}
        >
          {filtered ? 'Check the spelling, or select another role.' : undefined}
        </EmptyState>
      ) : (
        <Table caption={`Members of ${name}`} columns={columns(isAdmin)} loading={isPlaceholderData}>
          {members ? (
            members.edges.map((edge) => (
              <MemberRow
                key={edge.node.id}
                edge={edge}
                you={edge.node.id === me?.id}
                isAdmin={isAdmin}
                onOpenDialog={setDialog}
              />
            ))
          ) : (
            <SkeletonRows columns={isAdmin ? 5 : 3} />
          )}
        </Table>
      )}
      {members && members.edges.length > 0 && (
        <Pager
          label={rangeText(page, members.edges.length, members.totalCount, 'member')}
          before={members.pageInfo.hasPreviousPage}
          after={members.pageInfo.hasNextPage}
          onBefore={() =>
            move({ before: members.pageInfo.startCursor ?? undefined, page: page > 2 ? String(page - 1) : undefined })
          }
          onAfter={() => move({ after: members.pageInfo.endCursor ?? undefined, page: String(page + 1) })}
        />
      )}
      {organization && dialog?.kind === 'add' && <AddMember organization={organization} onClose={() => setDialog(undefined)} />}
      {organization && dialog?.kind === 'role' && (
        <ChangeRole
          organization={organization}
          member={dialog.member}
          you={dialog.member.id === me?.id}
          onClose={() => setDialog(undefined)}
        />
      )}
      {organization && dialog?.kind === 'remove' && (
        <RemoveMember
          organization={{ ...organization, slug }}
          member={dialog.member}
          you={dialog.member.id === me?.id}
          onClose={() => setDialog(undefined)}
        />
      )}
    </>
  );
}

const NAME: Column = { name: 'Name', width: 'rest' };
const ROLE: Column = { name: 'Role', width: 'word' };
const JOINED: Column = { name: 'Joined', width: 'date' };

const columns = (isAdmin: boolean): Column[] =>
  isAdmin ? [NAME, { name: 'Email' }, ROLE, JOINED, { name: 'Actions', hidden: true, width: 'buttons' }] : [NAME, ROLE, JOINED];

interface RowProps {
  edge: Edge;
  you: boolean;
  isAdmin: boolean;
  onOpenDialog: (dialog: DialogState) => void;
}

function MemberRow({ edge: { node, role, joinedAt }, you, isAdmin, onOpenDialog }: RowProps) {
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
      {isAdmin && <Cell label="Email">{node.email ?? <Dash meaning="None" />}</Cell>}
      <Cell label="Role">{role === 'ADMIN' ? <Badge>Administrator</Badge> : 'Member'}</Cell>
      <Cell label="Joined">
        <time dateTime={joinedAt} className={styles.day} title={exact(joinedAt)}>
          {day(joinedAt)}
        </time>
      </Cell>
      {isAdmin && (
        <Cell>
          <div className={styles.actions}>
            <Button
              size="small"
              kind="quiet"
              aria-label={`${other}: ${node.name}`}
              onClick={() => onOpenDialog({ kind: 'role', member })}
            >
              {other}
            </Button>
            <Button
              size="small"
              kind="quiet"
              aria-label={you ? undefined : `Remove ${node.name}`}
              onClick={() => onOpenDialog({ kind: 'remove', member })}
            >
              {you ? 'Leave' : 'Remove'}
            </Button>
          </div>
        </Cell>
      )}
    </Row>
  );
}
