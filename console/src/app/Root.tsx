// What is around every page, and the page for an address that leads nowhere.
import { Link, Outlet } from '@tanstack/react-router';
import { Clock } from '../ui/Ago';
import { buttonClass } from '../ui/Button';
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
