import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../lib/fake/until.ts';
import { openKubeconfig } from './credentials.ts';
import { readKubeconfig } from './kubeconfig.ts';

const PEM = (what: string) => `-----BEGIN ${what}-----\nAAAA\n-----END ${what}-----\n`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

let directory: string;
let open: Disposable[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  open = [];
});
afterEach(() => {
  for (const each of open) each[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, text: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const config = (user: string, cluster = 'server: https://10.0.0.1:6443') => `apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster: {${cluster}}
users:
- name: u
  user: {${user}}
`;
const source = async (text: string) => {
  const opened = await openKubeconfig(write('kubeconfig', text));
  open.push(opened);
  return opened;
};
test('certificates as data or files, relative to the kubeconfig', async () => {
  write('client.pem', PEM('CERTIFICATE') + PEM('PRIVATE KEY'));
  const cluster = `server: https://h:1, certificate-authority-data: ${base64(PEM('CERTIFICATE'))}, tls-server-name: api`;
  const { current } = await source(config('client-certificate: client.pem, client-key: client.pem', cluster)).then(
    (s) => ({ current: s.current() }),
  );
  expect(current).toEqual({
    server: 'https://h:1',
    ca: PEM('CERTIFICATE'),
    cert: PEM('CERTIFICATE') + PEM('PRIVATE KEY'),
    key: PEM('CERTIFICATE') + PEM('PRIVATE KEY'),
    insecureSkipVerify: false,
    tlsServerName: 'api',
  });
});

test('a token, and a token file that is read again on demand', async () => {
  const plain = await source(config('token: t0', 'server: https://h, insecure-skip-tls-verify: true'));
  expect(plain.current().insecureSkipVerify).toBe(true);
  expect(await plain.current().tokenProvider?.()).toBe('t0');
  write('token', 't1\n');
  const { tokenProvider } = (await source(config('tokenFile: token'))).current();
  expect(await tokenProvider?.()).toBe('t1');
  write('token', 't2\n');
  expect(await tokenProvider?.()).toBe('t1');
  const anew = tokenProvider as (refresh: boolean) => Promise<string>;
  expect(await anew(true)).toBe('t2');
  // A file that cannot be read for a moment, as while it is replaced: the last token serves while it is valid.
  rmSync(join(directory, 'token'));
  expect(await anew(true)).toBe('t2');
});

describe('exec plugins', () => {
  const plugin = (body: string) => write('plugin', `#!/bin/sh\n${body}`, 0o700);
  const exec = (more = '') =>
    config(`exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [a1]${more}}`);
  const answer = (status: object) =>
    JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status });

  test('give a token, know the cluster when they ask for it, and run again when it expires', async () => {
    const soon = new Date(Date.now() + 5000).toISOString();
    plugin(
      `echo x >> "${directory}/runs"\nprintf '%s' "$KUBERNETES_EXEC_INFO" > "${directory}/info"\ncat <<END\n${answer({ token: 'T', expirationTimestamp: soon })}\nEND`,
    );
    const opened = await source(exec(', provideClusterInfo: true, interactiveMode: Never'));
    expect(await opened.current().tokenProvider?.()).toBe('T');
    // Within the leeway before its expiry a token is asked for anew.
    expect(readFileSync(join(directory, 'runs'), 'utf8')).toBe('x\nx\n');
    expect(JSON.parse(readFileSync(join(directory, 'info'), 'utf8'))).toEqual({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: { server: 'https://10.0.0.1:6443' } },
    });
  });

  test('give a client certificate', async () => {
    plugin(`cat <<'END'\n${answer({ clientCertificateData: 'C', clientKeyData: 'K' })}\nEND`);
    expect((await source(exec())).current()).toMatchObject({ cert: 'C', key: 'K' });
  });

  test.each([
    ['exit 3', /^The credential plugin .*plugin failed \(3\): $/],
    ['echo no luck >&2; exit 1', /failed \(1\): no luck$/],
    ['echo secret', /did not print an ExecCredential in JSON$/],
    ['echo "{}"', /must print an ExecCredential of client.authentication.k8s.io\/v1$/],
    [`echo '${answer({})}'`, /gave neither a token nor a client certificate$/],
    [`echo '${answer({ clientCertificateData: 'C' })}'`, /gave a client certificate without its key$/],
  ])('%s', async (body, sentence) => {
    plugin(body);
    await expect(source(exec())).rejects.toThrow(sentence);
  });

  test('that are not there', async () => {
    await expect(source(exec(', installHint: get it'))).rejects.toThrow(/plugin was not found. get it$/);
  });
});

