import { expect, it } from 'vitest';
import { isPartialAddress } from './ipAddress';

it.each([
  '198.51.100',
  '198.51.100.',
  '198.51',
  '198.51.100.*',
  '198.51.100.0/24',
  '2001:db8::/32',
  '2001:db8',
  '2001:db8:',
  'fe80:1:',
])('%s is a network or a part of an address', (word) => expect(isPartialAddress(word)).toBe(true));

it.each(['deploy', 'v1.2', '300.1', 'owner:ada', 'ci.example', '"198.51.100"', '198', '12/24', 'a/b', 'bad:cafe', '.', ''])(
  '%s is neither',
  (word) => expect(isPartialAddress(word)).toBe(false),
);
