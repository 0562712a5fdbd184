// A notice about organizations that others removed from the token.
import { useQuery } from '@tanstack/react-query';
import { myOrganizations } from '../../app/queries';
import { removalsByOthers } from '../../app/removals';
import type { TokenDetailsFragment } from '../../gql/graphql';
import { MAX_ORGANIZATIONS } from '../../lib/limits';
import { long } from '../../lib/time';
import { useNow } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { Notice } from '../../ui/Panel';
import { useAddOrganization } from './changes';

export function RemovalNotice({ token }: { token: TokenDetailsFragment }) {
  const now = useNow();
  const add = useAddOrganization(token.id);
  const unremoved = token.unremoved?.nodes ?? [];
  const [latest, ...others] = removalsByOthers(token.removed?.nodes ?? [], unremoved, token.owner.id);
  const active = token.status === 'ACTIVE';
  const { data: places } = useQuery({ ...myOrganizations, enabled: active && latest !== undefined });
  if (!active || !latest) return null;
  const { organization, removedAt, removedBy, removalReason } = latest;
  const again = unremoved.length < MAX_ORGANIZATIONS && places?.some(({ node }) => node.id === organization.id);
  return (
    <Notice
      tone="warn"
      title={`${removedBy?.name ?? 'An operator or the service'} removed ${organization.name} from this token${removedAt ? ` ${long(removedAt, now)}` : ''}${removalReason ? `: “${removalReason}”` : ''}`}
    >
      <p>
        Requests to {organization.name} with this token are denied.{' '}
        <a href="#organizations">{others.length > 0 ? `View ${others.length} more below` : 'View organizations'}</a>
      </p>
      {again && (
        <div>
          <Button
            size="small"
            busy={add.isPending}
            aria-label={`Add again: ${organization.name}`}
            onClick={() => add.mutate(organization)}
          >
            Add again
          </Button>
        </div>
      )}
    </Notice>
  );
}
