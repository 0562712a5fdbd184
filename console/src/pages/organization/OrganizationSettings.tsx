// The name and identifiers of an organization.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { polling } from '../../app/activity';
import { ask, isServiceError } from '../../app/api';
import { errorText, LoadError } from '../../app/LoadError';
import { AdminsOnly, useOrganization } from '../../app/organization';
import { NotFoundContent } from '../../app/Root';
import { OrganizationSettingsDocument, type OrganizationSettingsQuery, UpdateOrganizationDocument } from '../../gql/graphql';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { Field } from '../../ui/Field';
import { Fact, Facts, Notice, PageHeader, Panel, Skeleton } from '../../ui/Panel';
import { showToast } from '../../ui/toast';
import styles from './OrganizationSettings.module.css';

const route = getRouteApi('/shell/organizations/$slug/settings');

const MAX_LENGTH = 100;

type Found = NonNullable<OrganizationSettingsQuery['organization']>;

export function OrganizationSettings() {
  const { slug } = route.useParams();
  const { role, name } = useOrganization(slug);
  const { data, error, refetch } = useQuery({
    queryKey: ['organizations', 'settings', slug],
    queryFn: ({ signal }) => ask(OrganizationSettingsDocument, { slug }, signal),
    ...polling,
  });
  if (isServiceError(error, 'FORBIDDEN') || role === 'MEMBER') {
    return (
      <AdminsOnly title="Organization settings" slug={slug}>
        Administrators change the name of the organization here. All members can see the list of members.
      </AdminsOnly>
    );
  }
  if (data && !data.organization) return <NotFoundContent />;
  const organization = data?.organization;
  return (
    <>
      <PageHeader
        title="Organization settings"
        about={`Name and identifiers of ${organization?.name ?? name ?? 'this organization'}.`}
      />
      {error && !organization ? (
        <LoadError error={error} onRetry={() => refetch()} />
      ) : organization ? (
        <>
          <Name key={organization.id} organization={organization} />
          <About organization={organization} />
        </>
      ) : (
        <>
          <Panel title="Name">
            <Skeleton lines={2} />
          </Panel>
          <Panel title="About">
            <Skeleton lines={6} />
          </Panel>
        </>
      )}
    </>
  );
}

function Name({ organization }: { organization: Found }) {
  const client = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  /** The edited name, until it is saved. */
  const [draft, setDraft] = useState<string>();
  const [inputError, setInputError] = useState<string>();
  const name = draft ?? organization.name;
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask(UpdateOrganizationDocument, { input: { organizationId: organization.id, name: name.trim() } }),
    onSuccess: async ({ updateOrganization: done }) => {
      await Promise.all(
        ['organizations', 'viewer', 'tokens', 'members', 'events'].map((noun) => client.invalidateQueries({ queryKey: [noun] })),
      );
      setDraft(undefined);
      showToast(`The organization is now named ${done?.organization.name}.`);
    },
    onError: (failure) => {
      const text = inputErrorOf(failure);
      if (text) showInputError(text);
    },
  });
  function showInputError(text: string) {
    setInputError(text);
    field.current?.focus();
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    const characters = [...name.trim()].length;
    if (characters === 0) return showInputError('Enter a name.');
    if (characters > MAX_LENGTH) return showInputError(`The name has ${characters} characters. Use at most ${MAX_LENGTH}.`);
    if (!isPending) mutate();
  }
  return (
    <Panel title="Name" about="Shown in the audit, in emails to token owners and in lists of organizations.">
      <form className={styles.form} onSubmit={submit} noValidate>
        <Field
          ref={field}
          label="Name"
          name="name"
          value={name}
          autoComplete="off"
          error={inputError}
          onChange={(event) => {
            setInputError(undefined);
            setDraft(event.target.value);
          }}
        />
        {error && !inputErrorOf(error) && (
          <Notice tone="danger">
            <p>{errorText(error)}</p>
          </Notice>
        )}
        <div>
          <Button kind="primary" type="submit" busy={isPending}>
            Save name
          </Button>
        </div>
      </form>
    </Panel>
  );
}

const inputErrorOf = (error: unknown) =>
  isServiceError(error, 'INVALID_INPUT') && error.field?.endsWith('name') ? error.message : undefined;

function About({ organization }: { organization: Found }) {
  const { slug, uuid, createdAt, members, administrators, tokenGrants } = organization;
  return (
    <Panel title="About">
      <Facts>
        <Fact name="Slug">
          <code>{slug}</code>
          <p className="muted small">Used in URLs, scripts and gateway settings. Can’t be changed.</p>
        </Fact>
        <Fact name="UUID">
          <span className={styles.uuid}>
            <code>{uuid}</code>
            <CopyButton text={uuid} />
          </span>
        </Fact>
        <Fact name="Created">
          <Ago at={createdAt} form="exact" />
        </Fact>
        <Fact name="Members">
          <Link to="/organizations/$slug/members" params={{ slug }}>
            {countText(members.totalCount, 'member')}
          </Link>
          , including{' '}
          <Link to="/organizations/$slug/members" params={{ slug }} search={{ role: 'admin' }}>
            {countText(administrators.totalCount, 'administrator')}
          </Link>
        </Fact>
        <Fact name="Tokens">
          <Link to="/organizations/$slug/audit" params={{ slug }}>
            {countText(tokenGrants?.totalCount ?? 0, 'token')}
          </Link>{' '}
          with access
        </Fact>
      </Facts>
    </Panel>
  );
}

const countText = (count: number, noun: string) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
