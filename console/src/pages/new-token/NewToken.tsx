// Creates a token: description, organizations, scopes and expiry. The value is shown once.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { ask } from '../../app/api';
import { LoadError } from '../../app/LoadError';
import { catalogue, myOrganizations, viewer } from '../../app/queries';
import { TokenToCopyDocument } from '../../gql/graphql';
import { copyOf, partitionKnown } from '../../lib/prefill';
import { buttonClass } from '../../ui/Button';
import { EmptyState, Notice, PageHeader, Panel, Skeleton } from '../../ui/Panel';
import { CreatedToken, type CreatedTokenResult } from './CreatedToken';
import styles from './NewToken.module.css';
import { type InitialValues, TokenForm } from './TokenForm';

const route = getRouteApi('/shell/tokens/new');

export function NewToken() {
  const search = route.useSearch();
  // Neither cached nor stored: the value is gone with this page.
  const [created, setCreated] = useState<CreatedTokenResult>();
  useEffect(() => {
    // A browser may keep the page in memory and show it again on going back.
    const clear = () => flushSync(() => setCreated(undefined));
    window.addEventListener('pagehide', clear);
    return () => window.removeEventListener('pagehide', clear);
  }, []);
  const { data: viewerData } = useQuery(viewer);
  const organizations = useQuery(myOrganizations);
  const scopes = useQuery(catalogue);
  const { like } = search;
  const original = useQuery({
    queryKey: ['tokens', 'copy', like],
    queryFn: ({ signal }) => ask(TokenToCopyDocument, { id: like! }, signal).then(({ token }) => token),
    enabled: Boolean(like),
  });
  if (created) return <CreatedToken created={created} />;

  const error = organizations.error ?? scopes.error ?? original.error;
  const ready = organizations.data && scopes.data && viewerData && (!like || original.isSuccess);
  if (error && !ready) {
    const retry = () => Promise.all([organizations.refetch(), scopes.refetch(), like && original.refetch()]);
    return (
      <>
        <Heading />
        <LoadError error={error} onRetry={retry} />
      </>
    );
  }
  if (!ready) {
    return (
      <>
        <Heading />
        <div className={styles.form}>
          <Panel title="Description">
            <Skeleton lines={2} />
          </Panel>
          <Panel title="Organizations">
            <Skeleton lines={2} />
          </Panel>
          <Panel title="Scopes">
            <Skeleton lines={8} />
          </Panel>
        </div>
      </>
    );
  }
  if (organizations.data.length === 0) {
    return (
      <>
        <Heading />
        <EmptyState
          title="You are not a member of any organization"
          action={
            <Link to="/tokens" className={buttonClass({})}>
              Go to your tokens
            </Link>
          }
        >
          A token gives access to organizations that you are a member of. Ask an administrator to add you to one, then try again.
        </EmptyState>
      </>
    );
  }

  const places = organizations.data.map(({ node }) => node);
  const copied = original.data && original.data.owner.id === viewerData.viewer.id ? original.data : undefined;
  const linkedScopes = partitionKnown(
    search.scopes ?? [],
    scopes.data.filter(({ retired }) => !retired),
    ({ name }) => name,
  );
  const linkedOrganizations = partitionKnown(search.organizations ?? [], places, ({ slug }) => slug);
  const copiedScopes = partitionKnown(
    copied?.scopes.map(({ name }) => name) ?? [],
    scopes.data.filter(({ retired }) => !retired),
    ({ name }) => name,
  );
  const copiedOrganizations = copied?.grants?.nodes.map(({ organization }) => organization) ?? [];
  const current = copiedOrganizations.filter(({ id }) => places.some((place) => place.id === id));
  const chosen = [...linkedOrganizations.known, ...current].map(({ id }) => id);
  const initial: InitialValues = {
    description: search.description ?? (copied ? copyOf(copied.description) : ''),
    scopes: [...linkedScopes.known, ...copiedScopes.known].map(({ name }) => name),
    // A single organization is selected by default.
    organizations: chosen.length === 0 && places.length === 1 ? [places[0]!.id] : chosen,
  };
  const warnings = [
    ...(like && !copied ? ['The token to duplicate does not exist or belongs to another user.'] : []),
    ...linkedScopes.unknown.map((name) => `The scope “${name}” does not exist.`),
    ...copiedScopes.unknown.map((name) => `The scope “${name}” is retired and cannot be added.`),
    ...linkedOrganizations.unknown.map((slug) => `You are not a member of the organization “${slug}”.`),
    ...copiedOrganizations.filter((one) => !current.includes(one)).map(({ name }) => `You are no longer a member of ${name}.`),
  ];
  const fromLink = Boolean(search.description || search.scopes || search.organizations);
  return (
    <>
      <Heading />
      {(fromLink || warnings.length > 0) && (
        <div className={styles.warnings}>
          <Notice
            tone={warnings.length > 0 ? 'warn' : 'info'}
            title={warnings.length > 0 ? 'Some fields could not be filled in' : 'This form was filled in by a link'}
          >
            {warnings.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            {fromLink && <p>Review the organizations and scopes before you create the token.</p>}
          </Notice>
        </div>
      )}
      <TokenForm key={like} initial={initial} organizations={organizations.data} scopes={scopes.data} onCreated={setCreated} />
    </>
  );
}

function Heading() {
  return (
    <PageHeader
      title="New API Access Token"
      about="Select only the organizations and scopes that the token needs. You can change both later. You can shorten the expiry later, but not extend it."
    />
  );
}
