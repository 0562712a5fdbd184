// The scopes of a token, grouped by access.
import { ACCESSES, type ScopeLike } from '../lib/scopes';
import { Badge } from './Badge';
import styles from './ScopeList.module.css';

export function ScopeList({ scopes }: { scopes: readonly (ScopeLike & { description: string; retired: boolean })[] }) {
  return ACCESSES.map(({ access, title }) => {
    const group = scopes.filter((scope) => scope.access === access);
    if (group.length === 0) return null;
    return (
      <section key={access} className={styles.group}>
        <h3>
          {title} {group.length > 1 && <span className="muted">{group.length}</span>}
        </h3>
        <ul className={styles.scopes}>
          {group.map((scope) => (
            <li key={scope.name}>
              <p>
                <strong>{scope.title}</strong> <code className="muted">{scope.name}</code>{' '}
                {scope.retired && <Badge tone="warn">Retired</Badge>}
              </p>
              <p className="muted small">
                {scope.description}.{access === 'GRAPHQL' && ' Not limited by the other scopes.'}
                {scope.retired && ' Retired: grants no access.'}
              </p>
            </li>
          ))}
        </ul>
      </section>
    );
  });
}
