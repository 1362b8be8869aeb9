import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { insideStatus } from './kubelet.ts';
import { startService, waitForService } from './service.ts';
import type { Cluster } from './state.ts';

const port = 5055;
const service = 'token-registry';
const issuer = 'kubelet-ts tests';

/** Passwords by user. */
type Logins = Readonly<Record<string, string>>;

interface TokenServer {
  /** The registry's settings: whose tokens it takes. */
  readonly auth: object;
  setLogins(logins: Logins): void;
}

/** Starts a server that gives tokens for a registry. Its files are in `directory`. */
export async function startTokenServer(cluster: Cluster, directory: string, logins: Logins): Promise<TokenServer> {
  const at = (name: string) => path.join(directory, name);
  const setLogins = (next: Logins) => writeFileSync(at('logins.json'), JSON.stringify(next));
  setLogins(logins);
  if (!existsSync(at('token.crt'))) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('token.key')];
    await run('openssl', ['req', '-x509', '-subj', `/CN=${service}`, '-days', '3650', ...key, '-out', at('token.crt')]);
  }
  const script = path.join(repoRoot, 'hack/images/tokenServer.ts');
  const files = ['token.key', 'token.crt', 'logins.json'].map(at);
  startService(cluster, {
    name: 'token-server',
    argv: [process.execPath, script, String(port), service, issuer, ...files],
    place: 'network',
  });
  await waitForService(cluster, 'token-server', 15_000, async () => {
    return (await insideStatus(cluster, port, '/token')).includes(' 200 ');
  });
  const realm = `http://127.0.0.1:${port}/token`;
  return { auth: { realm, service, issuer, rootcertbundle: at('token.crt') }, setLogins };
}
