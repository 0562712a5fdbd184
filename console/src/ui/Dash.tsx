// A dash in a table cell that has no value, and what it means.

export function Dash({ meaning }: { meaning: string }) {
  return (
    <span>
      <span aria-hidden="true">–</span>
      <span className="hidden">{meaning}</span>
    </span>
  );
}
