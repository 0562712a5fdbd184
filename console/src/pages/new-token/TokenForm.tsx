// The form for a new token.
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { ask } from '../../app/api';
import { type FormErrors, formErrorsOf, useFormErrors } from '../../app/formErrors';
import { CreateTokenDocument } from '../../gql/graphql';
import { type Expiry, endOf } from '../../lib/expiry';
import { MAX_DESCRIPTION_LENGTH, MAX_ORGANIZATIONS } from '../../lib/limits';
import { useNow } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button, buttonClass } from '../../ui/Button';
import { ExpiryPicker } from '../../ui/ExpiryPicker';
import { Checkbox, Field, Fieldset } from '../../ui/Field';
import { Notice, Panel } from '../../ui/Panel';
import { matchesText, type PickedScope, ScopePicker } from '../../ui/ScopePicker';
import type { CreatedTokenResult } from './CreatedToken';
import styles from './NewToken.module.css';
import { summary } from './summary';

export interface InitialValues {
  description: string;
  organizations: string[];
  scopes: string[];
}

interface Organization {
  role: string;
  node: { id: string; slug: string; name: string };
}

interface Props {
  initial: InitialValues;
  organizations: readonly Organization[];
  scopes: readonly PickedScope[];
  onCreated: (made: CreatedTokenResult) => void;
}

/** The number of organizations from which on they can be searched. */
const SEARCH_THRESHOLD = 12;

const INPUTS = ['description', 'organizationIds', 'scopes', 'expiresAt'];

export function TokenForm({ initial, organizations, scopes, onCreated }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [description, setDescription] = useState(initial.description);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set(initial.organizations));
  const [scopeNames, setScopeNames] = useState<ReadonlySet<string>>(new Set(initial.scopes));
  const [expiry, setExpiry] = useState<Expiry>({ kind: 'days', days: 30 });
  const { errors, setErrors, clearErrors } = useFormErrors(form);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const now = useNow();

  async function create(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const end = endOf(expiry, Date.now());
    const missing = missingInputs({ description, selected, scopeNames, hasExpiry: expiry.kind === 'never' || end !== undefined });
    setErrors(missing);
    if (missing) return;
    setBusy(true);
    const input = {
      description,
      organizationIds: [...selected],
      scopes: [...scopeNames],
      expiresAt: end?.toISOString(),
    };
    try {
      // Not a cached mutation, which would keep the value.
      const { createToken } = await ask(CreateTokenDocument, { input });
      client.invalidateQueries({ queryKey: ['tokens'] });
      onCreated(createToken!);
      window.scrollTo({ top: 0 });
    } catch (error) {
      setErrors(formErrorsOf(error, INPUTS));
      setBusy(false);
    }
  }

  return (
    <form ref={form} onSubmit={create} noValidate className={styles.form}>
      <Panel title="Description">
        <Field
          label={<span className="hidden">Description</span>}
          name="description"
          value={description}
          onChange={(event) => {
            setDescription(event.target.value);
            clearErrors('description');
          }}
          maxLength={MAX_DESCRIPTION_LENGTH}
          required
          autoComplete="off"
          help="Where it will be used, e.g. “Deploy bot on build-3”. Visible to administrators of the organizations."
          error={errors?.description}
        />
      </Panel>
      <Panel
        title="Organizations"
        about="The token can access these organizations while you are a member. Their administrators can remove its access."
      >
        <OrganizationPicker
          all={organizations}
          scopeNames={selected}
          onChoose={(next) => {
            setSelected(next);
            clearErrors('organizationIds');
          }}
          error={errors?.organizationIds}
        />
      </Panel>
      <Panel title="Scopes" about="What the token can do in these organizations.">
        <ScopePicker
          scopes={scopes}
          chosen={scopeNames}
          onChoose={(next) => {
            setScopeNames(next);
            clearErrors('scopes');
          }}
          error={errors?.scopes}
        />
      </Panel>
      <Panel title="Expiry">
        <ExpiryPicker
          legend={<span className="hidden">Expiry</span>}
          expiry={expiry}
          onChoose={(next) => {
            setExpiry(next);
            clearErrors('expiresAt');
          }}
          error={errors?.expiresAt}
        />
      </Panel>
      {errors?.form && (
        <Notice tone="danger" title="The token was not created">
          <p>{errors.form}</p>
        </Notice>
      )}
      <p id="new-token-summary" className={styles.summary}>
        {summary({
          scopes: scopes.filter(({ name }) => scopeNames.has(name)),
          organizations: organizations.flatMap(({ node }) => (selected.has(node.id) ? [node.name] : [])),
          end: expiry.kind === 'never' ? 'never' : endOf(expiry, now),
        })}
      </p>
      <div className="row">
        <Button kind="primary" type="submit" busy={busy} aria-describedby="new-token-summary">
          Create token
        </Button>
        <Link to="/tokens" className={buttonClass({ kind: 'quiet' })}>
          Cancel
        </Link>
      </div>
    </form>
  );
}

interface Inputs {
  description: string;
  selected: ReadonlySet<string>;
  scopeNames: ReadonlySet<string>;
  hasExpiry: boolean;
}

/** The required inputs that are missing. */
function missingInputs({ description, selected, scopeNames, hasExpiry }: Inputs): FormErrors | undefined {
  const errors: FormErrors = {};
  if (description.trim() === '') errors.description = 'Enter a description.';
  if (selected.size === 0) errors.organizationIds = 'Select at least one organization.';
  if (scopeNames.size === 0) errors.scopes = 'Select at least one scope.';
  if (!hasExpiry) errors.expiresAt = 'Select an expiry date.';
  return Object.keys(errors).length > 0 ? errors : undefined;
}

interface OrganizationPickerProps {
  all: readonly Organization[];
  scopeNames: ReadonlySet<string>;
  onChoose: (scopeNames: ReadonlySet<string>) => void;
  error?: string;
}

function OrganizationPicker({ all, scopeNames, onChoose, error }: OrganizationPickerProps) {
  const [text, setText] = useState('');
  const full = scopeNames.size >= MAX_ORGANIZATIONS;
  const words = text.toLowerCase().trim();
  const found = all.filter(({ node }) => `${node.name} ${node.slug}`.toLowerCase().includes(words));
  function toggle(id: string) {
    const next = new Set(scopeNames);
    if (!next.delete(id)) next.add(id);
    onChoose(next);
  }
  return (
    <Fieldset legend={<span className="hidden">Organizations</span>} error={error}>
      {all.length >= SEARCH_THRESHOLD && (
        <>
          <Field
            label={<span className="hidden">Find organizations</span>}
            type="search"
            placeholder="Find organizations…"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
            autoComplete="off"
          />
          <p role="status" className="muted small">
            {scopeNames.size} of {all.length} selected
            {words !== '' && ` · ${matchesText(found.length)}`}
          </p>
        </>
      )}
      {full && (
        <Notice>A token can have access to at most {MAX_ORGANIZATIONS} organizations. Clear one to select another.</Notice>
      )}
      <div className={styles.organizations}>
        {found.map(({ node, role }) => {
          const unavailable = full && !scopeNames.has(node.id);
          return (
            <Checkbox
              key={node.id}
              label={
                <>
                  {node.name} {role === 'ADMIN' && <Badge>Admin</Badge>}
                </>
              }
              help={unavailable ? `${node.slug}: not available, ${MAX_ORGANIZATIONS} organizations are selected` : node.slug}
              checked={scopeNames.has(node.id)}
              disabled={unavailable}
              onChange={() => toggle(node.id)}
            />
          );
        })}
      </div>
    </Fieldset>
  );
}
