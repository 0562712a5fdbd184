import { expect, it } from 'vitest';
import { waitOf } from './duration';

it('is said in words, and never less than it is', () => {
  expect(waitOf(0)).toBe('1 second');
  expect(waitOf(40)).toBe('40 seconds');
  expect(waitOf(60)).toBe('1 minute');
  expect(waitOf(61)).toBe('2 minutes');
});
