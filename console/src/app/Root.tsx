// What is around every page, and the page for an address that leads nowhere.
import { Link, Outlet } from '@tanstack/react-router';
import { Clock } from '../ui/Ago';
import { Button, buttonClass } from '../ui/Button';
import { Empty, Head } from '../ui/Panel';
import { Toasts } from '../ui/toast';
import { Confirm } from './ConfirmPassword';

export function Root() {
  return (
    <Clock>
      <Outlet />
      <Confirm />
      <Toasts />
    </Clock>
  );
}

/** A page whose parts could not be fetched, or that made a mistake: nothing of the rest is lost by loading it anew. */
export function Broken() {
  return (
    <>
      <Head title="Something went wrong" />
      <Empty
        title="This page could not be displayed"
        action={
          <Button kind="primary" onClick={() => window.location.reload()}>
            Reload page
          </Button>
        }
      >
        The service may have been updated since you loaded this page, or the connection was lost. If reloading does not help,
        contact your operator.
      </Empty>
    </>
  );
}

export function Missing() {
  return (
    <>
      <Head title="Page not found" />
      <Empty
        title="Check the address"
        action={
          <Link to="/tokens" className={buttonClass({})}>
            Go to your tokens
          </Link>
        }
      >
        It may be mistyped, the page may have been removed, or you may not have access to it.
      </Empty>
    </>
  );
}
