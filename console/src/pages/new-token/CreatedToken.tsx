// Shows the value of a created token, once.
import { useBlocker, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import type { CreateTokenMutation } from '../../gql/graphql';
import { Ago } from '../../ui/Ago';
import { Button } from '../../ui/Button';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { CopyButton } from '../../ui/CopyButton';
import { NameList } from '../../ui/NameList';
import { Fact, Facts, Notice, PageHeader, Panel } from '../../ui/Panel';
import { ScopeCounts } from '../../ui/ScopeCounts';
import styles from './NewToken.module.css';

export type CreatedTokenResult = NonNullable<CreateTokenMutation['createToken']>;

/**
 * A single line, so that it can be pasted whole: it reads the value without showing it and passes it to curl on standard
 * input. The value is in no shell history and no process list.
 */
export const tryItCommand = (origin: string) =>
  `read -rs TOKEN && curl -H @- ${origin}/v2/access-token <<< "Authorization: Bearer $TOKEN"`;

export function CreatedToken({ created: { token, value } }: { created: CreatedTokenResult }) {
  const [copied, setCopied] = useState(false);
  const page = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const blocker = useBlocker({ shouldBlockFn: () => !copied, enableBeforeUnload: () => !copied, withResolver: true });
  useEffect(() => {
    // Screen readers announce the new page.
    page.current?.querySelector('h1')?.focus({ preventScroll: true });
  }, []);
  const line = tryItCommand(window.location.origin);
  return (
    <div ref={page}>
      <PageHeader title="Copy the token value now" about={<>“{token.description}” is ready to use.</>} />
      <div className={styles.form}>
        <Panel>
          <Notice tone="warn" title="This value is shown only once">
            <p>
              Store it with the secrets of the program that will use it. Anyone who has the value can act as you, and it cannot be
              displayed again. If you lose it, create another token.
            </p>
          </Notice>
          <div className={styles.copyRow}>
            <code className={styles.value} onCopy={() => setCopied(true)}>
              {value}
            </code>
            <CopyButton text={value} label="Copy value" kind="primary" onCopied={() => setCopied(true)} />
          </div>
        </Panel>
        <Panel
          title="Try it"
          about="Run this in bash or zsh, paste the value and press Enter. The token stays out of your shell history and process list."
        >
          <div className={styles.copyRow}>
            <pre className={styles.line}>{line}</pre>
            <CopyButton text={line} label="Copy command" />
          </div>
          <p className="muted small">
            The response contains the token’s scopes, description and owner. In programs, too, send the value in the{' '}
            <code>Authorization</code> header, never in a URL.
          </p>
        </Panel>
        <Panel title="Access">
          <Facts>
            <Fact name="Organizations">
              <NameList
                names={token.organizations.map(({ name }) => name)}
                title={`Organizations of ${token.description}`}
                first={5}
              />
            </Fact>
            <Fact name="Scopes">
              <ScopeCounts scopes={token.scopes} of={token.description} />
            </Fact>
            <Fact name="Expires">
              <Ago at={token.expiresAt} form="exact" />
            </Fact>
          </Facts>
        </Panel>
        <div className="row">
          <Button kind={copied ? 'primary' : 'plain'} onClick={() => navigate({ to: '/tokens' })}>
            Done
          </Button>
        </div>
      </div>
      {blocker.status === 'blocked' && (
        <ConfirmDialog
          title="Leave without copying the value?"
          cancelLabel="Stay on page"
          confirmLabel="Leave page"
          busy={false}
          onCancel={blocker.reset}
          onConfirm={blocker.proceed}
        >
          <p>
            You have not copied the value of “{token.description}”. It cannot be shown again, and the token stays active until it
            expires or you revoke it.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
