// Shown in place of data that could not be loaded.

import { Button } from '../ui/Button';
import { Notice } from '../ui/Panel';
import { isServiceError, ServiceError } from './api';

export function LoadError({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const failure = error instanceof ServiceError ? error : undefined;
  return (
    <Notice tone="danger" title={isServiceError(error, 'FORBIDDEN') ? 'Access denied' : 'Could not load this data'}>
      <p>{failure?.message ?? 'Something went wrong on this page. Reload it to try again.'}</p>
      {failure?.requestId && (
        <p className="small">
          Request ID <code>{failure.requestId}</code>
        </p>
      )}
      {onRetry && (
        <div>
          <Button size="small" onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </Notice>
  );
}

/** The error in one line, for a toast or a form. */
export function errorText(error: unknown): string {
  if (!(error instanceof ServiceError)) return 'Something went wrong on this page. Reload it to try again.';
  const number = error.requestId && ['INTERNAL', 'UNAVAILABLE'].includes(error.code) ? ` Request ID: ${error.requestId}` : '';
  return error.message + number;
}
