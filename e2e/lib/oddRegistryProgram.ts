// node e2e/lib/oddRegistryProgram.ts PORT DIRECTORY: a registry that goes wrong, each repository in its own way (`/v2/WAY/app/…`). DIRECTORY
// has a built image, to which layers are added.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { manifestType } from '../../hack/images/layout.ts';
import { digestOf, type OddImage, oddImage } from './oddRegistryImage.ts';

const [port = '', directory = ''] = process.argv.slice(2);
const mib = 1024 * 1024;

/** What a way does with one request; false: nothing odd. `blob`: one that was added to the image. */
type Oddity = (request: IncomingMessage, response: ServerResponse, blob: Buffer | undefined) => boolean;

/** Sends the beginning of a blob as if all of it came. */
function begin(response: ServerResponse, blob: Buffer, bytes: number): void {
  response.writeHead(200, { 'content-length': blob.length, 'content-type': 'application/octet-stream' });
  response.write(blob.subarray(0, bytes));
}

async function dribble(response: ServerResponse, blob: Buffer): Promise<void> {
  begin(response, blob, 0);
  const step = 32 * 1024;
  for (let at = 0; at < blob.length && !response.destroyed; at += step) {
    response.write(blob.subarray(at, at + step));
    await delay(250);
  }
  response.end();
}

const status = (code: number, headers: Record<string, string> = {}): Oddity => {
  return (_, response) => {
    response.writeHead(code, headers).end();
    return true;
  };
};
const onBlobs = (oddity: (request: IncomingMessage, response: ServerResponse, blob: Buffer) => unknown): Oddity => {
  return (request, response, blob) => blob !== undefined && oddity(request, response, blob) !== false;
};

/** `sizes`: of the layers that are added; the oddity of blobs is that of these alone. */
const ways: Readonly<Record<string, { sizes: readonly number[]; oddity?: Oddity; isArchive?: boolean }>> = {
  slow: {
    sizes: [mib, 2 * mib, 5 * mib],
    oddity: onBlobs((_, response, blob) => (blob.length > 3 * mib ? dribble(response, blob) : false)),
  },
  stalled: { sizes: [4 * mib], oddity: onBlobs((_, response, blob) => begin(response, blob, mib)) },
  silent: { sizes: [1000], oddity: () => true },
  limited: { sizes: [1000], oddity: status(429, { 'retry-after': '60' }) },
  forbidden: { sizes: [1000], oddity: status(403) },
  denied: { sizes: [1000], oddity: status(401, { 'www-authenticate': 'Basic realm="odd"' }) },
  missing: { sizes: [1000], oddity: status(404) },
  faulty: { sizes: [1000], oddity: status(503) },
  circle: {
    sizes: [1000],
    oddity: onBlobs((request, response) => response.writeHead(307, { location: request.url ?? '' }).end()),
  },
  moved: {
    sizes: [1000],
    oddity: onBlobs((request, response) => {
      if (request.url?.includes('?moved')) return false;
      return response.writeHead(307, { location: `${request.url}?moved` }).end();
    }),
  },
  cut: {
    sizes: [mib],
    oddity: onBlobs((_, response, blob) => {
      begin(response, blob, mib / 2);
      return setTimeout(() => response.destroy(), 100);
    }),
  },
  changed: {
    sizes: [1000],
    oddity: onBlobs((_, response, blob) => {
      begin(response, blob, 0);
      return response.end(Buffer.alloc(blob.length, 'x'));
    }),
  },
  garbage: { sizes: [1000], isArchive: false },
};

const images = new Map<string, OddImage>();
function imageOf(way: string): OddImage | undefined {
  const kind = ways[way];
  if (!kind) return undefined;
  const made = images.get(way) ?? oddImage(directory, way, kind.sizes, kind.isArchive);
  images.set(way, made);
  return made;
}

function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer, type: string): void {
  const headers = { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': digestOf(bytes) };
  response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : bytes);
}

createServer((request, response) => {
  response.on('error', () => {});
  const [, way = '', kind, name = ''] = /^\/v2\/(\w+)\/app\/(manifests|blobs)\/([^?]+)/.exec(request.url ?? '') ?? [];
  const image = imageOf(way);
  if (!image) return void response.writeHead(request.url === '/v2/' ? 200 : 404).end();
  const blob = kind === 'blobs' && image.added.includes(name) ? image.blobs.get(name) : undefined;
  if (ways[way]?.oddity?.(request, response, blob)) return;
  const bytes = kind === 'manifests' ? image.manifest : image.blobs.get(name);
  if (!bytes) return void response.writeHead(404).end();
  send(request, response, bytes, kind === 'manifests' ? manifestType : 'application/octet-stream');
}).listen(Number(port), '127.0.0.1');
