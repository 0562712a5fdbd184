// Where the credential is entered, what it is, and what is wrong with it.
import type { Ref } from 'react';
import mark from './mark.svg';

interface Props {
  field: Ref<HTMLInputElement>;
  notice: string | undefined;
  onChange: (pasted: string) => void;
  onEnter: () => void;
}

export function CredentialBar({ field, notice, onChange, onEnter }: Props) {
  return (
    <header className="bar">
      <h1 className="brand">
        <a href="/">
          <img src={mark} alt="" width="24" height="24" />
          <span>Tokenward</span>
        </a>{' '}
        <span className="brand-page">GraphiQL</span>
      </h1>
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
          placeholder="Paste a JWT or a token"
          aria-describedby="credential-about credential-notice"
          aria-invalid={notice !== undefined}
          onChange={(event) => onChange(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onEnter();
          }}
        />
        <p id="credential-about" className="about">
          A JWT of your application, or a token with the scope <code>graphql</code>: it stays in the memory of this page and is
          gone when you reload it. Left empty, the query runs as whoever is signed in to the console.
        </p>
      </div>
      <p id="credential-notice" className="notice" role="status">
        {notice}
      </p>
    </header>
  );
}
