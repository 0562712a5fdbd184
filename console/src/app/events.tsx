// Audit events as a list of sentences with details.
import { Link } from '@tanstack/react-router';
import { ChevronDown } from 'lucide-react';
import { type MouseEvent, type ReactNode, useId, useState } from 'react';
import type { EventLineFragment } from '../gql/graphql';
import { describeUserAgent } from '../lib/userAgent';
import { Ago } from '../ui/Ago';
import { Fact, Facts } from '../ui/Panel';
import styles from './events.module.css';
import { differences, METHODS, type Part, partName, sentence, type Viewpoint } from './sentences';

interface Props extends Viewpoint {
  events: readonly EventLineFragment[];
  /** The accessible name of the list. */
  label?: string;
  /** The slug of the organization whose audit the tokens link to. */
  audit?: string;
  /** Renders further actions below the details of an event. */
  renderActions?: (event: EventLineFragment) => ReactNode;
}

export function Events({ events, label = 'Events', audit, renderActions, ...viewpoint }: Props) {
  return (
    <ol className={styles.events} aria-label={label}>
      {events.map((event) => (
        <li key={event.id}>
          <Line event={event} audit={audit} viewpoint={viewpoint} renderActions={renderActions} />
        </li>
      ))}
    </ol>
  );
}

interface LineProps {
  event: EventLineFragment;
  audit: string | undefined;
  viewpoint: Viewpoint;
  renderActions: Props['renderActions'];
}

function Line({ event, audit, viewpoint, renderActions }: LineProps) {
  const { reason } = event;
  const method = METHODS[event.via] ?? event.via;
  const [open, setOpen] = useState(false);
  const id = useId();
  /** A click on the line opens the details, except on links and buttons or while selecting text. */
  function toggleFromLine({ target }: MouseEvent<HTMLElement>) {
    if ((target as Element).closest('a, button') || window.getSelection()?.isCollapsed === false) return;
    setOpen(!open);
  }
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button in it does the same, by the keyboard too */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the same */}
      <div className={styles.event} onClick={toggleFromLine}>
        <div className={styles.summary}>
          <p id={`${id}summary`} className={styles.sentence}>
            {sentence(event, viewpoint).map((part, index) => (
              <SentencePart key={index} part={part} first={index === 0} you={viewpoint.you} audit={audit} />
            ))}
          </p>
          {reason && <p className={styles.reason}>“{reason}”</p>}
          <Scopes added={event.scopesAdded} removed={event.scopesRemoved} />
          {differences(event).map(({ name, before, after }) => (
            <p key={name} className={styles.reason}>
              {name}: {before} <span aria-hidden="true">→</span>
              <span className="hidden">changed to</span> {after}
            </p>
          ))}
        </div>
        <p className={styles.source}>
          <Ago at={event.at} />
          <span>{[event.actorIpAddress, method].filter(Boolean).join(' · ')}</span>
        </p>
        <button
          type="button"
          className={styles.toggle}
          aria-expanded={open}
          aria-controls={open ? `${id}details` : undefined}
          aria-label="Details"
          aria-describedby={`${id}summary`}
          onClick={() => setOpen(!open)}
        >
          <ChevronDown size={16} aria-hidden="true" />
        </button>
      </div>
      {open && (
        <div id={`${id}details`} className={styles.details}>
          <Facts>
            <Fact name="Time">
              <Ago at={event.at} form="exact" />
            </Fact>
            {event.actor && (
              <Fact name="Actor">
                {event.actor.name} <span className="muted">{event.actor.username}</span>
              </Fact>
            )}
            {event.user && event.user.id !== event.actor?.id && (
              <Fact name="Subject">
                {event.user.name} <span className="muted">{event.user.username}</span>
              </Fact>
            )}
            <Fact name="IP address">
              {event.actorIpAddress ? (
                <span className="mono">{event.actorIpAddress}</span>
              ) : (
                <span className="muted">Unknown</span>
              )}
            </Fact>
            <Fact name="User agent">
              {event.actorUserAgent ? (
                <>
                  {describeUserAgent(event.actorUserAgent)}
                  {describeUserAgent(event.actorUserAgent) !== event.actorUserAgent && (
                    <p className="muted small">{event.actorUserAgent}</p>
                  )}
                </>
              ) : (
                <span className="muted">Unknown</span>
              )}
            </Fact>
            <Fact name="Method">{method}</Fact>
            {event.resourceServerName && <Fact name="Resource server">{event.resourceServerName}</Fact>}
            {event.tokenId && (
              <Fact name="Token">
                {event.token && <code>{event.token.hint}</code>} <code className="muted small">{event.tokenId}</code>
              </Fact>
            )}
            {event.notificationId && (
              <Fact name="Notification ID">
                <code>{event.notificationId}</code>
              </Fact>
            )}
            <Fact name="Event ID">
              <code className="small">{event.id}</code>
            </Fact>
          </Facts>
          {renderActions?.(event)}
        </div>
      )}
    </>
  );
}

interface SentencePartProps {
  part: Part;
  first: boolean;
  you: string | undefined;
  audit: string | undefined;
}

function SentencePart({ part, first, you, audit }: SentencePartProps) {
  if (part.kind === 'words') return part.text;
  const text = partName(part, first, you);
  const shown = part.kind === 'token' && part.description === undefined ? <UnknownToken id={part.id} /> : text;
  // The page also shows who removed the organization.
  if (part.kind === 'token' && audit) {
    return (
      <Link to="/organizations/$slug/audit/$tokenId" params={{ slug: audit, tokenId: part.id }}>
        {shown}
      </Link>
    );
  }
  return <strong title={part.kind === 'user' ? part.user.username : undefined}>{shown}</strong>;
}

/** A token whose description is not available. */
const UnknownToken = ({ id }: { id: string }) => (
  <>
    the token <code>{id}</code>
  </>
);

function Scopes({ added, removed }: { added: readonly string[]; removed: readonly string[] }) {
  if (added.length + removed.length === 0) return null;
  return (
    <ul className={styles.scopes} aria-label="Scopes">
      {removed.map((scope) => (
        <li key={scope} className={styles.removed}>
          <span aria-hidden="true">−</span>
          <span className="hidden">removed </span>
          <code>{scope}</code>
        </li>
      ))}
      {added.map((scope) => (
        <li key={scope} className={styles.added}>
          <span aria-hidden="true">+</span>
          <span className="hidden">added </span>
          <code>{scope}</code>
        </li>
      ))}
    </ul>
  );
}

/** A placeholder for events that are loading. */
export function EventSkeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className={styles.events} aria-busy="true">
      <span className="hidden">Loading…</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={styles.skeleton} aria-hidden="true">
          <div />
          <div />
        </div>
      ))}
    </div>
  );
}
