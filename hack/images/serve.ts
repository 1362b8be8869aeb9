// node hack/images/serve.ts PORT FILE: a read-only image registry on 127.0.0.1 that serves built images straight from the
// cache. FILE holds a JSON list of BuiltImage; it is read again when it changes. Nothing is pushed, so nothing is lost.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { BuiltImage } from './ensure.ts';
import { blobFile, manifestDigest, manifestType } from './layout.ts';

const [port = '', file = ''] = process.argv.slice(2);
let images: BuiltImage[] = [];
let readAt = 0;

function reload(): void {
  const changed = statSync(file).mtimeMs;
  if (changed === readAt) return;
  images = JSON.parse(readFileSync(file, 'utf8')) as BuiltImage[];
  readAt = changed;
}

function findManifest(
  host: string,
  repository: string,
  reference: string,
): { digest: string; path: string } | undefined {
  const wanted = `${host}/${repository}:${reference}`;
  for (const { refs, directory } of images) {
    const digest = manifestDigest(directory);
    const sameRepository = refs.some((ref) => ref.slice(0, ref.lastIndexOf(':')) === `${host}/${repository}`);
    if (refs.includes(wanted) || (sameRepository && digest === reference)) {
      return { digest, path: blobFile(directory, digest) };
    }
  }
  return undefined;
}

function findBlob(digest: string): { digest: string; path: string } | undefined {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  const paths = images.map(({ directory }) => blobFile(directory, digest));
  const found = paths.find((path) => existsSync(path));
  return found === undefined ? undefined : { digest, path: found };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  reload();
  const url = new URL(request.url ?? '/', 'http://registry');
  // A mirror is asked for another host's image with that host's name in the query.
  const host = url.searchParams.get('ns') ?? request.headers.host ?? '';
  const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname);
  if (url.pathname === '/v2/') {
    response.writeHead(200).end();
    return;
  }
  const [, repository = '', kind = '', reference = ''] = match ?? [];
  const found = kind === 'manifests' ? findManifest(host, repository, reference) : findBlob(reference);
  if (!found || !['GET', 'HEAD'].includes(request.method ?? '')) {
    const code = kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN';
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ errors: [{ code, message: `${host}/${repository} ${reference} is not served here` }] }),
    );
    return;
  }
  response.writeHead(200, {
    'content-type': kind === 'manifests' ? manifestType : 'application/octet-stream',
    'content-length': statSync(found.path).size,
    'docker-content-digest': found.digest,
  });
  if (request.method === 'HEAD') response.end();
  else createReadStream(found.path).pipe(response);
}

createServer((request, response) => {
  try {
    answer(request, response);
    console.log(`${request.method} ${request.url} ${response.statusCode}`);
  } catch (error) {
    console.error(`${request.method} ${request.url}:`, error);
    response.destroy();
  }
}).listen(Number(port), '127.0.0.1');
