import { describe, expect, it } from 'vitest';
import { copyOf, partitionKnown } from './prefill';

describe('the prefilled form', () => {
  it('separates known from unknown names, without duplicates', () => {
    const all = [{ slug: 'acme' }, { slug: 'globex' }];
    expect(partitionKnown(['globex', 'initech', 'globex', 'initech'], all, ({ slug }) => slug)).toEqual({
      known: [{ slug: 'globex' }],
      unknown: ['initech'],
    });
  });

  it('numbers copies of copies', () => {
    expect(copyOf('Deploy bot')).toBe('Deploy bot (copy)');
    expect(copyOf('Deploy bot (copy)')).toBe('Deploy bot (copy 2)');
    expect(copyOf('Deploy bot (copy 9)')).toBe('Deploy bot (copy 10)');
  });

  it('shortens descriptions of copies', () => {
    for (const character of ['x', 'é', '🙂']) {
      const copy = copyOf(character.repeat(255));
      expect([...copy]).toHaveLength(255);
      expect(copy.endsWith(' (copy)')).toBe(true);
    }
  });
});
