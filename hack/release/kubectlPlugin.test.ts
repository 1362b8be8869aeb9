import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { krewManifest } from './kubectlPlugin.ts';

const script = path.join(process.cwd(), 'packaging/kubectl/kubectl-why');

/** Stands in for kubectl: writes down its arguments and answers as the cluster of these tests would. */
const kubectl = `#!/bin/sh
for each; do printf '%s|' "$each" >> "$CALLS"; done; echo >> "$CALLS"
case "$*" in
  *'config view'*) printf team ;;
  *'get nodes'*) printf 'ours\\ntheirs\\n' ;;
  *'get pod unscheduled'*) ;;
  *'get pod missing'*) echo 'Error from server (NotFound): pods "missing" not found' >&2; exit 1 ;;
  *'get pod elsewhere'*) printf theirs ;;
  *'get pod secret'*) printf locked ;;
  *'get pod'*) printf ours ;;
  *nodes/theirs/*) echo 'Error from server (NotFound): the server could not find the requested resource' >&2; exit 1 ;;
  *nodes/locked/*) echo 'Error from server (Forbidden): nodes "locked" is forbidden' >&2; exit 1 ;;
  *get*--raw*) echo 'Pod waits for its image' ;;
esac
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'kubectl-why-'));
  writeFileSync(path.join(dir, 'kubectl'), kubectl);
  chmodSync(path.join(dir, 'kubectl'), 0o755);
  copyFileSync(script, path.join(dir, 'kubectl-why'));
  symlinkSync('kubectl-why', path.join(dir, 'kubectl-timeline'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function plugin(verb: 'why' | 'timeline', ...args: string[]) {
  const calls = path.join(dir, 'calls');
  writeFileSync(calls, '');
  const env = { ...process.env, PATH: `${dir}:${process.env.PATH}`, CALLS: calls };
  const { status, stdout, stderr } = spawnSync(path.join(dir, `kubectl-${verb}`), args, { env, encoding: 'utf8' });
  return { status, stdout, stderr, calls: readFileSync(calls, 'utf8').trim().split('\n') };
}
const raw = (p: string) => `get|--raw|/api/v1/nodes/ours/proxy/debug/pods/${p}|`;

test('is a script that sh can read', () => {
  execFileSync('sh', ['-n', script]);
});

test.each([
  [['web'], 'team/web/why'],
  [['pod/web'], 'team/web/why'],
  [['-n', 'shop', 'web'], 'shop/web/why'],
  [['--namespace=shop', 'web'], 'shop/web/why'],
  [['shop/web', '-o', 'json'], 'shop/web/why?output=json'],
])('kubectl why %j asks the Pod’s node for %s', (args, asked) => {
  const found = plugin('why', ...args);
  expect([found.status, found.stdout]).toEqual([0, 'Pod waits for its image\n']);
  expect(found.calls.at(-1)).toBe(raw(asked));
});

test('the name that it is called by says what is asked', () => {
  expect(plugin('timeline', 'web').calls.at(-1)).toBe(raw('team/web/timeline'));
});

test('options of kubectl go with every call, as they were typed', () => {
  const { calls } = plugin('why', 'web', '--context', 'a context with * in it', '--as=somebody');
  expect(calls).toHaveLength(3);
  for (const call of calls) expect(call).toMatch(/^--context\|a context with \* in it\|--as=somebody\|/);
});

test('without a Pod every node is asked, and one with another kubelet is named', () => {
  const found = plugin('why');
  expect([found.status, found.stdout]).toEqual([0, 'Node ours\nPod waits for its image\nNode theirs\n']);
  expect(found.stderr).toMatch(/the node theirs does not run kubelet-ts/);
});

test.each([
  [['unscheduled'], /has no node yet, so the scheduler holds it: kubectl describe pod unscheduled -n team/],
  [['missing'], /pods "missing" not found/],
  [['elsewhere'], /the node theirs does not know the Pod team\/elsewhere, or does not run kubelet-ts/],
  [['secret'], /the right to get nodes\/proxy is missing/],
])('what cannot be said is said in one sentence with the next step: %j', (args, sentence) => {
  const { status, stderr, stdout } = plugin('why', ...args);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(sentence);
});

test.each([[['-o', 'yaml', 'web']], [['web', 'db']]])('a wrong command line is exit code 2: %j', (args) => {
  expect(plugin('why', ...args).status).toBe(2);
});

test('krew’s manifest names the archive, its checksum and the command', () => {
  const manifest = parse(krewManifest('why', 'Says why', 'kubectl-why-1.tar.gz', 'abc'));
  expect(manifest).toMatchObject({ kind: 'Plugin', metadata: { name: 'why' }, spec: { shortDescription: 'Says why' } });
  expect(manifest.spec.platforms).toHaveLength(2);
  expect(manifest.spec.platforms[0]).toMatchObject({ sha256: 'abc', bin: 'kubectl-why' });
});
