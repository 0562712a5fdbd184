// The sessions of the viewer, and how to sign them out.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { errorText } from '../../app/LoadError';
import {
  EndSessionDocument,
  type EndSessionMutation,
  EndSessionsDocument,
  type EndSessionsMutation,
  type SessionDetailsFragment,
} from '../../gql/graphql';
import { moment } from '../../lib/time';
import { describeUserAgent } from '../../lib/userAgent';
import { Ago } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { focusHeading } from '../../ui/focus';
import { Panel } from '../../ui/Panel';
import { showToast } from '../../ui/toast';
import styles from './Settings.module.css';

type SignOutScope = 'others' | 'all';

/** Distinguishes sessions of the same browser. */
const describe = ({ userAgent, ipAddress, createdAt }: SessionDetailsFragment) =>
  [
    userAgent ? describeUserAgent(userAgent) : 'unknown user agent',
    ipAddress ?? 'unknown IP address',
    `signed in ${moment(createdAt)}`,
  ].join(', ');

export function Sessions({ sessions }: { sessions: readonly SessionDetailsFragment[] }) {
  const current = sessions.find(({ current }) => current);
  const others = sessions.filter(({ current }) => !current);
  const [confirming, setConfirming] = useState<SignOutScope>();
  const client = useQueryClient();
  const refetch = () => client.invalidateQueries({ queryKey: ['sessions'] });
  const end = useMutation<EndSessionMutation, Error, SessionDetailsFragment>({
    mutationFn: ({ id }) => ask(EndSessionDocument, { input: { sessionId: id } }),
    onSuccess: async (_, session) => {
      await refetch();
      showToast(`Signed out ${describe(session)}.`);
      setTimeout(focusHeading);
    },
    onError: (error) => {
      showToast(errorText(error), { isError: true });
      return refetch();
    },
  });
  const endAll = useMutation<EndSessionsMutation, Error, SignOutScope>({
    mutationFn: (which) => ask(EndSessionsDocument, { input: { keepCurrent: which === 'others' } }),
    onSuccess: async ({ endSessions }, which) => {
      if (which === 'all') {
        // Reloads, so that nothing shown remains in the page.
        window.location.assign('/sign-in');
        return;
      }
      await refetch();
      const ended = endSessions?.ended ?? 0;
      showToast(`${ended} ${ended === 1 ? 'session was' : 'sessions were'} signed out.`);
      setConfirming(undefined);
    },
    onError: async (error) => {
      showToast(errorText(error), { isError: true });
      await refetch();
      setConfirming(undefined);
    },
  });
  return (
    <Panel
      title="Sessions"
      about="Browsers where you are signed in. A session expires after an hour without activity, and after 24 hours at the latest."
    >
      {!current && (
        <p className="muted">
          You are not using a session: a proxy in front of the service signs you in.
          {others.length === 0 && ' You have no other sessions.'}
        </p>
      )}
      {sessions.length > 0 && (
        <ul className={styles.sessions}>
          {[...(current ? [current] : []), ...others].map((session) => (
            <li key={session.id}>
              <div>
                <p className={styles.userAgent}>
                  <strong>{session.userAgent ? describeUserAgent(session.userAgent) : 'Unknown user agent'}</strong>
                  {session.current && <Badge tone="accent">This session</Badge>}
                </p>
                <p className="muted small">
                  Signed in <Ago at={session.createdAt} form="exact" />
                </p>
                <p className="muted small">
                  From <span className="mono">{session.ipAddress ?? 'unknown IP address'}</span>
                  {!session.current && (
                    <>
                      {' '}
                      · last active <Ago at={session.lastSeenAt} />
                    </>
                  )}
                </p>
              </div>
              {!session.current && (
                <Button
                  size="small"
                  aria-label={`Sign out ${describe(session)}`}
                  busy={end.isPending && end.variables?.id === session.id}
                  onClick={() => end.mutate(session)}
                >
                  Sign out
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {sessions.length > 0 && (
        <div className="row">
          {current && others.length > 0 && <Button onClick={() => setConfirming('others')}>Sign out other sessions</Button>}
          <Button onClick={() => setConfirming('all')}>Sign out everywhere</Button>
        </div>
      )}
      {confirming && (
        <ConfirmDialog
          title={confirming === 'all' ? 'Sign out everywhere?' : 'Sign out other sessions?'}
          cancelLabel="Cancel"
          confirmLabel={confirming === 'all' ? 'Sign out everywhere' : 'Sign out other sessions'}
          busy={endAll.isPending}
          onCancel={() => setConfirming(undefined)}
          onConfirm={() => endAll.mutate(confirming)}
        >
          <p>
            {confirming === 'all'
              ? 'All your sessions are signed out immediately, including this one. Your tokens keep working.'
              : `${others.length === 1 ? 'One other session is' : `${others.length} other sessions are`} signed out immediately. You stay signed in here, and your tokens keep working.`}
          </p>
        </ConfirmDialog>
      )}
    </Panel>
  );
}
