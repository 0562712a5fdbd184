// Whom or which token the log is about: looked for by what is written, and kept in the address by its id. What is offered always
// belongs to what stands there.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ask } from '../../app/api';
import { filterOf } from '../../app/box';
import { LogPeopleDocument, LogTokensDocument } from '../../gql/graphql';
import { taken } from '../../lib/value';
import { Lookup, type Option } from '../../ui/Lookup';

/** What was written, once nobody has written for a moment. */
function useRest(text: string) {
  const [rest, setRest] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRest(text), 200);
    return () => clearTimeout(timer);
  }, [text]);
  return rest;
}

interface Props {
  slug: string;
  label: string;
  chosen: string | undefined;
  onChoose: (id: string | undefined) => void;
}

export function PersonLookup({ slug, onChoose, ...rest }: Props) {
  const [text, setText] = useState('');
  const search = useRest(text.trim());
  const { data, isPending, error } = useQuery({
    queryKey: ['members', 'named', slug, search],
    queryFn: ({ signal }) => ask(LogPeopleDocument, { slug, search }, signal),
    enabled: search !== '',
  });
  const people = search !== text.trim() ? [] : (data?.organization?.members.nodes ?? []);
  return (
    <Lookup
      {...rest}
      placeholder="Anybody"
      text={text}
      onText={setText}
      options={people.map(({ id, name, username }): Option => ({ id, text: name, about: username }))}
      said={
        text.trim() === ''
          ? 'Write a name, username or e-mail address'
          : said(isPending || search !== text.trim(), error, 'No member is called so')
      }
      onChoose={(option) => onChoose(option?.id)}
    />
  );
}

export function TokenLookup({ slug, prefix, onChoose, ...rest }: Props & { prefix: string | undefined }) {
  const [text, setText] = useState('');
  const [unfinished, setUnfinished] = useState(false);
  const search = useRest(text.trim());
  const { data, isPending, error } = useQuery({
    queryKey: ['tokens', 'named', slug, search],
    queryFn: ({ signal }) => {
      const filter = { ...filterOf(search), status: ['ACTIVE' as const, 'EXPIRED' as const, 'REVOKED' as const] };
      return ask(LogTokensDocument, { slug, filter }, signal);
    },
    enabled: search !== '' && !unfinished,
  });
  const grants = search !== text.trim() || unfinished ? [] : (data?.organization?.tokenGrants?.nodes ?? []);
  return (
    <Lookup
      {...rest}
      placeholder="Any token"
      text={text}
      onText={(typed) => {
        // A value that is pasted here is shown by its hint, and asked for in the body of a request only.
        const box = prefix === undefined ? { shown: '', unfinished: false } : taken(typed, prefix);
        setText(box.shown);
        setUnfinished(box.unfinished);
      }}
      options={grants.flatMap(({ tokenId, token }): Option[] =>
        token ? [{ id: tokenId, text: token.description, about: `${token.hint} of ${token.owner.name}` }] : [],
      )}
      said={
        unfinished
          ? 'This looks like the beginning of a token’s value; it is looked for when it is whole'
          : text.trim() === ''
            ? 'Write its description or its owner, or paste its value'
            : said(isPending || search !== text.trim(), error, 'No token that reaches the organization fits')
      }
      onChoose={(option) => onChoose(option?.id)}
    />
  );
}

const said = (isPending: boolean, error: unknown, nothing: string) => {
  if (isPending) return 'Looking…';
  return error ? 'The search did not work. Write on to try again.' : nothing;
};
