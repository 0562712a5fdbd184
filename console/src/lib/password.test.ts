import { expect, it } from 'vitest';
import { lengthOf } from './password';

it('is long enough from 15 characters on, up to 256, counted as people do', () => {
  expect(lengthOf('').enough).toBe(false);
  expect(lengthOf('x'.repeat(14))).toEqual({ text: '14 of at least 15 characters.', enough: false });
  expect(lengthOf('🙂'.repeat(15))).toEqual({ text: '15 characters: long enough.', enough: true });
  expect(lengthOf('x'.repeat(256)).enough).toBe(true);
  expect(lengthOf('x'.repeat(257)).enough).toBe(false);
});
