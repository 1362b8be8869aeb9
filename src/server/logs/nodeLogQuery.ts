import { goQuote } from '../../k8s/goText.ts';

/** What a query asks of the node's logs (KEP-2258). */
export interface NodeLogQuery {
  readonly services: readonly string[];
  readonly files: readonly string[];
  readonly sinceTime?: Date;
  readonly untilTime?: Date;
  readonly tailLines?: number;
  readonly boot?: number;
  readonly pattern?: string;
}

const MAX_TAIL_LINES = 100_000;
const MAX_SERVICES = 4;
const MAX_SERVICE_LENGTH = 256;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** Either what was asked for (undefined: none of the options), or kubelet's sentence about what cannot be read. */
export type ParsedNodeLogQuery = { readonly query: NodeLogQuery | undefined } | { readonly problem: string };

/** Reads the options of /logs/?query=…; others are not looked at. */
export function parseNodeLogQuery(given: URLSearchParams): ParsedNodeLogQuery {
  const errors: string[] = [];
  const wanted = given.getAll('query');
  // A slash says that a file is meant.
  const files = wanted.filter((q) => /[/\\]/.test(q));
  const services = wanted.filter((q) => !/[/\\]/.test(q) && q.trim() !== '');
  if (wanted.length > 0 && files.length + services.length === 0)
    errors.push(invalid('query', JSON.stringify(wanted), 'may not be empty'));
  const sinceTime = timeOf(given, 'sinceTime', errors);
  const untilTime = timeOf(given, 'untilTime', errors);
  const boot = integerOf(given, 'boot', errors);
  const tailLines = integerOf(given, 'tailLines', errors);
  const pattern = given.get('pattern') || undefined;
  if (errors.length > 0) return { problem: aggregate(errors) };
  const options = { ...present({ sinceTime, untilTime, tailLines, boot, pattern }) };
  const nothing = files.length + services.length === 0 && Object.keys(options).length === 0;
  return { query: nothing ? undefined : { services, files, ...options } };
}

/** Whether anything but services or a file is asked for. */
export function hasOptions({ services: _services, files: _files, ...options }: NodeLogQuery): boolean {
  return Object.keys(options).length > 0;
}

/** kubelet's sentence about what must not be asked; undefined when all is well. `statFile` says why a file cannot be had. */
export async function nodeLogProblem(
  query: NodeLogQuery,
  statFile: (file: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const { services, sinceTime, untilTime, boot, tailLines, pattern } = query;
  const errors = services.flatMap((s) => serviceProblem(s).map((why) => invalid('query', goQuote(s), why)));
  if (services.length > MAX_SERVICES)
    errors.push(`query: Too many: ${services.length}: must have at most ${MAX_SERVICES} items`);
  errors.push(...(await selectionProblem(query, statFile)));
  if (sinceTime && untilTime && sinceTime > untilTime) {
    const time = untilTime.toISOString().replace('.000Z', 'Z');
    errors.push(invalid('untilTime', JSON.stringify(time), 'must be after `sinceTime`'));
  }
  if (boot !== undefined && boot > 0) errors.push(invalid('boot', String(boot), 'must be less than 1'));
  if (tailLines !== undefined && (tailLines < 0 || tailLines > MAX_TAIL_LINES))
    errors.push(invalid('tailLines', String(tailLines), `must be between 0 and ${MAX_TAIL_LINES}, inclusive`));
  const broken = pattern === undefined ? undefined : patternProblem(pattern);
  if (pattern !== undefined && broken !== undefined) errors.push(invalid('pattern', goQuote(pattern), broken));
  return errors.length === 0 ? undefined : aggregate(errors);
}

async function selectionProblem(
  query: NodeLogQuery,
  statFile: (file: string) => Promise<string | undefined>,
): Promise<string[]> {
  const { services, files } = query;
  const [file] = files;
  if (file === undefined) return services.length > 0 ? [] : ['query: Required value: cannot be empty with options'];
  const all = JSON.stringify(files);
  if (services.length > 0) {
    const both = `[${files.join(' ')}], [${services.join(' ')}]`;
    return [invalid('query', goQuote(both), 'cannot specify a file and service')];
  }
  if (files.length > 1) return [invalid('query', all, 'cannot specify more than one file')];
  if (hasOptions(query)) return [invalid('query', all, 'cannot specify file with options')];
  const why = await statFile(file);
  return why === undefined ? [] : [invalid('query', all, why)];
}

/** The arguments of journalctl. Times are given as UTC, whatever zone the node is in. */
export function journalArguments(query: NodeLogQuery, services: readonly string[]): string[] {
  const time = (date: Date) => `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const { sinceTime, untilTime, tailLines, pattern, boot } = query;
  return [
    '--utc',
    '--no-pager',
    '--output=short-precise',
    ...(sinceTime ? [`--since=${time(sinceTime)}`] : []),
    ...(untilTime ? [`--until=${time(untilTime)}`] : []),
    ...(tailLines === undefined ? [] : ['--pager-end', `--lines=${tailLines}`]),
    ...services.map((service) => `--unit=${service}`),
    ...(pattern === undefined ? [] : [`--grep=${pattern}`]),
    ...(boot === undefined ? [] : ['--boot', String(boot)]),
  ];
}

function serviceProblem(name: string): string[] {
  if (name.length > MAX_SERVICE_LENGTH) return [`length must be less than ${MAX_SERVICE_LENGTH}`];
  return /[^a-zA-Z\-_.:0-9@]/.test(name) ? ['input contains unsupported characters'] : [];
}

/** journalctl reads PCRE2; what JavaScript cannot parse either, apart from inline flags, is refused here. */
function patternProblem(pattern: string): string | undefined {
  try {
    new RegExp(pattern.replace(/\(\?[imsU]+\)/g, '').replace(/\(\?P</g, '(?<'));
    return undefined;
  } catch (error) {
    return `error parsing regexp: ${(error as Error).message.replace(/^.*: /, '')}`;
  }
}

function timeOf(given: URLSearchParams, name: string, errors: string[]): Date | undefined {
  const text = given.get(name) ?? '';
  if (text === '') return undefined;
  const time = RFC3339.test(text) ? new Date(text) : undefined;
  if (time && !Number.isNaN(time.getTime())) return time;
  errors.push(invalid(name, goQuote(text), 'invalid time format'));
  return undefined;
}

function integerOf(given: URLSearchParams, name: string, errors: string[]): number | undefined {
  const text = given.get(name) ?? '';
  if (text === '') return undefined;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  const why = /^[+-]?\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  errors.push(invalid(name, goQuote(text), `strconv.Atoi: parsing ${goQuote(text)}: ${why}`));
  return undefined;
}

const invalid = (field: string, value: string, why: string) => `${field}: Invalid value: ${value}: ${why}`;

/** Several errors stand in brackets, each once. */
function aggregate(errors: readonly string[]): string {
  const all = [...new Set(errors)];
  return all.length === 1 ? (all[0] as string) : `[${all.join(', ')}]`;
}

function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
