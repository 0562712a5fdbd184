// A dash for an empty table cell, with a text for screen readers.

export function Dash({ meaning }: { meaning: string }) {
  return (
    <span>
      <span aria-hidden="true">–</span>
      <span className="hidden">{meaning}</span>
    </span>
  );
}
