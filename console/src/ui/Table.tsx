// Tables: a head that stays, sort buttons, rows that are links, and on a narrow page one labelled block a row.
import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { Button } from './Button';
import { ErrorBoundary } from './ErrorBoundary';
import styles from './Table.module.css';

export interface Column {
  name: string;
  /** By what the list can be sorted through this column. */
  order?: string;
  /** How wide it is, whatever stands in it. What can be sorted is a `span` without saying so, and the first column
   * has its share; other columns share the rest. */
  width?: 'span' | 'date' | 'word' | 'buttons' | 'rest';
  numeric?: boolean;
  /** Whether its name is only heard: what stands in it speaks for itself. */
  hidden?: boolean;
}

interface Props {
  caption: string;
  columns: Column[];
  /** `created`, or `-created` for the other direction. */
  order?: string;
  onOrder?: (order: string) => void;
  /** Whether other rows are on their way. */
  waiting?: boolean;
  children: ReactNode;
}

// The roles are said because `display: block` on parts of a table would drop them.
export function Table({ caption, columns, order, onOrder, waiting = false, children }: Props) {
  return (
    <>
      {onOrder && <SortSelect columns={columns} order={order} onOrder={onOrder} />}
      <div className={styles.frame} data-waiting={waiting || undefined} aria-busy={waiting}>
        <table role="table" className={styles.table}>
          <caption className="hidden">{caption}</caption>
          <thead role="rowgroup">
            <tr role="row">
              {columns.map((column) => (
                <th
                  key={column.name}
                  role="columnheader"
                  scope="col"
                  className={classOf(column)}
                  aria-sort={sortDirection(column, order)}
                >
                  {column.order && onOrder ? (
                    <button
                      type="button"
                      onClick={() => onOrder(order === `-${column.order}` ? column.order! : `-${column.order}`)}
                    >
                      {column.name}
                      <Arrow column={column} order={order} />
                    </button>
                  ) : column.hidden ? (
                    <span className="hidden">{column.name}</span>
                  ) : (
                    column.name
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">{children}</tbody>
        </table>
      </div>
    </>
  );
}

function classOf({ numeric, order, width = order ? 'span' : undefined }: Column) {
  return [numeric && styles.numeric, width && styles[width]].filter(Boolean).join(' ') || undefined;
}

interface SortProps {
  columns: Column[];
  order: string | undefined;
  onOrder: (order: string) => void;
}

/** What the buttons of the head do, where there is no head: on a narrow page. */
function SortSelect({ columns, order, onOrder }: SortProps) {
  const id = useId();
  return (
    <div className={styles.sort}>
      <label htmlFor={id}>Sort by</label>
      <select id={id} value={order} onChange={(event) => onOrder(event.target.value)}>
        {columns.flatMap(({ name, order: own }) =>
          own
            ? [
                <option key={`-${own}`} value={`-${own}`}>{`${name}, latest first`}</option>,
                <option key={own} value={own}>{`${name}, earliest first`}</option>,
              ]
            : [],
        )}
      </select>
    </div>
  );
}

function sortDirection({ order: own }: Column, order: string | undefined) {
  if (!own || !order) return undefined;
  if (order === own) return 'ascending';
  return order === `-${own}` ? 'descending' : undefined;
}

function Arrow({ column, order }: { column: Column; order: string | undefined }) {
  const direction = sortDirection(column, order);
  if (!direction) return <span className={styles.arrow} />;
  const Icon = direction === 'ascending' ? ArrowUp : ArrowDown;
  return <Icon size={14} aria-hidden="true" className={styles.arrow} />;
}

export function Row({ children }: { children: ReactNode }) {
  return (
    <tr role="row" className={styles.row}>
      {children}
    </tr>
  );
}

/** One cell; `label` is what its column is called, shown where columns are not. The first cell of a row needs none. */
export function Cell({ label, numeric, children }: { label?: string; numeric?: boolean; children: ReactNode }) {
  return (
    <td role="cell" data-label={label} className={`${styles.cell} ${numeric ? styles.numeric : ''}`}>
      <div>
        <ErrorBoundary>{children}</ErrorBoundary>
      </div>
    </td>
  );
}

/** Put on the one link of a row, it makes the whole row its target. */
export const rowLink = styles.link!;

/** What is in a row but must stay clickable above the row's link. */
export const aboveRowLink = styles.aboveRowLink!;

export function SkeletonRows({ columns, rows = 8 }: { columns: number; rows?: number }) {
  return Array.from({ length: rows }, (_, row) => (
    <tr key={row} role="row" className={styles.row} aria-hidden="true">
      {Array.from({ length: columns }, (_, column) => (
        <td key={column} role="cell" className={styles.cell}>
          <div className={styles.skeleton} />
        </td>
      ))}
    </tr>
  ));
}

interface PagerProps {
  /** `1–50 of 236 tokens`. */
  label: ReactNode;
  before: boolean;
  after: boolean;
  onBefore: () => void;
  onAfter: () => void;
}

export function Pager({ label, before, after, onBefore, onAfter }: PagerProps) {
  return (
    <nav className={styles.pager} aria-label="Pagination">
      <p role="status" className="muted">
        {label}
      </p>
      {(before || after) && (
        <div className="row">
          <Button size="small" icon={<ChevronLeft size={15} aria-hidden="true" />} disabled={!before} onClick={onBefore}>
            Previous
          </Button>
          <Button size="small" disabled={!after} onClick={onAfter}>
            Next
            <ChevronRight size={15} aria-hidden="true" />
          </Button>
        </div>
      )}
    </nav>
  );
}
