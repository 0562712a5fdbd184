// What a new token shall be.
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { ask } from '../../app/api';
import { useWrong, type Wrong, wrongOf } from '../../app/formErrors';
import { CreateTokenDocument } from '../../gql/graphql';
import { type Expiry, endOf } from '../../lib/expiry';
import { LONGEST } from '../../lib/prefill';
import { useNow } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button, buttonClass } from '../../ui/Button';
import { ExpiryPicker } from '../../ui/ExpiryPicker';
import { Check, Choice, Field } from '../../ui/Field';
import { Notice, Panel } from '../../ui/Panel';
import { matchesText, type PickedScope, ScopePicker } from '../../ui/ScopePicker';
import type { Made } from './CreatedToken';
import styles from './NewToken.module.css';
import { summary } from './summary';

export interface Begun {
  description: string;
  organizations: string[];
  scopes: string[];
}

interface Organization {
  role: string;
  node: { id: string; slug: string; name: string };
}

interface Props {
  begun: Begun;
  organizations: readonly Organization[];
  scopes: readonly PickedScope[];
  onMade: (made: Made) => void;
}

/** How many organizations a token reaches at most. */
const MOST = 100;

/** From how many organizations on they are looked for. */
const MANY = 12;

const INPUTS = ['description', 'organizationIds', 'scopes', 'expiresAt'];

export function Form({ begun, organizations, scopes, onMade }: Props) {
  const form = useRef<HTMLFormElement>(null);
  const [description, setDescription] = useState(begun.description);
  const [places, setPlaces] = useState<ReadonlySet<string>>(new Set(begun.organizations));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(begun.scopes));
  const [expiry, setExpiry] = useState<Expiry>({ kind: 'days', days: 30 });
  const { wrong, setWrong, changed } = useWrong(form);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const now = useNow();

  async function create(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    const end = endOf(expiry, Date.now());
    const missing = lacking({ description, places, chosen, ends: expiry.kind === 'never' || end !== undefined });
    setWrong(missing);
    if (missing) return;
    setBusy(true);
    const input = {
      description,
      organizationIds: [...places],
      scopes: [...chosen],
      expiresAt: end?.toISOString(),
    };
    try {
      // Not a mutation of the cache, which would keep the value.
      const { createToken } = await ask(CreateTokenDocument, { input });
      client.invalidateQueries({ queryKey: ['tokens'] });
      onMade(createToken!);
      window.scrollTo({ top: 0 });
    } catch (error) {
      setWrong(wrongOf(error, INPUTS));
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
            changed('description');
          }}
          maxLength={LONGEST}
          required
          autoComplete="off"
          help="Where it will be used, e.g. “Deploy bot on build-3”. Visible to administrators of the organizations."
          error={wrong?.description}
        />
      </Panel>
      <Panel
        title="Organizations"
        about="The token can access these organizations while you are a member. Their administrators can remove its access."
      >
        <Places
          all={organizations}
          chosen={places}
          onChoose={(next) => {
            setPlaces(next);
            changed('organizationIds');
          }}
          error={wrong?.organizationIds}
        />
      </Panel>
      <Panel title="Scopes" about="What the token can do in these organizations.">
        <ScopePicker
          scopes={scopes}
          chosen={chosen}
          onChoose={(next) => {
            setChosen(next);
            changed('scopes');
          }}
          error={wrong?.scopes}
        />
      </Panel>
      <Panel title="Expiry">
        <ExpiryPicker
          legend={<span className="hidden">Expiry</span>}
          expiry={expiry}
          onChoose={(next) => {
            setExpiry(next);
            changed('expiresAt');
          }}
          error={wrong?.expiresAt}
        />
      </Panel>
      {wrong?.form && (
        <Notice tone="danger" title="The token was not created">
          <p>{wrong.form}</p>
        </Notice>
      )}
      <p id="new-token-summary" className={styles.summary}>
        {summary({
          scopes: scopes.filter(({ name }) => chosen.has(name)),
          organizations: organizations.flatMap(({ node }) => (places.has(node.id) ? [node.name] : [])),
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

interface Filled {
  description: string;
  places: ReadonlySet<string>;
  chosen: ReadonlySet<string>;
  ends: boolean;
}

/** What has to be filled in before the service is asked. */
function lacking({ description, places, chosen, ends }: Filled): Wrong | undefined {
  const wrong: Wrong = {};
  if (description.trim() === '') wrong.description = 'Enter a description.';
  if (places.size === 0) wrong.organizationIds = 'Select at least one organization.';
  if (chosen.size === 0) wrong.scopes = 'Select at least one scope.';
  if (!ends) wrong.expiresAt = 'Select an expiry date.';
  return Object.keys(wrong).length > 0 ? wrong : undefined;
}

interface PlacesProps {
  all: readonly Organization[];
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
  error?: string;
}

function Places({ all, chosen, onChoose, error }: PlacesProps) {
  const [text, setText] = useState('');
  const full = chosen.size >= MOST;
  const words = text.toLowerCase().trim();
  const found = all.filter(({ node }) => `${node.name} ${node.slug}`.toLowerCase().includes(words));
  function toggle(id: string) {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next);
  }
  return (
    <Choice legend={<span className="hidden">Organizations</span>} error={error}>
      {all.length >= MANY && (
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
            {chosen.size} of {all.length} selected
            {words !== '' && ` · ${matchesText(found.length)}`}
          </p>
        </>
      )}
      {full && <Notice>A token can have access to at most {MOST} organizations. Clear one to select another.</Notice>}
      <div className={styles.places}>
        {found.map(({ node, role }) => {
          const barred = full && !chosen.has(node.id);
          return (
            <Check
              key={node.id}
              label={
                <>
                  {node.name} {role === 'ADMIN' && <Badge>Admin</Badge>}
                </>
              }
              help={barred ? `${node.slug}: not available, ${MOST} organizations are selected` : node.slug}
              checked={chosen.has(node.id)}
              disabled={barred}
              onChange={() => toggle(node.id)}
            />
          );
        })}
      </div>
    </Choice>
  );
}
