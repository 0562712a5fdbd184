import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { meaning, SearchBox } from './SearchBox';

afterEach(cleanup);

describe('the meaning of a search term', () => {
  it.each([
    ['ADMINISTRATOR', 'admin', 'Owner is admin'],
    ['SCOPE', 'read_builds', 'Scope read_builds'],
    ['ADDRESS', '2001:db8::17', 'Last IP address 2001:db8::17'],
    ['VALUE', 'twd_Ab3A…b3xy', 'Token value twd_Ab3A…b3xy'],
    ['UNUSED', 'unused:90d', 'Unused for at least 90 days'],
    ['UNUSED', 'unused:1y', 'Unused for at least 1 year'],
    ['USED', 'used:never', 'Never used'],
    ['EXPIRES', 'expires:30d', 'Expires within 30 days'],
    ['EXPIRES', 'expires:never', 'Never expires'],
    ['STATUS', 'status:revoked', 'Status: revoked'],
    ['OWNER', 'owner:"Ada Lovelace"', 'Owner: Ada Lovelace'],
    ['TEXT', '"deploy bot"', 'Text: deploy bot'],
    ['SOMETHING_NEW', 'x', 'Text: x'],
  ])('%s %s is shown as text', (kind, text, said) => {
    expect(meaning(kind, text)).toBe(said);
  });
});

describe('the search box', () => {
  const box = { text: 'admin', unfinished: false, set: vi.fn(), now: vi.fn() };
  const chips = [
    { word: 'admin', name: 'Administrators' },
    { word: 'graphql', name: 'GraphQL' },
  ];
  const show = (changed = {}, allOwners = false) =>
    render(
      <SearchBox
        box={{ ...box, ...changed }}
        label="Search"
        chips={chips}
        allOwners={allOwners}
        examples={['read_artifacts']}
        terms={[{ text: 'admin', kind: 'ADMINISTRATOR' }]}
      />,
    );

  it('toggles terms with filter buttons', async () => {
    show();
    expect(screen.getByRole('button', { name: 'Administrators' }).getAttribute('aria-pressed')).toBe('true');
    await userEvent.click(screen.getByRole('button', { name: 'GraphQL' }));
    expect(box.now).toHaveBeenLastCalledWith('admin graphql');
    await userEvent.click(screen.getByRole('button', { name: 'Administrators' }));
    expect(box.now).toHaveBeenLastCalledWith('');
  });

  it('gets the focus with a slash, except from another input', async () => {
    show();
    render(<input aria-label="Other" />);
    await userEvent.click(screen.getByLabelText('Other'));
    await userEvent.keyboard('/');
    expect(document.activeElement).toBe(screen.getByLabelText('Other'));
    screen.getByLabelText('Other').blur();
    await userEvent.keyboard('/');
    expect(document.activeElement).toBe(screen.getByRole('textbox', { name: 'Search' }));
  });

  it('explains terms, those about owners only with several owners', () => {
    show();
    expect(screen.getByRole('button', { name: 'Search tips' })).toBeTruthy();
    expect(screen.getByText('unused:90d')).toBeTruthy();
    expect(screen.queryByText('owner:ada')).toBeNull();
    cleanup();
    show({}, true);
    expect(screen.getByText('owner:ada')).toBeTruthy();
  });

  it('has a shorter placeholder on narrow pages', () => {
    vi.stubGlobal('matchMedia', () => ({ matches: true, addEventListener() {}, removeEventListener() {} }));
    show({ text: '' });
    expect(screen.getByRole('textbox', { name: 'Search' }).getAttribute('placeholder')).toBe('Search tokens…');
    vi.unstubAllGlobals();
  });

  it('warns about an incomplete token value', () => {
    show({ text: 'twd_ab', unfinished: true });
    expect(screen.getByRole('status').textContent).toContain('part of a token value');
    expect(screen.getByRole('textbox', { name: 'Search' }).getAttribute('aria-invalid')).toBe('true');
  });
});
