/** What one attempt found. `error` says that the probe could not be carried out, so that the container is not to blame. */
export type Attempt =
  | { readonly result: 'success' | 'warning' | 'failure'; readonly output: string }
  | { readonly result: 'unknown' | 'failure'; readonly error: string };
