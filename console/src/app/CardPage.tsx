// The layout of pages for signed-out users: a single card.
import { type ReactNode, useEffect } from 'react';
import mark from '../ui/mark.svg';
import styles from './CardPage.module.css';

interface Props {
  title: string;
  about?: ReactNode;
  children: ReactNode;
}

export function CardPage({ title, about, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Tokenward`;
  }, [title]);
  return (
    <main className={styles.front}>
      <div className={styles.column}>
        <p className={styles.brand}>
          <img src={mark} alt="" width="32" height="32" />
          Tokenward
        </p>
        <div className={styles.card}>
          <header>
            <h1 tabIndex={-1}>{title}</h1>
            {about && <p className="muted">{about}</p>}
          </header>
          {children}
        </div>
      </div>
    </main>
  );
}
