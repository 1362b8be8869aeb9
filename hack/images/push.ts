// node hack/images/push.ts REGISTRY/REPOSITORY:TAG DIRECTORY USER:PASSWORD: pushes a built image to a registry that speaks HTTP.
import { readFileSync } from 'node:fs';
import { blobFile, manifestDigest, manifestType } from './layout.ts';
import { tokenFor } from './registryAccess.ts';

interface Descriptor {
  readonly digest: string;
}

const [target = '', directory = '', login = ''] = process.argv.slice(2);
const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:/]+)$/.exec(target) ?? [];
const base = `http://${host}/v2/${repository}`;
let authorization = `Basic ${Buffer.from(login).toString('base64')}`;

async function send(
  method: string,
  url: string,
  body?: Buffer,
  type = 'application/octet-stream',
  isAgain = false,
): Promise<Response> {
  const headers = { authorization, 'content-type': type };
  const response = await fetch(url, { method, headers, ...(body ? { body: new Uint8Array(body) } : {}) });
  if (response.status === 401 && !isAgain) {
    const token = await tokenFor(response.headers.get('www-authenticate') ?? '', login);
    if (token !== undefined) {
      authorization = `Bearer ${token}`;
      return send(method, url, body, type, true);
    }
  }
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response;
}

async function upload({ digest }: Descriptor): Promise<void> {
  const { headers } = await send('POST', `${base}/blobs/uploads/`);
  const url = new URL(headers.get('location') ?? '', base);
  url.searchParams.set('digest', digest);
  await send('PUT', String(url), readFileSync(blobFile(directory, digest)));
}

const manifest = readFileSync(blobFile(directory, manifestDigest(directory)));
const { config, layers } = JSON.parse(manifest.toString('utf8')) as { config: Descriptor; layers: Descriptor[] };
for (const blob of [config, ...layers]) await upload(blob);
await send('PUT', `${base}/manifests/${tag}`, manifest, manifestType);
