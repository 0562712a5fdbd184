import { expect, it } from 'vitest';
import { latestRemovals, removalsByOthers } from './removals';

const period = (id: string, organization: string, by: string | null = 'ada') => ({
  id,
  organization: { id: organization },
  removedBy: by === null ? null : { id: by },
});
const ids = (periods: { id: string }[]) => periods.map(({ id }) => id);

it('returns the latest removal of each organization without access', () => {
  const all = [period('5', 'b'), period('4', 'a'), period('3', 'b'), period('2', 'c')];
  expect(ids(latestRemovals(all, [period('6', 'a')]))).toEqual(['5', '2']);
});

it('excludes removals by the owner', () => {
  const all = [period('5', 'b', 'bob'), period('4', 'a', null), period('3', 'b'), period('2', 'c')];
  expect(ids(removalsByOthers(all, [], 'bob'))).toEqual(['4', '2']);
});
