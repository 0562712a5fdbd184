// Replaces react-remove-scroll: renders the same elements without injecting a style.
import type { ElementType, ReactNode } from 'react';

interface Props {
  as?: ElementType;
  children?: ReactNode;
}

export function RemoveScroll({ as: Element = 'div', children }: Props) {
  return <Element>{children}</Element>;
}
