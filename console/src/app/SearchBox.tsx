// The search box for tokens: examples, filter buttons, and the terms that the service recognized.
import { Search, X } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { hasWord, toggleWord } from '../lib/searchWords';
import { Badge } from '../ui/Badge';
import { useNarrow } from '../ui/useNarrow';
import styles from './SearchBox.module.css';
import type { TokenSearch } from './tokenSearch';

export interface Chip {
  word: string;
  name: string;
}

interface Props {
  box: TokenSearch;
  label: string;
  chips: Chip[];
  examples?: string[];
  /** Whether the list has tokens of several owners, so that terms about owners apply. */
  allOwners?: boolean;
  terms: readonly { text: string; kind: string }[];
  /** The error in the search text. */
  error?: ReactNode;
  /** Further filters. */
  children?: ReactNode;
}

export function SearchBox({ box, label, chips, examples = [], allOwners = false, terms, error, children }: Props) {
  const narrow = useNarrow();
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key !== '/' || typing || event.metaKey || event.ctrlKey || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener('keydown', focus);
    return () => window.removeEventListener('keydown', focus);
  }, []);
  const message = box.unfinished
    ? 'This looks like part of a token value. Paste the whole value to find its token. Values are never added to the URL.'
    : error;
  return (
    <search className={styles.search}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          box.now(box.text);
        }}
      >
        <label className="hidden" htmlFor={id}>
          {label}
        </label>
        <Search size={18} aria-hidden="true" className={styles.icon} />
        <input
          ref={input}
          id={id}
          className={styles.input}
          value={box.text}
          onChange={(event) => box.set(event.target.value)}
          placeholder={narrow ? 'Search tokens…' : `${label}…`}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={1000}
          aria-describedby={message ? `${id}message` : undefined}
          aria-invalid={message ? true : undefined}
        />
        {box.text === '' ? (
          <kbd className={styles.key} aria-hidden="true">
            /
          </kbd>
        ) : (
          <button
            type="button"
            className={styles.clear}
            aria-label="Clear search"
            onClick={() => {
              box.now('');
              input.current?.focus();
            }}
          >
            <X size={16} aria-hidden="true" />
          </button>
        )}
      </form>
      {message && (
        <p id={`${id}message`} className={styles.message} role="status">
          {message}
        </p>
      )}
      <div className={styles.words}>
        <div role="group" aria-label="Filters" className="row">
          {chips.map(({ word, name }) => (
            <button
              key={word}
              type="button"
              className={styles.chip}
              aria-pressed={hasWord(box.text, word)}
              onClick={() => box.now(toggleWord(box.text, word))}
            >
              {name}
            </button>
          ))}
        </div>
        <SearchTips allOwners={allOwners} />
        {children}
      </div>
      {examples.length > 0 && box.text === '' && (
        <p className={styles.examples}>
          Try{' '}
          {examples.map((example) => (
            <button key={example} type="button" onClick={() => box.now(example)}>
              <code>{example}</code>
            </button>
          ))}
          or paste a token value.
        </p>
      )}
      {terms.length > 0 && (
        <p className={styles.terms}>
          <span className="muted">Filters:</span>{' '}
          {terms.map(({ text, kind }, index) => (
            <Badge key={index} tone="accent">
              {meaning(kind, text)}
            </Badge>
          ))}
        </p>
      )}
    </search>
  );
}

/** Search terms and what they match; `allOwnersOnly` ones need several owners. */
const SEARCH_TERMS: { word: string; finds: string; allOwnersOnly?: boolean }[] = [
  { word: 'deploy bot', finds: 'Contains every word' },
  { word: '"deploy bot"', finds: 'Contains the exact phrase' },
  { word: 'read_builds', finds: 'Exact scope name' },
  { word: '198.51.100.2', finds: 'Exact last IP address (no ranges)' },
  { word: 'twd_…', finds: 'The token with this value or hint' },
  { word: 'unused:90d', finds: 'Unused for at least this long, in days (d), weeks (w) or years (y)' },
  { word: 'used:never', finds: 'Never used' },
  { word: 'expires:30d', finds: 'Expires within this time' },
  { word: 'expires:never', finds: 'Never expires' },
  { word: 'status:revoked', finds: 'Revoked (or status:expired)' },
  { word: 'admin', finds: 'Owner is an administrator', allOwnersOnly: true },
  { word: 'owner:ada', finds: 'Part of the owner’s name, username or email', allOwnersOnly: true },
];

function SearchTips({ allOwners }: { allOwners: boolean }) {
  const id = `words${useId().replace(/[^a-zA-Z0-9]/g, '')}`;
  return (
    <>
      <button type="button" className={styles.ask} popoverTarget={id}>
        Search tips
      </button>
      <div id={id} popover="auto" className={`sheet ${styles.help}`}>
        <button type="button" className={styles.close} popoverTarget={id} popoverTargetAction="hide" aria-label="Close">
          <X size={16} aria-hidden="true" />
        </button>
        <h2>Search tips</h2>
        <p className="muted small">Tokens must match all terms, in any order.</p>
        <dl>
          {SEARCH_TERMS.filter(({ allOwnersOnly }) => allOwners || !allOwnersOnly).map(({ word, finds }) => (
            <div key={word}>
              <dt>
                <code>{word}</code>
              </dt>
              <dd>{finds}</dd>
            </div>
          ))}
        </dl>
      </div>
    </>
  );
}

const argumentOf = (text: string) => text.slice(text.indexOf(':') + 1).replaceAll('"', '');

const UNITS: Record<string, string> = { d: 'day', w: 'week', m: 'month', y: 'year' };

const span = (text: string) => {
  const [, count, unit = ''] = /^(\d+)([dwmy])$/.exec(text) ?? [];
  return count ? `${count} ${UNITS[unit]}${count === '1' ? '' : 's'}` : text;
};

/** The meaning of a search term, as shown in a badge. */
export function meaning(kind: string, text: string): string {
  switch (kind) {
    case 'ADMINISTRATOR':
      return 'Owner is admin';
    case 'SCOPE':
      return `Scope ${text}`;
    case 'ADDRESS':
      return `Last IP address ${text}`;
    case 'VALUE':
      return `Token value ${text}`;
    case 'UNUSED':
      return `Unused for at least ${span(argumentOf(text))}`;
    case 'USED':
      return 'Never used';
    case 'EXPIRES':
      return argumentOf(text) === 'never' ? 'Never expires' : `Expires within ${span(argumentOf(text))}`;
    case 'STATUS':
      return `Status: ${argumentOf(text)}`;
    case 'OWNER':
      return `Owner: ${argumentOf(text)}`;
    default:
      return `Text: ${text.replaceAll('"', '')}`;
  }
}
