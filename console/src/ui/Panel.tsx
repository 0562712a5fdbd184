// Layout: page headers, panels, notices, empty states, facts and placeholders.
import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { ErrorBoundary } from './ErrorBoundary';
import styles from './Panel.module.css';

/** The title, description and actions of a page; also sets the title of the document. */
export function PageHeader({ title, about, actions }: { title: string; about?: ReactNode; actions?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Tokenward`;
  }, [title]);
  return (
    <header className={styles.head}>
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {about && <p className="muted">{about}</p>}
      </div>
      {actions && <div className={styles.actions}>{actions}</div>}
    </header>
  );
}

export function Panel({
  id,
  title,
  about,
  children,
  tone,
}: {
  /** The target of links within the page. */
  id?: string;
  title?: string;
  about?: ReactNode;
  children: ReactNode;
  tone?: 'danger';
}) {
  return (
    <section id={id} className={`${styles.panel} ${tone === 'danger' ? styles.dangerous : ''}`}>
      {title && (
        <div className={styles.title}>
          <h2>{title}</h2>
          {about && <p className="muted">{about}</p>}
        </div>
      )}
      {children}
    </section>
  );
}

const ICONS = { info: Info, warn: TriangleAlert, danger: CircleAlert };

export function Notice({ tone = 'info', title, children }: { tone?: keyof typeof ICONS; title?: string; children?: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <div className={`${styles.notice} ${styles[tone]}`} role={tone === 'danger' ? 'alert' : undefined}>
      <Icon size={18} aria-hidden="true" />
      <div>
        {title && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
}

/** Shown in place of an empty list, with the next step. */
export function EmptyState({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children && <div className="muted">{children}</div>}
      {action && <div>{action}</div>}
    </div>
  );
}

/** A list of names and values. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={styles.facts}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <ErrorBoundary>{children}</ErrorBoundary>
      </dd>
    </div>
  );
}

/** A placeholder for content that is loading. */
export function Skeleton({ lines = 3, tall = false }: { lines?: number; tall?: boolean }) {
  return (
    <div className={styles.skeleton} aria-busy="true">
      <span className="hidden">Loading…</span>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} className={tall ? styles.tall : undefined} />
      ))}
    </div>
  );
}
