// What dialogs and menus use in place of react-remove-scroll: the same elements, and the page behind is left as it is.
import type { ElementType, ReactNode } from 'react';

interface Props {
  as?: ElementType;
  children?: ReactNode;
}

export function RemoveScroll({ as: Element = 'div', children }: Props) {
  return <Element>{children}</Element>;
}
