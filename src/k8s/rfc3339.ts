/** A wall time in ms as RFC 3339 in UTC with whole seconds, cut not rounded: all that the API server keeps of a time. */
export function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
