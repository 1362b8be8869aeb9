import type { ServerHost } from '../host.ts';
import { type Exchange, HttpError, send, sendText } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';
import { ProcessProfiler } from '../profiling/profiler.ts';

/** Go's own default, and the longest that an answer may take. */
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 4 * 3600;

const profiler = new ProcessProfiler();

const PROFILES: Readonly<
  Record<string, readonly [about: string, serve: (exchange: Exchange, host: ServerHost) => void | Promise<void>]>
> = {
  cmdline: ['The command line of this process', (exchange) => sendText(exchange, 200, process.argv.join('\0'))],
  goroutine: ['What this process waits for, by kind: timers, sockets, files', sendResources],
  heap: ['What is allocated during ?seconds= and still in use then', (exchange) => sendProfile(exchange, 'heap')],
  profile: ['Where the CPU time goes during ?seconds=', sendCpuProfile],
  symbol: ['Profiles carry their names: nothing to look up', (exchange) => sendText(exchange, 200, 'num_symbols: 1\n')],
};

/** Profiles of this process under Go's names, in the form that `go tool pprof` reads. */
export const pprof: Route = {
  paths: ['/debug/pprof', '/debug/pprof/{name*}'],
  methods: ['GET'],
  disabled: (config) => {
    if (!config.enableDebuggingHandlers) return 'Debug endpoints are disabled.';
    return config.enableProfilingHandler ? undefined : 'profiling endpoint is disabled.';
  },
  handle(exchange, host) {
    const name = exchange.params.name ?? '';
    if (name === '') return sendIndex(exchange);
    const found = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
    if (!found) throw new HttpError(404, 'Unknown profile\n', { 'x-go-pprof': '1' });
    return found[1](exchange, host);
  },
};

function sendIndex(exchange: Exchange): void {
  const lines = Object.entries(PROFILES).map(([name, [about]]) => `<li><a href="${name}">${name}</a>: ${about}</li>`);
  const body = `<html>\n<head><title>/debug/pprof/</title></head>\n<body>\n<ul>\n${lines.join('\n')}\n</ul>\n</body>\n</html>\n`;
  send(exchange, 200, 'text/html; charset=utf-8', body);
}

function sendResources(exchange: Exchange): void {
  const kinds = Map.groupBy(process.getActiveResourcesInfo(), (kind) => kind);
  const counts = [...kinds].map(([kind, all]) => `${all.length} ${kind}`).sort();
  sendText(exchange, 200, `${counts.join('\n')}\n`);
}

/**
 * V8's profiler has a thread of its own for events, which gets stuck now and then (found by DataDog/pprof-nodejs, pull request 125). Then the
 * end of the profile never comes: the event loop stands still and memory grows until the kernel kills the agent. So a profile is
 * taken only where somebody has asked for that.
 */
function sendCpuProfile(exchange: Exchange, { cpuProfiles }: ServerHost): Promise<void> {
  if (cpuProfiles) return sendProfile(exchange, 'cpu');
  const text =
    "CPU profiles are off, because V8's profiler can end the agent; start it with --ts-cpu-profiles to take one\n";
  throw new HttpError(501, text, { 'x-go-pprof': '1' });
}

async function sendProfile(exchange: Exchange, kind: 'cpu' | 'heap'): Promise<void> {
  const asked = Number(exchange.query.get('seconds') ?? '');
  const seconds = asked > 0 ? asked : DEFAULT_SECONDS;
  if (seconds >= MAX_SECONDS)
    throw new HttpError(400, "profile duration exceeds server's WriteTimeout\n", { 'x-go-pprof': '1' });
  const profile = await profiler[kind](over(seconds * 1000, exchange.signal));
  if (!profile) {
    const text =
      kind === 'cpu'
        ? 'Could not enable CPU profiling: cpu profiling already in use\n'
        : 'heap profiling already in use\n';
    throw new HttpError(500, text, { 'x-go-pprof': '1' });
  }
  const name = kind === 'cpu' ? 'profile' : 'heap';
  const headers = { 'content-disposition': `attachment; filename="${name}"` };
  if (!exchange.signal.aborted) send(exchange, 200, 'application/octet-stream', profile, headers);
}

/** Resolves when the time is over, or nobody waits any more. */
function over(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const gone = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) gone();
    else signal.addEventListener('abort', gone, { once: true });
  });
}
