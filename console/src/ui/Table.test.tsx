import { cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { Cell, Row, Table } from './Table';

afterEach(cleanup);

const COLUMNS = [
  { name: 'Owner' },
  { name: 'Used', order: 'used', directions: ['latest first', 'longest ago first'] as [string, string] },
  { name: 'Expires', order: 'expires' },
];

function show(order: string, onOrder?: (order: string) => void) {
  render(
    <Table caption="Tokens" columns={COLUMNS} order={order} onOrder={onOrder}>
      <Row>
        <Cell>Ada</Cell>
      </Row>
    </Table>,
  );
}

it('is sorted by a list of orders as well as by its head', async () => {
  const onOrder = vi.fn();
  show('-used', onOrder);
  const list = screen.getByLabelText<HTMLSelectElement>('Sort by');
  expect(
    within(list)
      .getAllByRole('option')
      .map((option) => option.textContent),
  ).toEqual(['Used, latest first', 'Used, longest ago first', 'Expires, latest first', 'Expires, earliest first']);
  expect(list.value).toBe('-used');
  await userEvent.selectOptions(list, 'Used, longest ago first');
  expect(onOrder).toHaveBeenLastCalledWith('used');
  await userEvent.click(screen.getByRole('button', { name: 'Used' }));
  expect(onOrder).toHaveBeenLastCalledWith('used');
});

it('offers no order where none can be chosen', () => {
  show('-used');
  expect(screen.queryByRole('combobox')).toBeNull();
});
