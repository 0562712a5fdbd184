// The frame of every page, and the pages for errors and unknown URLs.
import { Link, Outlet } from '@tanstack/react-router';
import { Clock } from '../ui/Ago';
import { Button, buttonClass } from '../ui/Button';
import { EmptyState, PageHeader } from '../ui/Panel';
import { Toasts } from '../ui/toast';
import { ConfirmPassword } from './ConfirmPassword';

export function Root() {
  return (
    <Clock>
      <Outlet />
      <ConfirmPassword />
      <Toasts />
    </Clock>
  );
}

/** Shown when a page crashes or its files cannot be loaded. */
export function ErrorPage() {
  return (
    <>
      <PageHeader title="Something went wrong" />
      <EmptyState
        title="This page could not be displayed"
        action={
          <Button kind="primary" onClick={() => window.location.reload()}>
            Reload page
          </Button>
        }
      >
        The service may have been updated since you loaded this page, or the connection was lost. If reloading does not help,
        contact your operator.
      </EmptyState>
    </>
  );
}

export function NotFoundContent() {
  return (
    <>
      <PageHeader title="Page not found" />
      <EmptyState
        title="Check the address"
        action={
          <Link to="/tokens" className={buttonClass({})}>
            Go to your tokens
          </Link>
        }
      >
        It may be mistyped, the page may have been removed, or you may not have access to it.
      </EmptyState>
    </>
  );
}
