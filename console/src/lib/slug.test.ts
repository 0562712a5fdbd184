import { expect, it } from 'vitest';
import { slugOf } from './slug';

it('contains only allowed characters', () => {
  expect(slugOf('Acme Widgets, Inc.')).toBe('acme-widgets-inc');
  expect(slugOf('  Škoda & Söhne  ')).toBe('skoda-sohne');
  expect(slugOf('日本')).toBe('');
  expect(slugOf(`${'x'.repeat(63)} y`)).toBe('x'.repeat(63));
});
