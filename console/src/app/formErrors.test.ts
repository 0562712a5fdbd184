import { describe, expect, it } from 'vitest';
import { Refusal } from './api';
import { without, wrongOf } from './formErrors';

const INPUTS = ['scopes', 'organization.slug'];
const refused = (field?: string) => new Refusal('No.', 'INVALID_INPUT', field);

describe('a refusal', () => {
  it('stands at the input that it names', () => {
    expect(wrongOf(refused('input.scopes.1'), INPUTS)).toEqual({ scopes: 'No.' });
    expect(wrongOf(refused('organization.slug'), INPUTS)).toEqual({ 'organization.slug': 'No.' });
  });

  it('stands at the form where it names none of its inputs', () => {
    expect(wrongOf(refused('input.scopesOfOther'), INPUTS)).toEqual({ form: 'No.' });
    expect(wrongOf(refused(), INPUTS)).toEqual({ form: 'No.' });
    expect(wrongOf(new Error('secret'), INPUTS).form).toMatch(/^Something went wrong on this page/);
  });
});

describe('what is wrong', () => {
  it('is over for an input that is changed, and for no other', () => {
    const wrong = { scopes: 'Choose one.', description: 'Say what.' };
    expect(without(wrong, 'scopes')).toEqual({ description: 'Say what.' });
    expect(without(wrong, 'scopes', 'description')).toBeUndefined();
    expect(without(wrong, 'expiresAt')).toBe(wrong);
    expect(without(undefined, 'scopes')).toBeUndefined();
  });
});
