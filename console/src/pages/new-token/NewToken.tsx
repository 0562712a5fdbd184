export function NewToken() {
  return null;
}
