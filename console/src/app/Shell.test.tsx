import { screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { Shell } from './Shell';
import { open, service } from './testing';

const place = (slug: string, name: string) => ({ role: 'ADMIN', node: { id: `org_${slug}`, slug, name } });

it('marks the current organization', async () => {
  service({
    Viewer: {
      tokenPrefix: 'twd',
      session: null,
      viewer: {
        id: 'user_ada',
        username: 'ada',
        name: 'Ada Okafor',
        email: null,
        hasPassword: true,
        organizations: { edges: [place('acme', 'Acme Widgets'), place('globex', 'Globex')] },
      },
    },
  });
  await open(Shell, '/organizations/$slug/members', '/organizations/globex/members');
  const side = within(screen.getByRole('complementary'));
  const globex = await side.findByRole('link', { name: /^Globex/, hidden: true });
  expect(globex.hasAttribute('aria-current')).toBe(true);
  expect(globex.querySelector('svg')).toBeTruthy();
  const acme = side.getByRole('link', { name: /^Acme/, hidden: true });
  expect(acme.hasAttribute('aria-current')).toBe(false);
  expect(acme.querySelector('svg')).toBeNull();
});
