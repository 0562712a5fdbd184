import { expect, it } from 'vitest';
import { durationText } from './duration';

it('is rounded up and formatted as text', () => {
  expect(durationText(0)).toBe('1 second');
  expect(durationText(40)).toBe('40 seconds');
  expect(durationText(60)).toBe('1 minute');
  expect(durationText(61)).toBe('2 minutes');
});
