import { expect, it } from 'vitest';
import { latestRemovals, removalsByOthers } from './removals';

const grant = (id: string, organization: string, by: string | null = 'ada') => ({
  id,
  organization: { id: organization },
  removedBy: by === null ? null : { id: by },
});
const ids = (periods: { id: string }[]) => periods.map(({ id }) => id);

it('returns the latest removal of each organization without access', () => {
  const all = [grant('5', 'b'), grant('4', 'a'), grant('3', 'b'), grant('2', 'c')];
  expect(ids(latestRemovals(all, [grant('6', 'a')]))).toEqual(['5', '2']);
});

it('excludes removals by the owner', () => {
  const all = [grant('5', 'b', 'bob'), grant('4', 'a', null), grant('3', 'b'), grant('2', 'c')];
  expect(ids(removalsByOthers(all, [], 'bob'))).toEqual(['4', '2']);
});
