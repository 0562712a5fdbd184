export function Token() {
  return null;
}
