// A time as how long ago it was; the exact one is in the element, in its title, and on the page of the thing.
import { createContext, useContext, useEffect, useState } from 'react';
import { exact, long, short } from '../lib/time';

const Now = createContext(Date.now());

/** One clock for all times on the page: it goes on every half minute. */
export function Clock({ children }: { children: React.ReactNode }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return <Now.Provider value={now}>{children}</Now.Provider>;
}

export const useNow = () => useContext(Now);

interface Props {
  at: string | null | undefined;
  /** `97 d`, `97 days ago`, or both the exact time and how long ago. */
  form?: 'short' | 'long' | 'exact';
}

export function Ago({ at, form = 'long' }: Props) {
  const now = useNow();
  if (!at) return <span>Never</span>;
  if (form === 'exact') {
    return (
      <span>
        <time dateTime={at}>{exact(at)}</time> <span className="muted">({long(at, now)})</span>
      </span>
    );
  }
  return (
    <time dateTime={at} title={exact(at)}>
      {form === 'short' ? (
        <>
          <span aria-hidden="true">{short(at, now)}</span>
          <span className="hidden">{long(at, now)}</span>
        </>
      ) : (
        long(at, now)
      )}
    </time>
  );
}
