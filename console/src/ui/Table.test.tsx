import { cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { Cell, Row, Table } from './Table';

afterEach(cleanup);

const COLUMNS = [{ name: 'Owner' }, { name: 'Used', order: 'used' }, { name: 'Expires', order: 'expires' }];

function show(order: string, onOrder?: (order: string) => void) {
  render(
    <Table caption="Tokens" columns={COLUMNS} order={order} onOrder={onOrder}>
      <Row>
        <Cell>Ada</Cell>
      </Row>
    </Table>,
  );
}

it('offers sorting in a select and in its header', async () => {
  const onOrder = vi.fn();
  show('-used', onOrder);
  const list = screen.getByLabelText<HTMLSelectElement>('Sort by');
  expect(
    within(list)
      .getAllByRole('option')
      .map((option) => option.textContent),
  ).toEqual(['Used, latest first', 'Used, earliest first', 'Expires, latest first', 'Expires, earliest first']);
  expect(list.value).toBe('-used');
  await userEvent.selectOptions(list, 'Used, earliest first');
  expect(onOrder).toHaveBeenLastCalledWith('used');
  await userEvent.click(screen.getByRole('button', { name: 'Used' }));
  expect(onOrder).toHaveBeenLastCalledWith('used');
});

it('replaces only a cell that fails to render, until it renders', () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const When = ({ at }: { at: string }) => new Date(at).toISOString();
  const rows = (at: string) => (
    <Table caption="Tokens" columns={COLUMNS}>
      <Row>
        <Cell>Ada</Cell>
        <Cell label="Used">
          <When at={at} />
        </Cell>
      </Row>
      <Row>
        <Cell>Bob</Cell>
      </Row>
    </Table>
  );
  const { rerender } = render(rows('+10000-01-01T11:59:59.000000Z'));
  expect(screen.getAllByRole('cell').map(({ textContent }) => textContent)).toEqual(['Ada', 'Cannot be displayed', 'Bob']);
  rerender(rows('2026-11-25T22:00:00Z'));
  expect(screen.getAllByRole('cell').map(({ textContent }) => textContent)).toEqual(['Ada', '2026-11-25T22:00:00.000Z', 'Bob']);
  vi.restoreAllMocks();
});

it('offers no sorting without sortable columns', () => {
  show('-used');
  expect(screen.queryByRole('combobox')).toBeNull();
});
