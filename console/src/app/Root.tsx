// What is around every page, and the page for an address that leads nowhere.
import { Link, Outlet } from '@tanstack/react-router';
import { Clock } from '../ui/Ago';
import { Button, buttonClass } from '../ui/Button';
import { Empty, Head } from '../ui/Panel';
import { Toasts } from '../ui/toast';
import { Confirm } from './Confirm';

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
      <Head title="This page did not work" />
      <Empty
        title="It could not be shown"
        action={
          <Button kind="primary" onClick={() => window.location.reload()}>
            Reload the page
          </Button>
        }
      >
        The service may have been renewed since this page was loaded, or the connection is gone. If reloading does not help, tell
        your operator.
      </Empty>
    </>
  );
}

export function Missing() {
  return (
    <>
      <Head title="Nothing is here" />
      <Empty
        title="This address leads nowhere"
        action={
          <Link to="/tokens" className={buttonClass({})}>
            Go to your tokens
          </Link>
        }
      >
        It may be mistyped, or what was here is gone, or you may not see it.
      </Empty>
    </>
  );
}
