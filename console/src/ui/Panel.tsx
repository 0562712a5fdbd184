// The parts that pages are laid out with: a head, surfaces, notices, what stands where nothing is, and lists of facts.
import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { ErrorBoundary } from './ErrorBoundary';
import styles from './Panel.module.css';

/** The page's name, which is the window's too, a sentence about it, and what can be done on it. */
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
  /** By what a link of the page leads to it. */
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

/** Says what would be here, and offers the next step. */
export function EmptyState({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {children && <div className="muted">{children}</div>}
      {action && <div>{action}</div>}
    </div>
  );
}

/** Names and what belongs to them. */
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

/** Grey lines in the shape of what is being loaded. */
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
