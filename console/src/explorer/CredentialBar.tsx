// The input for the credential, its description and its error.
import { type Ref, useState } from 'react';
import mark from './mark.svg';

interface Props {
  field: Ref<HTMLInputElement>;
  error: string | undefined;
  /** The signed-in user, if any. */
  user: string | undefined;
  onChange: (pasted: string) => void;
  onEnter: () => void;
}

export function CredentialBar({ field, error, user, onChange, onEnter }: Props) {
  const [empty, setEmpty] = useState(true);
  return (
    <header className="bar">
      <div className="brand">
        <a href="/">
          <span aria-hidden="true">←</span>
          <img src={mark} alt="" width="24" height="24" />
          <span>Tokenward</span>
        </a>{' '}
        <h1>GraphiQL</h1>
      </div>
      <div className="credential">
        <label htmlFor="credential">Credential</label>
        <input
          ref={field}
          id="credential"
          type="password"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          data-1p-ignore
          data-lpignore="true"
          placeholder="Paste a JWT or token value"
          aria-describedby="credential-about credential-notice"
          aria-invalid={error !== undefined}
          onChange={(event) => {
            setEmpty(event.currentTarget.value.trim() === '');
            onChange(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onEnter();
          }}
        />
        <p id="credential-about" className="about">
          A JWT from your application, or a token with the <code>graphql</code> scope. It stays in the memory of this page and is
          lost when you reload it.{' '}
          {user === undefined ? (
            'Without one, queries run with your session if you are signed in to Tokenward.'
          ) : empty ? (
            <>
              Without one, queries run with your session. <strong>Signed in as {user}</strong>
            </>
          ) : (
            <>Queries run with this credential, not as {user}.</>
          )}
        </p>
      </div>
      <p id="credential-notice" className="notice" role="status">
        {error}
      </p>
    </header>
  );
}
