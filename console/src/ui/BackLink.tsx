// The way back to the list that a page belongs to.
import { ChevronLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './BackLink.module.css';

/** `children` is the link. */
export function BackLink({ children }: { children: ReactNode }) {
  return (
    <nav className={styles.back} aria-label="Breadcrumb">
      {children}
    </nav>
  );
}

export const backLinkIcon = <ChevronLeft size={15} aria-hidden="true" />;
