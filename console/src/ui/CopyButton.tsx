// Copies text to the clipboard and confirms it.
import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, type Kind } from './Button';
import styles from './CopyButton.module.css';
import { showToast } from './toast';

interface Props {
  text: string;
  label?: string;
  kind?: Kind;
  onCopied?: () => void;
}

const DONE = 'Copied';

export function CopyButton({ text, label = 'Copy', kind, onCopied }: Props) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 3_000);
    return () => clearTimeout(timer);
  }, [done]);
  const Icon = done ? Check : CopyIcon;
  return (
    <Button
      size="small"
      kind={kind}
      icon={<Icon size={15} aria-hidden="true" />}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => {
            setDone(true);
            onCopied?.();
          },
          () => showToast('The browser denied access to the clipboard. Select the text and copy it manually.', { isError: true }),
        )
      }
    >
      {/* As wide as the longer label, so that the layout does not shift. */}
      <span className={styles.labels} data-before={label} data-after={DONE}>
        <span aria-live="polite">{done ? DONE : label}</span>
      </span>
    </Button>
  );
}
