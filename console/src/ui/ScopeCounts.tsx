// The number of scopes of each access, with all scopes in a popover.
import { useId } from 'react';
import { counts, type ScopeLike } from '../lib/scopes';
import { Badge } from './Badge';
import styles from './ScopeCounts.module.css';
import { aboveRowLink } from './Table';

export function ScopeCounts({ scopes, of }: { scopes: readonly ScopeLike[]; of: string }) {
  const id = `scopes${useId().replace(/[^a-zA-Z0-9]/g, '')}`;
  return (
    <>
      <button type="button" className={`${styles.counts} ${aboveRowLink}`} popoverTarget={id}>
        <span className="hidden">Scopes of {of}:</span>{' '}
        {counts(scopes).map(({ access, text }) =>
          access === 'GRAPHQL' ? (
            <Badge key={access} tone="warn">
              {text}
            </Badge>
          ) : (
            <span key={access}>{text}</span>
          ),
        )}
      </button>
      <div id={id} popover="auto" className={`sheet ${styles.list}`}>
        <h2>Scopes of {of}</h2>
        <ul>
          {scopes.map((scope) => (
            <li key={scope.name}>
              {scope.title} <code className="muted">{scope.name}</code>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}
