// The link back to the list of a page.
import { ChevronLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './BackLink.module.css';

export function BackLink({ children }: { children: ReactNode }) {
  return (
    <nav className={styles.back} aria-label="Breadcrumb">
      {children}
    </nav>
  );
}

export const backLinkIcon = <ChevronLeft size={15} aria-hidden="true" />;
