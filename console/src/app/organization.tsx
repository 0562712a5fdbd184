// Shared by the pages of an organization: the viewer’s role, and the page for non-administrators.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { buttonClass } from '../ui/Button';
import { EmptyState, PageHeader } from '../ui/Panel';
import { viewer } from './queries';

/** The viewer’s membership in the organization, available before the data of the page. */
export function useOrganization(slug: string) {
  const { data } = useQuery(viewer);
  const edge = data?.viewer.organizations?.edges.find(({ node }) => node.slug === slug);
  return { me: data?.viewer, prefix: data?.tokenPrefix, name: edge?.node.name, role: edge?.role };
}

/** Shown to members instead of a page for administrators. */
export function AdminsOnly({ title, slug, children }: { title: string; slug: string; children: ReactNode }) {
  const { name } = useOrganization(slug);
  return (
    <>
      <PageHeader title={title} />
      <EmptyState
        title={`Only administrators of ${name ?? 'this organization'} can open this page`}
        action={
          <div className="row">
            <Link
              to="/organizations/$slug/members"
              params={{ slug }}
              search={{ role: 'admin' }}
              className={buttonClass({ kind: 'primary' })}
            >
              View administrators
            </Link>
            <Link to="/tokens" className={buttonClass({})}>
              Go to your tokens
            </Link>
          </div>
        }
      >
        {children}
      </EmptyState>
    </>
  );
}
