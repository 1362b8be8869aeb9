import { bounded } from './bounded.ts';

/** Values that go into a log line. Never a secret. Errors are written with their message and causes. Texts are cut at 4 KiB. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logger. `debug` is klog's verbosity 4, `trace` 6; info, warn and error are always written. */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each line, e.g. `{pod: 'ns/name', podUID}`. */
  child(fields: LogFields): Logger;
}

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface LoggerOptions {
  readonly format?: 'text' | 'json';
  /** klog's -v: 4 shows debug, 6 shows trace. Read at each line, so it can change at run time. */
  readonly verbosity?: number | (() => number);
  /** Receives one line with its newline. Defaults to standard error. */
  readonly write?: (line: string) => void;
  readonly now?: () => number;
}

const NEEDED: Record<Level, number> = { trace: 6, debug: 4, info: 0, warn: 0, error: 0 };
const LETTER: Record<Level, string> = { trace: 'I', debug: 'I', info: 'I', warn: 'W', error: 'E' };

/** A logger in klog's text form or, like `logging.format: json`, one JSON object a line. No field of a line is longer than 8 KiB. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { format = 'text', verbosity = 0, now = Date.now } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const level = typeof verbosity === 'number' ? () => verbosity : verbosity;
  const render = format === 'json' ? jsonLine : textLine;
  const make = (bound: LogFields): Logger => {
    const at = (severity: Level) => (message: string, fields?: LogFields) => {
      if (NEEDED[severity] > level()) return;
      write(render(severity, now(), message, fields ? { ...bound, ...fields } : bound));
    };
    return {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => make({ ...bound, ...fields }),
    };
  };
  return make({});
}

/** Writes nothing: for tests and optional parameters. */
export const silentLogger: Logger = createLogger({ write: () => {} });

/** Bytes of one field as it is written: a text that is all escapes, or a list of many texts, is longer than its parts. */
const FIELD_BYTES = 8192;

function plain(value: unknown): unknown {
  if (value instanceof Error) return bounded(errorText(value));
  if (typeof value === 'string') return bounded(value);
  if (typeof value === 'bigint') return value.toString();
  return value;
}

/** The JSON of one field; of a longer one a text with its beginning and end. undefined: there is none. */
function fieldJson(value: unknown): string | undefined {
  const json = JSON.stringify(plain(value), replacer);
  if (json === undefined || json.length * 3 <= FIELD_BYTES || Buffer.byteLength(json) <= FIELD_BYTES) return json;
  // Its quotes and backslashes are escaped once more.
  return JSON.stringify(bounded(json, FIELD_BYTES / 2 - 2));
}

function errorText(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${errorText(error.cause)}` : '';
  return error.message + (cause !== '' && !error.message.includes(cause.slice(2)) ? cause : '');
}

const replacer = (_key: string, value: unknown) => plain(value);

function jsonLine(level: Level, now: number, message: string, fields: LogFields): string {
  const all = { ts: now, level, v: NEEDED[level], msg: message, ...fields };
  const parts = Object.entries(all).map(([key, value]) => [JSON.stringify(key), fieldJson(value)] as const);
  return `{${parts.flatMap(([key, json]) => (json === undefined ? [] : `${key}:${json}`)).join()}}\n`;
}

function textLine(level: Level, now: number, message: string, fields: LogFields): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const d = new Date(now);
  const micros = String(d.getMilliseconds() * 1000).padStart(6, '0');
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${micros}`;
  let line = `${LETTER[level]}${two(d.getMonth() + 1)}${two(d.getDate())} ${time} ${String(process.pid).padStart(7)} `;
  line += `kubelet-ts] ${fieldJson(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${key}=${fieldJson(value)}`;
  }
  return `${line}\n`;
}
