import { HttpError } from '../http/exchange.ts';

/** Which streams a session has. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Reads the query of exec and attach. A terminal has one output, so it takes no stderr. HttpError 400 without any stream. */
export function streamOptions(query: URLSearchParams): StreamOptions {
  const on = (name: string) => query.get(name) === '1';
  const tty = on('tty');
  const options = { stdin: on('input'), stdout: on('output'), stderr: on('error') && !tty, tty };
  if (!options.stdin && !options.stdout && !options.stderr)
    throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  return options;
}
