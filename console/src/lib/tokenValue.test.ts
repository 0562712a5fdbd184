// the search box shows a value only by its hint.
import { beforeEach, describe, expect, it } from 'vitest';
import { forgetValue, maskValues, searchFilterOf } from './tokenValue';

const VALUE = `twd_${'Ab3'.repeat(12)}xy`;

beforeEach(forgetValue);

describe('a token value in a search', () => {
  it('is replaced by its hint, also within punctuation', () => {
    for (const around of [VALUE, `(${VALUE}),`, `"${VALUE}"`, ` ${VALUE} `]) {
      const read = maskValues(around, 'twd');
      expect(read.shown.trim()).toBe('value:twd_Ab3A…b3xy');
      expect(read.unfinished).toBe(false);
      expect(searchFilterOf(read.shown)).toEqual({ query: '', token: VALUE });
    }
  });

  it('leaves other words unchanged', () => {
    const read = maskValues(`admin ${VALUE} "a b"`, 'twd');
    expect(read.shown).toBe('admin value:twd_Ab3A…b3xy "a b"');
    expect(searchFilterOf(read.shown)).toEqual({ query: 'admin "a b"', token: VALUE });
  });

  it('is held back until it is complete', () => {
    for (let length = 4; length < VALUE.length; length++) {
      expect(maskValues(VALUE.slice(0, length), 'twd').unfinished).toBe(true);
    }
    expect(maskValues('twd', 'twd').unfinished).toBe(false);
    expect(maskValues(VALUE, 'twd').unfinished).toBe(false);
    expect(maskValues(`${VALUE}0`, 'twd').unfinished).toBe(true);
  });

  it('is searched by its hint after a reload', () => {
    expect(searchFilterOf('value:twd_Ab3A…b3xy admin')).toEqual({ query: 'twd_Ab3A…b3xy admin', token: undefined });
  });

  it('is not confused with a hint, which can be searched', () => {
    for (const around of ['twd_Ab3A…b3xy', '(twd_Ab3A…b3xy),', '"twd_Ab3A…b3xy"']) {
      expect(maskValues(around, 'twd')).toEqual({ shown: around, unfinished: false });
    }
    for (const other of ['twd_Ab3A…b3x', 'twd_Ab3A…', 'twd_Ab3Ab…b3xy', 'twd_Ab3A...b3xy']) {
      expect(maskValues(other, 'twd').unfinished).toBe(true);
    }
  });
});
