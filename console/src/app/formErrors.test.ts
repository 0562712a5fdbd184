import { describe, expect, it } from 'vitest';
import { ServiceError } from './api';
import { formErrorsOf, withoutErrors } from './formErrors';

const INPUTS = ['scopes', 'organization.slug'];
const refused = (field?: string) => new ServiceError('No.', 'INVALID_INPUT', field);

describe('an error', () => {
  it('is assigned to the input that it names', () => {
    expect(formErrorsOf(refused('input.scopes.1'), INPUTS)).toEqual({ scopes: 'No.' });
    expect(formErrorsOf(refused('organization.slug'), INPUTS)).toEqual({ 'organization.slug': 'No.' });
  });

  it('is assigned to the form if it names none of its inputs', () => {
    expect(formErrorsOf(refused('input.scopesOfOther'), INPUTS)).toEqual({ form: 'No.' });
    expect(formErrorsOf(refused(), INPUTS)).toEqual({ form: 'No.' });
    expect(formErrorsOf(new Error('secret'), INPUTS).form).toMatch(/^Something went wrong on this page/);
  });
});

describe('the errors', () => {
  it('are cleared for a changed input only', () => {
    const errors = { scopes: 'Choose one.', description: 'Say what.' };
    expect(withoutErrors(errors, 'scopes')).toEqual({ description: 'Say what.' });
    expect(withoutErrors(errors, 'scopes', 'description')).toBeUndefined();
    expect(withoutErrors(errors, 'expiresAt')).toBe(errors);
    expect(withoutErrors(undefined, 'scopes')).toBeUndefined();
  });
});
