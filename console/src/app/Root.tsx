// What is around every page, and the page for an address that leads nowhere.
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

/** A page whose parts could not be fetched, or that made a mistake: nothing of the rest is lost by loading it anew. */
export function Broken() {
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
