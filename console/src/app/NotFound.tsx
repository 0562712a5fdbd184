// The page for unknown URLs: within the shell for signed-in users, with a link to sign-in for others.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { buttonClass } from '../ui/Button';
import { isSignedIn } from './api';
import { CardPage } from './CardPage';
import { client, viewer } from './queries';
import { NotFoundContent } from './Root';
import { Shell } from './Shell';

export function NotFound() {
  const { data: signedIn, isPending } = useQuery({
    queryKey: ['viewer', 'is'],
    // Signed-out users see this page without having to sign in first.
    queryFn: ({ signal }) => isSignedIn(signal),
    initialData: () => client.getQueryData(viewer.queryKey) && true,
    refetchOnWindowFocus: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  if (isPending) return null;
  if (signedIn) {
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
