import { describe, expect, it } from 'vitest';
import schema from '../../../schema.graphql?raw';
import type { AuditEventType, EventLineFragment } from '../gql/graphql';
import { differences, EVENT_GROUPS, plainText, sentence, type Viewpoint } from './sentences';

const ADA = { id: 'user_ada', username: 'ada', name: 'Ada Okafor' };
const BOB = { id: 'user_bob', username: 'bob', name: 'Bob Lindqvist' };
const ACME = { id: 'org_acme', slug: 'acme', name: 'Acme Widgets' };
const GLOBEX = { id: 'org_globex', slug: 'globex', name: 'Globex' };
const TOKEN = { id: 'token_1', description: 'Deploy bot', hint: 'twd_ab12…wxyz' };

const event = (changed: Partial<EventLineFragment>): EventLineFragment => ({
  id: 'event_1',
  type: 'TOKEN_CREATED',
  at: '2026-11-25T22:00:00.000000Z',
  via: 'JWT',
  resourceServerName: null,
  actor: BOB,
  actorIpAddress: null,
  actorUserAgent: null,
  user: BOB,
  tokenId: null,
  token: null,
  organizations: [ACME],
  scopesAdded: [],
  scopesRemoved: [],
  changes: [],
  reason: null,
  notificationId: null,
  ...changed,
});

const summary = (changed: Partial<EventLineFragment>, viewpoint?: Viewpoint) =>
  plainText(sentence(event(changed), viewpoint), viewpoint);
const ofToken = { tokenId: TOKEN.id, token: TOKEN };

