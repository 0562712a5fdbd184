import { expect, it } from 'vitest';
import { checkLength } from './password';

it('is valid with 15 to 256 characters, counted by code points', () => {
  expect(checkLength('').enough).toBe(false);
  expect(checkLength('x'.repeat(14))).toEqual({ text: '14 of at least 15 characters.', enough: false });
  expect(checkLength('🙂'.repeat(15))).toEqual({ text: '15 characters: long enough.', enough: true });
  expect(checkLength('x'.repeat(256)).enough).toBe(true);
  expect(checkLength('x'.repeat(257)).enough).toBe(false);
});
