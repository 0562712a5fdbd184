// Turns an audit event into a sentence of text, users, tokens and organizations.
import type { EventLineFragment } from '../gql/graphql';
import { exact } from '../lib/time';

export interface EventUser {
  id: string;
  username: string;
  name: string;
}

export type Part =
  | { kind: 'words'; text: string }
  | { kind: 'user'; user: EventUser }
  | { kind: 'token'; id: string; description: string | undefined }
  | { kind: 'organization'; name: string };

/** The reader of a sentence. */
export interface Viewpoint {
  /** The ID of the reader, who is called "you". */
  you?: string;
  /** The ID of the token whose page shows the sentence; it is called "this token". */
  here?: string;
}

/** How an actor authenticated. */
export const METHODS: Record<string, string> = {
  SESSION: 'Console session',
  JWT: 'App sign-in (JWT)',
  TOKEN: 'API token',
  RESOURCE_SERVER: 'Resource server',
  COMMAND_LINE: 'Command line',
  SYSTEM: 'System',
};

/** The event types that an organization’s audit log can contain, grouped for selection. */
export const EVENT_GROUPS: { name: string; types: { type: EventLineFragment['type']; name: string }[] }[] = [
  {
    name: 'Tokens',
    types: [
      { type: 'TOKEN_CREATED', name: 'Token created' },
      { type: 'TOKEN_UPDATED', name: 'Token updated' },
      { type: 'TOKEN_REVOKED', name: 'Token revoked' },
      { type: 'TOKEN_EXPIRED', name: 'Token expired' },
      { type: 'TOKEN_ORGANIZATION_ADDED', name: 'Organization added to a token' },
      { type: 'TOKEN_ORGANIZATION_REMOVED', name: 'Organization removed from a token' },
    ],
  },
  {
    name: 'Members',
    types: [
      { type: 'ORGANIZATION_MEMBER_ADDED', name: 'Member added' },
      { type: 'ORGANIZATION_MEMBER_UPDATED', name: 'Role changed' },
      { type: 'ORGANIZATION_MEMBER_REMOVED', name: 'Member removed' },
    ],
  },
  {
    name: 'Users',
    types: [
      { type: 'USER_UPDATED', name: 'Profile changed' },
      { type: 'USER_DISABLED', name: 'User disabled' },
      { type: 'USER_ENABLED', name: 'User enabled' },
      { type: 'USER_DELETED', name: 'User deleted' },
    ],
  },
  {
    name: 'Organization',
    types: [
      { type: 'ORGANIZATION_CREATED', name: 'Organization created' },
      { type: 'ORGANIZATION_UPDATED', name: 'Organization renamed' },
      { type: 'ORGANIZATION_DELETED', name: 'Organization deleted' },
    ],
  },
];

/** `TOKEN_ROTATED`: token rotated. The fallback for types that this version does not know. */
const typeName = (type: string) => type.toLowerCase().replaceAll('_', ' ').trim();

/** The sentence without its full stop. */
export function sentence(event: EventLineFragment, viewpoint: Viewpoint = {}): Part[] {
  const { actor, user, organizations, tokenId, resourceServerName: server } = event;
  const by: Part = actor ? { kind: 'user', user: actor } : words(actorOf(event));
  const about: Part = user ? { kind: 'user', user } : words('a user');
  const own = Boolean(actor && user && actor.id === user.id);
  const theirs = own && actor?.id === viewpoint.you ? 'your' : 'their';
  const possessive = user && user.id === viewpoint.you ? [words('your')] : [about, words('’s')];
  const where = joinNames(organizations.map(({ name }) => ({ kind: 'organization' as const, name })));
  const token: Part =
    tokenId && tokenId !== viewpoint.here
      ? { kind: 'token', id: tokenId, description: event.token?.description }
      : words(tokenId ? 'this token' : 'a token');
  // The token’s page already shows the owner.
  const of = own || !user || tokenId === viewpoint.here ? [] : [words(', owned by '), about];
  switch (event.type as string) {
    case 'TOKEN_CREATED':
      return [by, words(' created '), token, ...(own || !user ? [] : [words(' for '), about])];
    case 'TOKEN_UPDATED':
      return [by, words(' updated '), token, ...of];
    case 'TOKEN_REVOKED':
      return [by, words(' revoked '), token, ...of];
    case 'TOKEN_EXPIRED':
      return [atStart(token), ...(of.length > 0 ? [...of, words(',')] : []), words(' expired')];
    case 'TOKEN_ORGANIZATION_ADDED':
      return [by, words(' added '), ...where, words(' to '), token, ...of];
    case 'TOKEN_ORGANIZATION_REMOVED':
      return [by, words(' removed '), ...where, words(' from '), token, ...of];
    case 'ORGANIZATION_MEMBER_ADDED': {
      const role = ROLES[roleOf(event)?.after ?? ''];
      const as = role ? [words(` as ${role === 'administrator' ? 'an' : 'a'} ${role}`)] : [];
      return own ? [by, words(' joined '), ...where, ...as] : [by, words(' added '), about, words(' to '), ...where, ...as];
    }
    case 'ORGANIZATION_MEMBER_UPDATED': {
      const fromTo = roleChange(event);
      const whose = own ? [words(theirs)] : possessive;
      return [by, words(' changed '), ...whose, words(' role in '), ...where, ...(fromTo ? [words(` ${fromTo}`)] : [])];
    }
    case 'ORGANIZATION_MEMBER_REMOVED':
      return own ? [by, words(' left '), ...where] : [by, words(' removed '), about, words(' from '), ...where];
    case 'ORGANIZATION_CREATED':
      return [by, words(' created '), ...where];
    case 'ORGANIZATION_UPDATED':
      return [by, words(' renamed '), ...where];
    case 'ORGANIZATION_DELETED':
      return [by, words(' deleted '), ...where];
    case 'USER_CREATED':
      return own ? [by, words(' signed in for the first time')] : [by, words(' added the user '), about];
    case 'USER_UPDATED':
      return own ? [by, words(` changed ${theirs} profile`)] : [by, words(' changed '), ...possessive, words(' profile')];
    case 'USER_DISABLED':
      return [by, words(' disabled '), about];
    case 'USER_ENABLED':
      return [by, words(' re-enabled '), about];
    case 'USER_DELETED':
      return [by, words(' deleted '), about];
    case 'RESOURCE_SERVER_ADDED':
      return [by, words(` added the resource server ${server ?? ''}`.trimEnd())];
    case 'RESOURCE_SERVER_DISABLED':
      return [by, words(` disabled the resource server ${server ?? ''}`.trimEnd())];
    default:
      return [by, words(`: ${typeName(event.type)}`), ...(user && !own ? [words(', about '), about] : [])];
  }
}

