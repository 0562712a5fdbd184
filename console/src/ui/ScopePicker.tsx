// Selects scopes: grouped by access, searchable, with presets. GraphQL is separate, since other scopes do not limit it.
import { useId, useState } from 'react';
import { ACCESSES, isSameSet, matchesSearch, PRESETS, preset, type ScopeLike } from '../lib/scopes';
import { Badge } from './Badge';
import { Button } from './Button';
import { Checkbox, Field, Fieldset } from './Field';
import styles from './ScopePicker.module.css';

export interface PickedScope extends ScopeLike {
  description: string;
  retired: boolean;
}

interface Props {
  scopes: readonly PickedScope[];
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
  error?: string;
  /** The legend, if no heading precedes the picker. */
  legend?: string;
}

/** `no matches`, `1 match`, `3 matches`. */
export const matchesText = (count: number) => (count === 0 ? 'no matches' : `${count} ${count === 1 ? 'match' : 'matches'}`);

export function ScopePicker({ scopes, chosen, onChoose, error, legend }: Props) {
  const [text, setText] = useState('');
  const id = useId();
  const found = scopes.filter((scope) => matchesSearch(scope, text));
  const graphql = found.filter(({ access }) => access === 'GRAPHQL');

  function toggle(name: string) {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChoose(next);
  }

  return (
    <Fieldset legend={legend ?? <span className="hidden">Scopes</span>} error={error}>
      <div className={styles.tools}>
        <Field
          label={<span className="hidden">Find scopes</span>}
          type="search"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
          placeholder="Find scopes…"
          autoComplete="off"
          spellCheck={false}
        />
        <div role="group" aria-label="Presets" className="row">
          {PRESETS.map(({ name, accesses }) => {
            const these = preset(scopes, accesses);
            return (
              <Button key={name} size="small" aria-pressed={isSameSet(chosen, these)} onClick={() => onChoose(these)}>
                {name}
              </Button>
            );
          })}
        </div>
      </div>
      <p role="status" className="muted small">
        {chosen.size} of {scopes.length} selected
        {text.trim() !== '' && ` · ${matchesText(found.length)}`}
        {chosen.size > 0 && ' · '}
        {chosen.size > 0 && (
          <button type="button" className={styles.none} onClick={() => onChoose(new Set())}>
            Clear
          </button>
        )}
      </p>
      {found.length === 0 && <p className={styles.nothing}>No scopes match “{text.trim()}”.</p>}
      {ACCESSES.filter(({ access }) => access !== 'GRAPHQL').map(({ access, title }) => {
        const group = found.filter((scope) => scope.access === access);
        if (group.length === 0) return null;
        const all = scopes.filter((scope) => scope.access === access);
        return (
          <div key={access} role="group" aria-labelledby={`${id}${access}`} className={styles.group}>
            <h3 id={`${id}${access}`}>
              {title}{' '}
              <span className="muted">
                {all.filter(({ name }) => chosen.has(name)).length} of {all.length}
              </span>
            </h3>
            <div className={styles.scopes}>
              {group.map((scope) => (
                <Scope key={scope.name} scope={scope} chosen={chosen.has(scope.name)} onToggle={() => toggle(scope.name)} />
              ))}
            </div>
          </div>
        );
      })}
      {graphql.length > 0 && (
        <div role="group" aria-labelledby={`${id}graphql`} className={styles.graphql}>
          <h3 id={`${id}graphql`}>GraphQL</h3>
          {graphql.map((scope) => (
            <Scope key={scope.name} scope={scope} chosen={chosen.has(scope.name)} onToggle={() => toggle(scope.name)} />
          ))}
          <p className="small">
            GraphQL ignores the scopes above: this token can do everything you can do through GraphQL in these organizations.
          </p>
        </div>
      )}
    </Fieldset>
  );
}

function Scope({ scope, chosen, onToggle }: { scope: PickedScope; chosen: boolean; onToggle: () => void }) {
  return (
    <Checkbox
      label={
        <>
          {scope.title} <code className={styles.name}>{scope.name}</code> {scope.retired && <Badge>Retired</Badge>}
        </>
      }
      help={scope.retired ? 'Grants no access. Once removed, it cannot be added again.' : `${scope.description}.`}
      checked={chosen}
      onChange={onToggle}
    />
  );
}
