// The first names of a list, with all of them in a popover.
import { useId } from 'react';
import styles from './ScopeCounts.module.css';
import { aboveRowLink } from './Table';

interface Props {
  names: readonly string[];
  /** The title of the popover: “Organizations of Deploy bot”. */
  title: string;
  /** The number of names that are always shown. */
  first?: number;
}

export function NameList({ names, title, first = 2 }: Props) {
  const id = `names${useId().replace(/[^a-zA-Z0-9]/g, '')}`;
  const shown = names.length > first + 1 ? names.slice(0, first) : names;
  return (
    <>
      {shown.join(', ')}
      {shown.length < names.length && (
        <>
          {' '}
          <button type="button" className={`${styles.counts} ${aboveRowLink}`} popoverTarget={id} aria-label={title}>
            and {names.length - shown.length} more
          </button>
          <div id={id} popover="auto" className={`sheet ${styles.list}`}>
            <h2>{title}</h2>
            <ul>
              {names.map((name, index) => (
                <li key={index}>{name}</li>
              ))}
            </ul>
          </div>
        </>
      )}
    </>
  );
}
