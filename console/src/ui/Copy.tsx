// Copies a text, and says that it did.
import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, type Kind } from './Button';

interface Props {
  text: string;
  label?: string;
  kind?: Kind;
  onCopied?: () => void;
}

export function Copy({ text, label = 'Copy', kind, onCopied }: Props) {
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
      kind={kind}
      icon={<Icon size={15} aria-hidden="true" />}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => {
            setDone('yes');
            onCopied?.();
          },
          () => setDone('failed'),
        )
      }
    >
      <span aria-live="polite">{{ no: label, yes: 'Copied', failed: 'Select and copy by hand' }[done]}</span>
    </Button>
  );
}
