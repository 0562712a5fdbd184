// A new token: what it is for, which organizations it reaches, what it may do, and when it ends. Its value is shown once.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { ask } from '../../app/api';
import { Failure } from '../../app/LoadError';
import { catalogue, mine, viewer } from '../../app/queries';
import { TokenToCopyDocument } from '../../gql/graphql';
import { copyOf, sorted } from '../../lib/prefill';
import { buttonClass } from '../../ui/Button';
import { Empty, Head, Notice, Panel, Skeleton } from '../../ui/Panel';
import { type Made, Once } from './CreatedToken';
import styles from './NewToken.module.css';
import { type Begun, Form } from './TokenForm';

const route = getRouteApi('/inside/tokens/new');

export function NewToken() {
  const search = route.useSearch();
  // Neither cached nor kept anywhere else: it is gone with this page.
  const [made, setMade] = useState<Made>();
  useEffect(() => {
    // A browser may keep the page as it is, to show it again when somebody goes back.
    const clear = () => flushSync(() => setMade(undefined));
    window.addEventListener('pagehide', clear);
    return () => window.removeEventListener('pagehide', clear);
  }, []);
  const { data: who } = useQuery(viewer);
  const organizations = useQuery(mine);
  const scopes = useQuery(catalogue);
  const { like } = search;
  const original = useQuery({
    queryKey: ['tokens', 'copy', like],
    queryFn: ({ signal }) => ask(TokenToCopyDocument, { id: like! }, signal).then(({ token }) => token),
    enabled: Boolean(like),
  });
  if (made) return <Once made={made} />;

  const error = organizations.error ?? scopes.error ?? original.error;
  const ready = organizations.data && scopes.data && who && (!like || original.isSuccess);
  if (error && !ready) {
    const again = () => Promise.all([organizations.refetch(), scopes.refetch(), like && original.refetch()]);
    return (
      <>
        <Heading />
        <Failure error={error} again={again} />
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
        <Empty
          title="You are not a member of any organization"
          action={
            <Link to="/tokens" className={buttonClass({})}>
              Go to your tokens
            </Link>
          }
        >
          A token gives access to organizations that you are a member of. Ask an administrator to add you to one, then try again.
        </Empty>
      </>
    );
  }

  const places = organizations.data.map(({ node }) => node);
  const copied = original.data && original.data.owner.id === who.viewer.id ? original.data : undefined;
  const named = sorted(
    search.scopes ?? [],
    scopes.data.filter(({ retired }) => !retired),
    ({ name }) => name,
  );
  const asked = sorted(search.organizations ?? [], places, ({ slug }) => slug);
  const held = sorted(
    copied?.scopes.map(({ name }) => name) ?? [],
    scopes.data.filter(({ retired }) => !retired),
    ({ name }) => name,
  );
  const reached = copied?.grants?.nodes.map(({ organization }) => organization) ?? [];
  const standing = reached.filter(({ id }) => places.some((place) => place.id === id));
  const chosen = [...asked.known, ...standing].map(({ id }) => id);
  const begun: Begun = {
    description: search.description ?? (copied ? copyOf(copied.description) : ''),
    scopes: [...named.known, ...held.known].map(({ name }) => name),
    // Who belongs to one organization means that one.
    organizations: chosen.length === 0 && places.length === 1 ? [places[0]!.id] : chosen,
  };
  const told = [
    ...(like && !copied ? ['The token to duplicate does not exist or belongs to another user.'] : []),
    ...named.unknown.map((name) => `The scope “${name}” does not exist.`),
    ...held.unknown.map((name) => `The scope “${name}” is retired and cannot be added.`),
    ...asked.unknown.map((slug) => `You are not a member of the organization “${slug}”.`),
    ...reached.filter((one) => !standing.includes(one)).map(({ name }) => `You are no longer a member of ${name}.`),
  ];
  const linked = Boolean(search.description || search.scopes || search.organizations);
  return (
    <>
      <Heading />
      {(linked || told.length > 0) && (
        <div className={styles.told}>
          <Notice
            tone={told.length > 0 ? 'warn' : 'info'}
            title={told.length > 0 ? 'Some fields could not be filled in' : 'This form was filled in by a link'}
          >
            {told.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            {linked && <p>Review the organizations and scopes before you create the token.</p>}
          </Notice>
        </div>
      )}
      <Form key={like} begun={begun} organizations={organizations.data} scopes={scopes.data} onMade={setMade} />
    </>
  );
}

function Heading() {
  return (
    <Head
      title="New API Access Token"
      about="Select only the organizations and scopes that the token needs. You can change both later; you can shorten the expiry later, but not extend it."
    />
  );
}
