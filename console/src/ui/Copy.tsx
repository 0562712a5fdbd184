// Copies a text, and says that it did.
import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './Button';

export function Copy({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState<'no' | 'yes' | 'failed'>('no');
  useEffect(() => {
    if (done === 'no') return;
    const timer = setTimeout(() => setDone('no'), 3_000);
    return () => clearTimeout(timer);
  }, [done]);
  const Icon = done === 'yes' ? Check : CopyIcon;
  return (
    <Button
      size="small"
      icon={<Icon size={15} aria-hidden="true" />}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => setDone('yes'),
          () => setDone('failed'),
        )
      }
    >
      <span aria-live="polite">{{ no: label, yes: 'Copied', failed: 'Select and copy by hand' }[done]}</span>
    </Button>
  );
}
