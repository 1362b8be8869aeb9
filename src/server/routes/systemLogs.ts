import { once } from 'node:events';
import { type FileHandle, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { directoryEntries } from '../../lib/linux/directoryEntries.ts';
import { type Exchange, HttpError, send, writeSlowly } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';
import { type NodeLogQuery, nodeLogProblem, parseNodeLogQuery } from '../logs/nodeLogQuery.ts';
import { copyNodeLogs } from '../logs/nodeLogs.ts';
import { openSystemFile, queriedPath, systemPath } from '../logs/systemFile.ts';

const ROOT = '/var/log';
const BLOCK = 64 * 1024;
/** Entries of a directory that is shown: the list is made in memory. */
const MAX_LISTED = 100_000;
/** The whole of a query, its programs included. */
const QUERY_MS = 30_000;

/** The directory that is served, and how many entries of one in it are listed. */
interface Place {
  readonly root: string;
  readonly maxListed: number;
}

/** The files of /var/log and, with enableSystemLogQuery, the logs of services. Links that lead out are not found. */
export const systemLogs: Route = systemLogsAt(ROOT);

/** The same over another directory and another program for the journal, for tests. Nothing outside is ever served. */
export function systemLogsAt(root: string, journalctl = 'journalctl', maxListed = MAX_LISTED): Route {
  const place: Place = { root, maxListed };
  return {
    paths: ['/logs', '/logs/{path*}'],
    methods: ['GET'],
    disabled: (config) => {
      if (!config.enableDebuggingHandlers) return 'Debug endpoints are disabled.';
      return config.enableSystemLogHandler ? undefined : 'logs endpoint is disabled.';
    },
    handle: (exchange, { config }) =>
      config.enableSystemLogQuery
        ? serveQuery(exchange, place, journalctl)
        : serve(exchange, place, exchange.params.path ?? ''),
  };
}

const missing = () => new HttpError(404, '404 page not found\n');

/** With enableSystemLogQuery: options in the query ask for services' logs or one file; without any it is the file server. */
async function serveQuery(exchange: Exchange, place: Place, journalctl: string): Promise<void> {
  const parsed = parseNodeLogQuery(exchange.query);
  if ('problem' in parsed) throw new HttpError(400, `${parsed.problem}\n`);
  const path = exchange.params.path ?? '';
  const { query } = parsed;
  if (!query) return serve(exchange, place, path);
  if (path !== '') throw new HttpError(406, 'path not allowed in query mode\n');
  const problem = await nodeLogProblem(query, async (file) => {
    const found = await queriedPath(place.root, file);
    return 'refusal' in found ? `statat ${file}: ${found.refusal}` : undefined;
  });
  if (problem !== undefined) throw new HttpError(406, `${problem}\n`);
  const [file] = query.files;
  if (file !== undefined) return serve(exchange, place, file.replaceAll('\\', '/'));
  await sendServices(exchange, query, place.root, journalctl);
}

async function sendServices(exchange: Exchange, query: NodeLogQuery, root: string, journalctl: string): Promise<void> {
  const { request, response, method } = exchange;
  // Only this one value: a client that takes several kinds gets plain text, as from kubelet.
  const zipped = request.headers['accept-encoding'] === 'gzip';
  response.writeHead(200, {
    'content-type': 'text/plain;charset=UTF-8',
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
  });
  if (method !== 'HEAD') {
    const signal = AbortSignal.any([exchange.signal, AbortSignal.timeout(QUERY_MS)]);
    const gzip = zipped ? createGzip({ level: constants.Z_BEST_SPEED }) : undefined;
    const sent = gzip && pipeline(gzip, response, { end: false }).catch(() => undefined);
    const plain = (piece: Buffer) => writeSlowly(response, piece, exchange.signal);
    const sink = gzip ? (piece: Buffer) => intoStream(gzip, piece, exchange.signal) : plain;
    await copyNodeLogs(query, sink, { root, journalctl, signal });
    gzip?.end();
    await sent;
  }
  response.end();
}

async function intoStream(stream: Writable, piece: Buffer, signal: AbortSignal): Promise<void> {
  if (!signal.aborted && !stream.write(piece)) await once(stream, 'drain', { signal }).catch(() => undefined);
}

async function serve(exchange: Exchange, { root, maxListed }: Place, relative: string): Promise<void> {
  const found = await systemPath(root, relative.replace(/\/+$/, ''));
  if ('refusal' in found) throw missing();
  const { path } = found;
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) {
    if (relative !== '' && !relative.endsWith('/')) redirect(exchange, relative);
    else await list(exchange, path, maxListed);
  } else if (info?.isFile() && !relative.endsWith('/')) await sendFile(exchange, root, path);
  else throw missing();
}

function redirect(exchange: Exchange, relative: string): void {
  const name = relative.split('/').at(-1) ?? '';
  send(exchange, 301, 'text/plain; charset=utf-8', '', { location: `${encodeURIComponent(name)}/` });
}

async function list(exchange: Exchange, path: string, maxListed: number): Promise<void> {
  const names: Buffer[] = [];
  for await (const entries of directoryEntries(path, exchange.signal)) {
    names.push(...entries.map((e) => (e.isDirectory ? Buffer.concat([e.name, Buffer.from('/')]) : e.name)));
    if (names.length > maxListed) throw new HttpError(500, `the directory has more than ${maxListed} entries\n`);
  }
  const lines = names.sort(Buffer.compare).map((name) => `<a href="${hrefOf(name)}">${escaped(name.toString())}</a>`);
  const body = `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('\n')}\n</pre>\n`;
  send(exchange, 200, 'text/html; charset=utf-8', body);
}

/** Byte by byte: what is no UTF-8 is a name too. */
function hrefOf(name: Buffer): string {
  return name.toString('latin1').replace(/[^A-Za-z0-9\-_.!~*'()/]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');
}

async function sendFile(exchange: Exchange, root: string, path: string): Promise<void> {
  const file = await openSystemFile(root, path);
  if (!file) throw missing();
  try {
    const info = await file.stat();
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
