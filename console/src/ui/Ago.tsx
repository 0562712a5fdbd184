// A relative time, with the exact time in its title.
import { createContext, useContext, useEffect, useState } from 'react';
import { exact, long, short } from '../lib/time';

const Now = createContext(Date.now());

/** A shared clock for all times on the page, updated every 30 seconds. */
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
  /** `97 d`, `97 days ago`, or the exact time with the relative one. */
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
