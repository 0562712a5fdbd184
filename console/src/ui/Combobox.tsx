// A text input that searches options and selects one.
import { X } from 'lucide-react';
import { type KeyboardEvent, useId, useRef, useState } from 'react';
import styles from './Combobox.module.css';

export interface Option {
  id: string;
  text: string;
  about?: string;
}

interface Props {
  label: string;
  placeholder: string;
  /** The text of the selected option. */
  chosen: string | undefined;
  /** The search text. */
  text: string;
  onText: (text: string) => void;
  options: readonly Option[];
  /** Shown if there are no options. */
  emptyText?: string;
  onChoose: (option: Option | undefined) => void;
}

export function Combobox({ label, placeholder, chosen, text, onText, options, emptyText, onChoose }: Props) {
  const [open, setOpen] = useState(false);
  const [activeIndex, setActiveIndex] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const active = open ? options[Math.min(activeIndex, options.length - 1)] : undefined;
  function close() {
    setOpen(false);
    setActiveIndex(0);
    onText('');
  }
  function choose(option: Option | undefined) {
    close();
    onChoose(option);
  }
  function key(event: KeyboardEvent) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) setOpen(true);
      else if (options.length > 0)
        setActiveIndex((activeIndex + (event.key === 'ArrowDown' ? 1 : options.length - 1)) % options.length);
    } else if (event.key === 'Enter' && open) {
      event.preventDefault();
      if (active) choose(active);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      close();
    }
  }
  const list = open && (options.length > 0 || emptyText);
  return (
    <div className={styles.lookup}>
      <label htmlFor={id}>{label}</label>
      <div className={styles.box}>
        <input
          ref={input}
          id={id}
          className={styles.input}
          role="combobox"
          aria-expanded={Boolean(list)}
          aria-controls={list ? `${id}list` : undefined}
          aria-autocomplete="list"
          aria-activedescendant={active ? `${id}${active.id}` : undefined}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={200}
          placeholder={placeholder}
          value={open ? text : (chosen ?? '')}
          onChange={(event) => {
            setOpen(true);
            setActiveIndex(0);
            onText(event.target.value);
          }}
          onClick={() => setOpen(true)}
          onBlur={close}
          onKeyDown={key}
        />
        {chosen && !open && (
          <button
            type="button"
            className={styles.clear}
            aria-label={`Clear ${label.toLowerCase()}`}
            onClick={() => {
              choose(undefined);
              input.current?.focus();
            }}
          >
            <X size={16} aria-hidden="true" />
          </button>
        )}
      </div>
      {list && (
        // A press in the list must not move the focus before the selection.
        <div
          id={`${id}list`}
          className={styles.list}
          role="listbox"
          aria-label={label}
          onPointerDown={(event) => event.preventDefault()}
        >
          {options.map((option) => (
            <div
              key={option.id}
              id={`${id}${option.id}`}
              role="option"
              tabIndex={-1}
              aria-selected={option === active}
              onClick={() => choose(option)}
              onKeyDown={key}
            >
              {option.text}
              {option.about && <span className="muted small">{option.about}</span>}
            </div>
          ))}
          {options.length === 0 && (
            <div role="option" tabIndex={-1} aria-selected="false" aria-disabled="true" className={styles.emptyText}>
              {emptyText}
            </div>
          )}
        </div>
      )}
    </div>
  );
}