describe('refused with file and line', () => {
  test.each([
    ['a: [', /^\S+kubeconfig:1: is not a kubeconfig in YAML or JSON$/],
    ['', /:1: is not a kubeconfig/],
    ['clusters: []', /:1: current-context must name a context$/],
    [
      config('').replace('current-context: here', 'current-context: there'),
      /:3: current-context names "there", which is not among the contexts$/,
    ],
    [config('').replace('user: u}', 'user: x}'), /:6: contexts.context.user names "x", which is not among the users$/],
    [config('', 'server: 10.0.0.1'), /:9: clusters.cluster.server must be a URL such as https:/],
    [
      config('', 'server: https://h, proxy-url: http://p'),
      /:9: clusters.cluster.proxy-url is not supported: the node must reach the API server directly$/,
    ],
    [config('username: a, password: b'), /:12: users.user.username is not supported: basic authentication was removed/],
    [config('auth-provider: {name: gcp}'), /auth-provider is not supported: use exec or tokenFile instead$/],
    [config('client-certificate: gone.pem'), /:12: client-certificate cannot be read: ENOENT/],
    [config(`client-certificate-data: ${base64(PEM('X'))}`), /must have both client-certificate and client-key/],
    [config('client-key-data: c2VjcmV0'), /client-key-data must be a PEM text in base64$/],
    [config('exec: {apiVersion: v1, command: x}'), /exec.apiVersion must be client.authentication.k8s.io\/v1$/],
    [
      config('exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}'),
      /must be Never or IfAvailable/,
    ],
    [
      config('', `server: https://h, insecure-skip-tls-verify: true, certificate-authority-data: ${base64(PEM('X'))}`),
      /cannot both be set$/,
    ],
  ])('%#', async (text, sentence) => {
    await expect(readKubeconfig(write('kubeconfig', text))).rejects.toThrow(sentence);
  });

  test('no file at all has a code of its own', async () => {
    await expect(readKubeconfig(join(directory, 'none'))).rejects.toMatchObject({ code: 'KubeconfigMissing' });
  });

  test('a broken line with a secret is not quoted', async () => {
    await expect(readKubeconfig(write('kubeconfig', 'token: "s3cret'))).rejects.not.toThrow(/s3cret/);
  });
});

describe('reload', () => {
  test('a rotated certificate behind a link, and a changed server', async () => {
    const pair = (n: number) => `${PEM('CERTIFICATE')}${n}\n${PEM('PRIVATE KEY')}`;
    write('client-1.pem', pair(1));
    symlinkSync('client-1.pem', join(directory, 'current.pem'));
    const opened = await source(config('client-certificate: current.pem, client-key: current.pem'));
    const seen: (string | undefined)[] = [];
    opened.onChange(({ cert }) => seen.push(cert));
    write('client-2.pem', pair(2));
    symlinkSync('client-2.pem', join(directory, 'next.pem'));
    renameSync(join(directory, 'next.pem'), join(directory, 'current.pem'));
    await until(() => seen.length === 1);
    expect(seen).toEqual([pair(2)]);
    write('kubeconfig', config('token: t', 'server: https://other'));
    await until(() => opened.current().server === 'https://other');
  });

  test('a broken file keeps what was and is told', async () => {
    const opened = await source(config('token: t'));
    const problems: string[] = [];
    opened.onProblem((error) => problems.push(error.message));
    write('kubeconfig', 'nonsense');
    await until(() => problems.length > 0);
    expect(problems[0]).toMatch(/is not a kubeconfig/);
    expect(opened.current().server).toBe('https://10.0.0.1:6443');
  });
});
