import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fdPath, isWithin } from '../../lib/linux/safePath.ts';
import { type Exchange, HttpError, send, writeSlowly } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';

const ROOT = '/var/log';
const BLOCK = 64 * 1024;

/** The files of /var/log. */
export const systemLogs: Route = systemLogsAt(ROOT);

/** The same over another directory, for tests. Nothing outside is ever served: links that lead out are not found. */
export function systemLogsAt(root: string): Route {
  return {
    paths: ['/logs', '/logs/{path*}'],
    methods: ['GET'],
    disabled: (config) => {
      if (!config.enableDebuggingHandlers) return 'Debug endpoints are disabled.';
      return config.enableSystemLogHandler ? undefined : 'logs endpoint is disabled.';
    },
    handle: (exchange) => serve(exchange, root),
  };
}

const missing = () => new HttpError(404, '404 page not found\n');

async function serve(exchange: Exchange, root: string): Promise<void> {
  if (exchange.query.getAll('query').some((q) => q !== ''))
    throw new HttpError(405, 'log query is not enabled on this node; set enableSystemLogQuery\n');
  const relative = exchange.params.path ?? '';
  const path = await inside(root, relative.replace(/\/+$/, ''));
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) {
    if (relative !== '' && !relative.endsWith('/')) redirect(exchange, relative);
    else await list(exchange, path);
  } else if (info?.isFile() && !relative.endsWith('/')) await sendFile(exchange, root, path);
  else throw missing();
}

/** The real path; HttpError 404 when it does not exist or lies outside. */
async function inside(root: string, relative: string): Promise<string> {
  const base = await realpath(root).catch(() => undefined);
  const path = await realpath(join(root, relative)).catch(() => undefined);
  if (base === undefined || path === undefined || !isWithin(base, path)) throw missing();
  return path;
}

function redirect(exchange: Exchange, relative: string): void {
  const name = relative.split('/').at(-1) ?? '';
  send(exchange, 301, 'text/plain; charset=utf-8', '', { location: `${encodeURIComponent(name)}/` });
}

async function list(exchange: Exchange, path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.map((e) => (e.isDirectory() ? `${e.name}/` : e.name)).sort();
  const lines = names.map(
    (name) => `<a href="${encodeURIComponent(name).replaceAll('%2F', '/')}">${escaped(name)}</a>`,
  );
  const body = `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('\n')}\n</pre>\n`;
  send(exchange, 200, 'text/html; charset=utf-8', body);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');
}

async function sendFile(exchange: Exchange, root: string, path: string): Promise<void> {
  // The path is real by now; whoever puts a link or FIFO in its place meanwhile gets an error or is found out below.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => {
    throw missing();
  });
  try {
    const info = await file.stat();
    const [base, opened] = [await realpath(root), await readlink(fdPath(file))];
    if (!info.isFile() || !isWithin(base, opened)) throw missing();
    await sendOpened(exchange, file, info.size, info.mtime);
  } finally {
    await file.close();
  }
}

async function sendOpened(exchange: Exchange, file: FileHandle, size: number, changed: Date): Promise<void> {
  const { response, request, signal, method } = exchange;
  const range = byteRange(request.headers.range, size);
  if (range === 'unsatisfiable')
    throw new HttpError(416, 'invalid range: failed to overlap\n', { 'content-range': `bytes */${size}` });
  const { start, end } = range ?? { start: 0, end: size };
  response.writeHead(range ? 206 : 200, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': end - start,
    'accept-ranges': 'bytes',
    'last-modified': changed.toUTCString(),
    'x-content-type-options': 'nosniff',
    ...(range ? { 'content-range': `bytes ${start}-${end - 1}/${size}` } : {}),
  });
  for (let at = start; method !== 'HEAD' && at < end && !signal.aborted; ) {
    const block = Buffer.allocUnsafe(Math.min(BLOCK, end - at));
    const { bytesRead } = await file.read(block, 0, block.length, at);
    if (bytesRead === 0) {
      response.destroy(); // it was cut short meanwhile: the length that we promised cannot be kept
      return;
    }
    await writeSlowly(response, block.subarray(0, bytesRead), signal);
    at += bytesRead;
  }
  response.end();
}

/** One range of bytes; undefined when none (or several) are asked for: then the whole file is sent. */
function byteRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  return start < end ? { start, end } : 'unsatisfiable';
}
