// Where somebody is signed in, and how they end that.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../../app/api';
import { inOneLine } from '../../app/Failure';
import { EndSessionDocument, type EndSessionMutation, EndSessionsDocument, type EndSessionsMutation } from '../../gql/graphql';
import { agent } from '../../lib/agent';
import { moment } from '../../lib/time';
import { Ago } from '../../ui/Ago';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { focusHead } from '../../ui/focus';
import { Panel } from '../../ui/Panel';
import { Question } from '../../ui/Question';
import { say } from '../../ui/toast';
import type { Self } from './Settings';
import styles from './Settings.module.css';

type Asked = 'others' | 'all';

type Session = NonNullable<Self['sessions']>['nodes'][number];

/** What tells a session from another one of the same browser. */
const called = ({ userAgent, ipAddress, createdAt }: Session) =>
  [userAgent ? agent(userAgent) : 'an unknown agent', ipAddress ?? 'an unknown address', `signed in ${moment(createdAt)}`].join(
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
      say(`Ended the session of ${called(session)}.`);
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
      say(`${ended} ${ended === 1 ? 'session was' : 'sessions were'} ended.`);
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
      about="Where you are signed in with a browser. A session ends an hour after it was last used, and after a day at the latest."
    >
      {!here && (
        <p className="muted">
          This page is not open in a session: whatever is in front of this service signs you in.
          {others.length === 0 && ' There is no other session of yours.'}
        </p>
      )}
      {sessions.length > 0 && (
        <ul className={styles.sessions}>
          {[...(here ? [here] : []), ...others].map((session) => (
            <li key={session.id}>
              <div>
                <p className={styles.agent}>
                  <strong>{session.userAgent ? agent(session.userAgent) : 'An unknown agent'}</strong>
                  {session.current && <Badge tone="accent">This session</Badge>}
                </p>
                <p className="muted small">
                  Signed in <Ago at={session.createdAt} form="exact" />
                </p>
                <p className="muted small">
                  From <span className="mono">{session.ipAddress ?? 'an address that is not known'}</span>
                  {!session.current && (
                    <>
                      {' '}
                      · last seen <Ago at={session.lastSeenAt} />
                    </>
                  )}
                </p>
              </div>
              {!session.current && (
                <Button
                  size="small"
                  aria-label={`End the session of ${called(session)}`}
                  busy={end.isPending && end.variables?.id === session.id}
                  onClick={() => end.mutate(session)}
                >
                  End
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
      {sessions.length > 0 && (
        <div className="row">
          {here && others.length > 0 && <Button onClick={() => setAsking('others')}>End all others</Button>}
          <Button onClick={() => setAsking('all')}>Sign out everywhere</Button>
        </div>
      )}
      {asking && (
        <Question
          title={asking === 'all' ? 'Sign out everywhere?' : 'End all other sessions?'}
          keep="Stay signed in"
          act={asking === 'all' ? 'Sign out everywhere' : 'End other sessions'}
          busy={endAll.isPending}
          onKeep={() => setAsking(undefined)}
          onAct={() => endAll.mutate(asking)}
        >
          <p>
            {asking === 'all'
              ? 'Every session of yours ends at once, this one too. Your tokens go on working.'
              : `${others.length === 1 ? 'One session ends' : `${others.length} sessions end`} at once; you stay signed in here. Your tokens go on working.`}
          </p>
        </Question>
      )}
    </Panel>
  );
}
