// Pickers for the user or token in the filters of the log; the URL keeps the ID. Options always match the current text.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ask } from '../../app/api';
import { filterOf } from '../../app/tokenSearch';
import { LogMembersDocument, LogTokensDocument } from '../../gql/graphql';
import { maskValues } from '../../lib/tokenValue';
import { Combobox, type Option } from '../../ui/Combobox';

/** Returns the text once it has not changed for a moment. */
function useDebounced(text: string) {
  const [debounced, setRest] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRest(text), 200);
    return () => clearTimeout(timer);
  }, [text]);
  return debounced;
}

interface Props {
  slug: string;
  label: string;
  chosen: string | undefined;
  onChoose: (id: string | undefined) => void;
}

export function UserPicker({ slug, onChoose, ...debounced }: Props) {
  const [text, setText] = useState('');
  const search = useDebounced(text.trim());
  const { data, isPending, error } = useQuery({
    queryKey: ['members', 'named', slug, search],
    queryFn: ({ signal }) => ask(LogMembersDocument, { slug, search }, signal),
    enabled: search !== '',
  });
  const members = search !== text.trim() ? [] : (data?.organization?.members.nodes ?? []);
  return (
    <Combobox
      {...debounced}
      placeholder="Any user"
      text={text}
      onText={setText}
      options={members.map(({ id, name, username }): Option => ({ id, text: name, about: username }))}
      emptyText={
        text.trim() === ''
          ? 'Enter a name, username or email'
          : emptyText(isPending || search !== text.trim(), error, 'No members match')
      }
      onChoose={(option) => onChoose(option?.id)}
    />
  );
}

export function TokenPicker({ slug, prefix, onChoose, ...debounced }: Props & { prefix: string | undefined }) {
  const [text, setText] = useState('');
  const [unfinished, setUnfinished] = useState(false);
  const search = useDebounced(text.trim());
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
    <Combobox
      {...debounced}
      placeholder="Any token"
      text={text}
      onText={(typed) => {
        // A pasted value is shown by its hint and sent only in the body of a request.
        const masked = prefix === undefined ? { shown: '', unfinished: false } : maskValues(typed, prefix);
        setText(masked.shown);
        setUnfinished(masked.unfinished);
      }}
      options={grants.flatMap(({ tokenId, token }): Option[] =>
        token ? [{ id: tokenId, text: token.description, about: `${token.hint} of ${token.owner.name}` }] : [],
      )}
      emptyText={
        unfinished
          ? 'This looks like part of a token value. Paste the whole value.'
          : text.trim() === ''
            ? 'Enter a description or owner, or paste a token value'
            : emptyText(isPending || search !== text.trim(), error, 'No tokens with access match')
      }
      onChoose={(option) => onChoose(option?.id)}
    />
  );
}

const emptyText = (isPending: boolean, error: unknown, nothing: string) => {
  if (isPending) return 'Searching…';
  return error ? 'The search failed. Edit the text to try again.' : nothing;
};
