export function AuditedToken() {
  return null;
}
