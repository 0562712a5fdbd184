// What stands at an address that is no page's: in the frame for whoever is signed in, and for others with the way in.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { buttonClass } from '../ui/Button';
import { isSignedIn } from './api';
import { CardPage } from './CardPage';
import { client, viewer } from './queries';
import { NotFoundContent } from './Root';
import { Shell } from './Shell';

export function NotFound() {
  const { data: inside, isPending } = useQuery({
    queryKey: ['viewer', 'is'],
    // Who is not signed in is not sent to sign in first, to be told then that nothing is here.
    queryFn: ({ signal }) => isSignedIn(signal),
    initialData: () => client.getQueryData(viewer.queryKey) && true,
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  if (isPending) return null;
  if (inside) {
    return (
      <Shell>
        <NotFoundContent />
      </Shell>
    );
  }
  return (
    <CardPage title="Page not found">
      <div className="stack">
        <p>The address may be mistyped, or the page may have been removed.</p>
        <Link to="/sign-in" className={buttonClass({ kind: 'primary' })}>
          Go to sign-in
        </Link>
      </div>
    </CardPage>
  );
}
