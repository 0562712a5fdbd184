// What a page shows where its data would be, when that could not be had.

import { Button } from '../ui/Button';
import { Notice } from '../ui/Panel';
import { isRefusal, Refusal } from './api';

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const refusal = error instanceof Refusal ? error : undefined;
  return (
    <Notice tone="danger" title={isRefusal(error, 'FORBIDDEN') ? 'Access denied' : 'Could not load this data'}>
      <p>{refusal?.message ?? 'Something went wrong on this page. Reload it to try again.'}</p>
      {refusal?.requestId && (
        <p className="small">
          Request ID <code>{refusal.requestId}</code>
        </p>
      )}
      {again && (
        <div>
          <Button size="small" onClick={again}>
            Try again
          </Button>
        </div>
      )}
    </Notice>
  );
}

/** What happened, in one line, for a toast or beneath a form. */
export function inOneLine(error: unknown): string {
  if (!(error instanceof Refusal)) return 'Something went wrong on this page. Reload it to try again.';
  const number = error.requestId && ['INTERNAL', 'UNAVAILABLE'].includes(error.code) ? ` Request ID: ${error.requestId}` : '';
  return error.message + number;
}