const roleOf = ({ changes }: EventLineFragment) => changes.find(({ field }) => field === 'role');

const ROLES: Record<string, string> = { ADMIN: 'administrator', MEMBER: 'member' };

/** `from member to administrator`; empty unless both roles are known. */
function roleChange(event: EventLineFragment) {
  const { before, after } = roleOf(event) ?? {};
  const [from, to] = [ROLES[before ?? ''], ROLES[after ?? '']];
  return from && to ? `from ${from} to ${to}` : undefined;
}

/** The changed fields, unless the sentence already contains them. */
export function differences(event: EventLineFragment) {
  const inSentence =
    event.type === 'ORGANIZATION_MEMBER_ADDED' || (event.type === 'ORGANIZATION_MEMBER_UPDATED' && roleChange(event));
  const inSentenceField = inSentence ? 'role' : undefined;
  return event.changes
    .filter(({ field }) => field !== inSentenceField)
    .map(({ field, before, after }) => ({
      name: FIELDS[field]?.name ?? field,
      before: value(field, before),
      after: value(field, after),
    }));
}

const FIELDS: Record<string, { name: string; none: string }> = {
  description: { name: 'Description', none: 'none' },
  expiresAt: { name: 'Expiry', none: 'never' },
  role: { name: 'Role', none: 'none' },
  name: { name: 'Name', none: 'none' },
};

function value(field: string, text: string | null | undefined) {
  if (text === null || text === undefined) return FIELDS[field]?.none ?? 'none';
  if (field === 'expiresAt') return exact(text);
  if (field === 'role') return ROLES[text] ?? text.toLowerCase();
  return `“${text}”`;
}

/** The actor of an event without a user. */
function actorOf({ via, resourceServerName }: EventLineFragment) {
  if (via === 'RESOURCE_SERVER' && resourceServerName) return `The resource server ${resourceServerName}`;
  return ACTORS[via] ?? 'An unknown actor';
}

const ACTORS: Record<string, string> = {
  COMMAND_LINE: 'An operator',
  SYSTEM: 'Tokenward',
  TOKEN: 'A client using the token',
  RESOURCE_SERVER: 'A resource server',
};

/** Capitalizes words at the start of a sentence. */
const atStart = (part: Part): Part =>
  part.kind === 'words' ? words(part.text.charAt(0).toUpperCase() + part.text.slice(1)) : part;

const words = (text: string): Part => ({ kind: 'words', text });

/** `A`, `A and B`, `A, B and C`; without any: an organization. */
function joinNames(names: Part[]): Part[] {
  if (names.length === 0) return [words('an organization')];
  return names.flatMap((name, index) => {
    if (index === 0) return [name];
    return [words(index === names.length - 1 ? ' and ' : ', '), name];
  });
}

export const plainText = (parts: Part[], { you }: Viewpoint = {}) =>
  parts.map((part, index) => (part.kind === 'words' ? part.text : partName(part, index === 0, you))).join('');

/** The text of a part. */
export function partName(part: Exclude<Part, { kind: 'words' }>, first = false, you?: string): string {
  switch (part.kind) {
    case 'user':
      if (part.user.id === you) return first ? 'You' : 'you';
      return part.user.name;
    case 'token':
      return part.description === undefined ? `the token ${part.id}` : `“${part.description}”`;
    case 'organization':
      return part.name;
  }
}
