// Where somebody is signed in, and how they end that.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { inOneLine } from '../../app/LoadError';
import { EndSessionDocument, type EndSessionMutation, EndSessionsDocument, type EndSessionsMutation } from '../../gql/graphql';
import { moment } from '../../lib/time';
import { agent } from '../../lib/userAgent';
import { Ago } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Question } from '../../ui/ConfirmDialog';
import { focusHead } from '../../ui/focus';
import { Panel } from '../../ui/Panel';
import { say } from '../../ui/toast';
import type { Self } from './Settings';
import styles from './Settings.module.css';

type Asked = 'others' | 'all';

type Session = NonNullable<Self['sessions']>['nodes'][number];

/** What tells a session from another one of the same browser. */
const called = ({ userAgent, ipAddress, createdAt }: Session) =>
  [userAgent ? agent(userAgent) : 'unknown user agent', ipAddress ?? 'unknown IP address', `signed in ${moment(createdAt)}`].join(
    ', ',
  );

export function Sessions({ self }: { self: Self }) {
  const sessions = self.sessions?.nodes ?? [];
  const here = sessions.find(({ current }) => current);
  const others = sessions.filter(({ current }) => !current);
  const [asking, setAsking] = useState<Asked>();
  const client = useQueryClient();
  const fresh = () => client.invalidateQueries({ queryKey: ['sessions'] });
  const end = useMutation<EndSessionMutation, Error, Session>({
    mutationFn: ({ id }) => ask(EndSessionDocument, { input: { sessionId: id } }),
    onSuccess: async (_, session) => {
      await fresh();
      say(`Signed out ${called(session)}.`);
      setTimeout(focusHead);
    },
    onError: (error) => {
      say(inOneLine(error), { bad: true });
      return fresh();
    },
  });
  const endAll = useMutation<EndSessionsMutation, Error, Asked>({
    mutationFn: (which) => ask(EndSessionsDocument, { input: { keepCurrent: which === 'others' } }),
    onSuccess: async ({ endSessions }, which) => {
      if (which === 'all') {
        // Loaded anew, so that nothing of what was shown stays in this page.
        window.location.assign('/sign-in');
        return;
      }
      await fresh();
      const ended = endSessions?.ended ?? 0;
      say(`${ended} ${ended === 1 ? 'session was' : 'sessions were'} signed out.`);
      setAsking(undefined);
    },
    onError: async (error) => {
      say(inOneLine(error), { bad: true });
      await fresh();
      setAsking(undefined);
    },
  });
  return (
    <Panel
      title="Sessions"
      about="Browsers where you are signed in. A session expires after an hour without activity, and after 24 hours at the latest."
    >
      {!here && (
        <p className="muted">
          You are not using a session: a proxy in front of the service signs you in.
          {others.length === 0 && ' You have no other sessions.'}
        </p>
      )}
      {sessions.length > 0 && (
        <ul className={styles.sessions}>
          {[...(here ? [here] : []), ...others].map((session) => (
            <li key={session.id}>
              <div>
                <p className={styles.agent}>
                  <strong>{session.userAgent ? agent(session.userAgent) : 'Unknown user agent'}</strong>
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
                  aria-label={`Sign out ${called(session)}`}
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
          {here && others.length > 0 && <Button onClick={() => setAsking('others')}>Sign out other sessions</Button>}
          <Button onClick={() => setAsking('all')}>Sign out everywhere</Button>
        </div>
      )}
      {asking && (
        <Question
          title={asking === 'all' ? 'Sign out everywhere?' : 'Sign out other sessions?'}
          keep="Cancel"
          act={asking === 'all' ? 'Sign out everywhere' : 'Sign out other sessions'}
          busy={endAll.isPending}
          onKeep={() => setAsking(undefined)}
          onAct={() => endAll.mutate(asking)}
        >
          <p>
            {asking === 'all'
              ? 'All your sessions are signed out immediately, including this one. Your tokens keep working.'
              : `${others.length === 1 ? 'One other session is' : `${others.length} other sessions are`} signed out immediately. You stay signed in here, and your tokens keep working.`}
          </p>
        </Question>
      )}
    </Panel>
  );
}
