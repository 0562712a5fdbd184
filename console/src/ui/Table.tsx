// Tables with sticky headers, sort buttons and rows that are links; on narrow pages one labelled block per row.
import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { Button } from './Button';
import { ErrorBoundary } from './ErrorBoundary';
import styles from './Table.module.css';

export interface Column {
  name: string;
  /** The sort key of the column. */
  order?: string;
  /**
   * The width. A sortable column defaults to `span`, the first column has a share of its own, and other columns share the
   * rest.
   */
  width?: 'span' | 'date' | 'word' | 'buttons' | 'rest';
  numeric?: boolean;
  /** Whether the name is for screen readers only. */
  hidden?: boolean;
}

interface Props {
  caption: string;
  columns: Column[];
  /** `created`, or `-created` for descending order. */
  order?: string;
  onOrder?: (order: string) => void;
  /** Whether new rows are loading. */
  loading?: boolean;
  children: ReactNode;
}

// The roles are explicit because `display: block` would drop them.
export function Table({ caption, columns, order, onOrder, loading = false, children }: Props) {
  return (
    <>
      {onOrder && <SortSelect columns={columns} order={order} onOrder={onOrder} />}
      <div className={styles.frame} data-waiting={loading || undefined} aria-busy={loading}>
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

/** Replaces the sort buttons on narrow pages, which have no header. */
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

/** A cell; `label` is the name of its column, shown on narrow pages. The first cell needs none. */
export function Cell({ label, numeric, children }: { label?: string; numeric?: boolean; children: ReactNode }) {
  return (
    <td role="cell" data-label={label} className={`${styles.cell} ${numeric ? styles.numeric : ''}`}>
      <div>
        <ErrorBoundary>{children}</ErrorBoundary>
      </div>
    </td>
  );
}

/** The class of a row’s link, which covers the row. */
export const rowLink = styles.link!;

/** The class of controls that stay clickable above the row’s link. */
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
