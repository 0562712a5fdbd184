// The page: the credential bar above GraphiQL.
import type { Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import type { GraphQLSchema } from 'graphql';
import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from 'react';
import { CredentialBar } from './CredentialBar';
import firstQuery from './firstQuery.graphql?raw';
import { memory } from './memoryStorage';
import { execute, loadSchema, signedIn, withoutScheme } from './service';

const NO_SCHEMA =
  'The schema could not be loaded, so documentation and completion are unavailable. Reload the page to try again.';

export function Explorer() {
  // A ref instead of state, so that React’s state and developer tools do not expose the credential.
  const credential = useRef('');
  const field = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string>();
  // Without a schema GraphiQL would send an introspection query, which needs a credential. Null prevents that.
  const [schema, setSchema] = useState<GraphQLSchema | null>(null);

  const [user, setUser] = useState<string>();

  useEffect(() => {
    signedIn().then(setUser);
    loadSchema().then(setSchema, () => setError(NO_SCHEMA));
  }, []);

  const fetcher = useCallback<Fetcher>(async (operation) => {
    const { answer, credentialError } = await execute(credential.current, operation);
    setError(credentialError);
    if (credentialError) field.current?.focus();
    return answer as Awaited<ReturnType<Extract<Fetcher, () => Promise<unknown>>>>;
  }, []);

  return (
    <>
      <CredentialBar
        field={field}
        error={error}
        user={user}
        onChange={(pasted) => {
          credential.current = withoutScheme(pasted);
          setError(undefined);
        }}
        onEnter={() => document.querySelector<HTMLButtonElement>('.graphiql-execute-button')?.click()}
      />
      <main className="explorer" onKeyDownCapture={moveFocusOnTab}>
        <GraphiQL
          fetcher={fetcher}
          schema={schema}
          storage={memory}
          defaultQuery={firstQuery}
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo> </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

/** Tab moves to the next control instead of indenting, so that keyboard users can leave the editor. */
function moveFocusOnTab(event: KeyboardEvent) {
  const inEditor = event.target instanceof Element && event.target.closest('.CodeMirror');
  const choosing = document.querySelector('.CodeMirror-hints');
  if (event.key === 'Tab' && inEditor && !choosing) event.nativeEvent.stopPropagation();
}