describe('the sentence of an event', () => {
  it('names the owner of a token if the actor is another user', () => {
    expect(summary({ type: 'TOKEN_CREATED', ...ofToken })).toBe('Bob Lindqvist created “Deploy bot”');
    expect(summary({ type: 'TOKEN_REVOKED', ...ofToken })).toBe('Bob Lindqvist revoked “Deploy bot”');
    expect(summary({ type: 'TOKEN_ORGANIZATION_REMOVED', ...ofToken, actor: ADA })).toBe(
      'Ada Okafor removed Acme Widgets from “Deploy bot”, owned by Bob Lindqvist',
    );
    expect(summary({ type: 'TOKEN_CREATED', ...ofToken, actor: null, via: 'COMMAND_LINE' })).toBe(
      'An operator created “Deploy bot” for Bob Lindqvist',
    );
  });

  it('names the token that expired', () => {
    const expired = { type: 'TOKEN_EXPIRED' as const, ...ofToken, actor: null, via: 'SYSTEM' as const };
    expect(summary(expired)).toBe('“Deploy bot”, owned by Bob Lindqvist, expired');
    expect(summary(expired, { here: TOKEN.id })).toBe('This token expired');
    expect(summary({ ...expired, tokenId: null, token: null, user: null })).toBe('A token expired');
  });

  it('names the source of an event without an actor', () => {
    const ended = { type: 'TOKEN_REVOKED' as const, ...ofToken, actor: null, user: null };
    expect(summary({ ...ended, via: 'SYSTEM' })).toBe('Tokenward revoked “Deploy bot”');
    expect(summary({ ...ended, via: 'TOKEN' })).toBe('A client using the token revoked “Deploy bot”');
    expect(summary({ ...ended, via: 'SESSION' })).toBe('An unknown actor revoked “Deploy bot”');
  });

  it('names the old and new role of a member', () => {
    const changed = (type: AuditEventType, before: string | null, after: string, user = BOB) =>
      summary({ type, actor: ADA, user, changes: [{ field: 'role', before, after }] });
    expect(changed('ORGANIZATION_MEMBER_UPDATED', 'MEMBER', 'ADMIN')).toBe(
      'Ada Okafor changed Bob Lindqvist’s role in Acme Widgets from member to administrator',
    );
    expect(changed('ORGANIZATION_MEMBER_UPDATED', 'ADMIN', 'MEMBER')).toBe(
      'Ada Okafor changed Bob Lindqvist’s role in Acme Widgets from administrator to member',
    );
    expect(changed('ORGANIZATION_MEMBER_ADDED', null, 'ADMIN')).toBe(
      'Ada Okafor added Bob Lindqvist to Acme Widgets as an administrator',
    );
    expect(changed('ORGANIZATION_MEMBER_UPDATED', 'ADMIN', 'MEMBER', ADA)).toBe(
      'Ada Okafor changed their role in Acme Widgets from administrator to member',
    );
  });

  it('lists changed fields that the sentence does not contain', () => {
    const differs = (type: AuditEventType, field: string, before: string | null, after: string | null) =>
      differences(event({ type, changes: [{ field, before, after }] })).map((one) => `${one.name}: ${one.before}, ${one.after}`);
    expect(differs('TOKEN_UPDATED', 'description', 'a', 'b')).toEqual(['Description: “a”, “b”']);
    expect(differs('TOKEN_UPDATED', 'expiresAt', null, '2026-11-25T22:00:00.000000Z')[0]).toMatch(
      /^Expiry: never, 2[56] Nov 2026, /,
    );
    expect(differs('ORGANIZATION_MEMBER_UPDATED', 'role', null, 'ADMIN')).toEqual(['Role: none, administrator']);
    expect(differs('ORGANIZATION_MEMBER_UPDATED', 'role', 'MEMBER', 'ADMIN')).toEqual([]);
    expect(differs('ORGANIZATION_MEMBER_ADDED', 'role', null, 'ADMIN')).toEqual([]);
    expect(differs('TOKEN_UPDATED', 'colour', null, 'red')).toEqual(['colour: none, “red”']);
  });

  it('shows the ID of a token that is not visible', () => {
    expect(summary({ type: 'TOKEN_UPDATED', tokenId: 'token_9' })).toBe('Bob Lindqvist updated the token token_9');
  });

  it('lists the organizations', () => {
    const added = { type: 'TOKEN_ORGANIZATION_ADDED' as const, ...ofToken };
    expect(summary({ ...added, organizations: [ACME, GLOBEX] })).toBe(
      'Bob Lindqvist added Acme Widgets and Globex to “Deploy bot”',
    );
    expect(summary({ ...added, organizations: [] })).toBe('Bob Lindqvist added an organization to “Deploy bot”');
  });

  it('describes changes of members, by others and by themselves', () => {
    expect(summary({ type: 'ORGANIZATION_MEMBER_ADDED', actor: ADA })).toBe('Ada Okafor added Bob Lindqvist to Acme Widgets');
    expect(summary({ type: 'ORGANIZATION_MEMBER_ADDED' })).toBe('Bob Lindqvist joined Acme Widgets');
    expect(summary({ type: 'ORGANIZATION_MEMBER_UPDATED', actor: ADA })).toBe(
      'Ada Okafor changed Bob Lindqvist’s role in Acme Widgets',
    );
    expect(summary({ type: 'ORGANIZATION_MEMBER_REMOVED', actor: ADA })).toBe(
      'Ada Okafor removed Bob Lindqvist from Acme Widgets',
    );
    expect(summary({ type: 'ORGANIZATION_MEMBER_REMOVED' })).toBe('Bob Lindqvist left Acme Widgets');
  });

  it('describes changes of users and organizations', () => {
    expect(summary({ type: 'USER_DISABLED', actor: null, via: 'COMMAND_LINE' })).toBe('An operator disabled Bob Lindqvist');
    expect(summary({ type: 'USER_ENABLED', actor: null, via: 'COMMAND_LINE' })).toBe('An operator re-enabled Bob Lindqvist');
    expect(summary({ type: 'USER_CREATED' })).toBe('Bob Lindqvist signed in for the first time');
    expect(summary({ type: 'ORGANIZATION_UPDATED', actor: ADA, user: null })).toBe('Ada Okafor renamed Acme Widgets');
  });

  it('calls the reader "you" and the token of the page "this token"', () => {
    const here = { you: BOB.id, here: TOKEN.id };
    expect(summary({ type: 'TOKEN_UPDATED', ...ofToken }, here)).toBe('You updated this token');
    expect(summary({ type: 'TOKEN_ORGANIZATION_REMOVED', ...ofToken, actor: ADA }, here)).toBe(
      'Ada Okafor removed Acme Widgets from this token',
    );
    expect(summary({ type: 'USER_UPDATED' }, here)).toBe('You changed your profile');
    expect(summary({ type: 'USER_UPDATED', actor: ADA }, here)).toBe('Ada Okafor changed your profile');
    expect(summary({ type: 'USER_UPDATED', actor: ADA })).toBe('Ada Okafor changed Bob Lindqvist’s profile');
  });

  it('describes unknown types by their name', () => {
    const unknown = { type: 'TOKEN_ROTATED_TWICE' as EventLineFragment['type'] };
    expect(summary({ ...unknown })).toBe('Bob Lindqvist: token rotated twice');
    expect(summary({ ...unknown, actor: ADA })).toBe('Ada Okafor: token rotated twice, about Bob Lindqvist');
  });

  it('names resource servers as actors and as subjects', () => {
    const builds = { actor: null, resourceServerName: 'builds' };
    const revoked = { type: 'TOKEN_REVOKED' as const, ...ofToken, ...builds, via: 'RESOURCE_SERVER' as const };
    expect(summary(revoked)).toBe('The resource server builds revoked “Deploy bot”, owned by Bob Lindqvist');
    expect(summary({ ...revoked, resourceServerName: null })).toBe(
      'A resource server revoked “Deploy bot”, owned by Bob Lindqvist',
    );
    const about = { ...builds, via: 'COMMAND_LINE' as const, user: null };
    expect(summary({ ...about, type: 'RESOURCE_SERVER_ADDED' })).toBe('An operator added the resource server builds');
    expect(summary({ ...about, type: 'RESOURCE_SERVER_DISABLED' })).toBe('An operator disabled the resource server builds');
  });
});

describe('every event type', () => {
  /** Whether an organization’s audit log can contain the type. A missing type is a type error. */
  const KINDS: Record<Exclude<AuditEventType, '%future added value'>, boolean> = {
    TOKEN_CREATED: true,
    TOKEN_UPDATED: true,
    TOKEN_REVOKED: true,
    TOKEN_EXPIRED: true,
    TOKEN_ORGANIZATION_ADDED: true,
    TOKEN_ORGANIZATION_REMOVED: true,
    USER_CREATED: false,
    USER_UPDATED: true,
    USER_DISABLED: true,
    USER_ENABLED: true,
    USER_DELETED: true,
    ORGANIZATION_CREATED: true,
    ORGANIZATION_UPDATED: true,
    ORGANIZATION_DELETED: true,
    ORGANIZATION_MEMBER_ADDED: true,
    ORGANIZATION_MEMBER_UPDATED: true,
    ORGANIZATION_MEMBER_REMOVED: true,
    RESOURCE_SERVER_ADDED: false,
    RESOURCE_SERVER_DISABLED: false,
  };
  const all = Object.keys(KINDS) as (keyof typeof KINDS)[];

  it('of the schema is known', () => {
    const body = /enum AuditEventType \{([^}]*)\}/.exec(schema)?.[1] ?? '';
    expect(
      body
        .match(/^\t[A-Z_]+$/gm)
        ?.map((line) => line.trim())
        .sort(),
    ).toEqual([...all].sort());
  });

  it('has its own sentence', () => {
    for (const type of all) expect(summary({ type }), type).not.toContain(`: ${type.toLowerCase().replaceAll('_', ' ')}`);
  });

  it('is offered as a filter once if the log can contain it', () => {
    const offered = EVENT_GROUPS.flatMap(({ types }) => types.map(({ type }) => type));
    expect([...offered].sort()).toEqual(all.filter((type) => KINDS[type]).sort());
  });
});
