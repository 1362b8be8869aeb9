import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '../../hack/lib/wait.ts';

const shims = path.join(import.meta.dirname, 'systemd');

describe('the stand-ins for systemd', () => {
  let directory: string;
  const sh = (command: string, ...args: string[]): string =>
    execFileSync(path.join(shims, command), args, {
      encoding: 'utf8',
      stdio: 'pipe',
      env: { PATH: `${shims}:${process.env.PATH}`, SUITE_UNITS: directory, SUITE_CGROUPS: '' },
    });
  const log = (): string => readFileSync(path.join(directory, 'kubelet.log'), 'utf8');
  /** Starts a program that says its arguments when it begins, and when it is asked to end. */
  const run = (unit: string, ...args: string[]): void => {
    const script = 'trap "echo ended; exit" TERM; echo "began $*"; while :; do sleep 0.05; done';
    const properties = ['-p', 'Delegate=true', '-p', `StandardError=append:${directory}/kubelet.log`];
    const flags = [...properties, `--unit=${unit}.service`, '--slice=runtime.slice', '--remain-after-exit'];
    sh('systemd-run', ...flags, 'bash', '-c', script, 'kubelet', ...args);
  };
  const logged = (text: string): Promise<boolean> =>
    waitFor(`the log to be ${text}`, { timeout: 60_000 }, () => log() === text);

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'kubelet-ts-units-'));
  });
  afterEach(() => {
    for (const line of sh('systemctl', 'list-units').split('\n').filter(Boolean))
      sh('systemctl', 'stop', line.split(' ')[0] ?? '');
    rmSync(directory, { recursive: true });
  });

  test('a version that appends to logs is told', () =>
    expect(sh('systemd-run', '--version')).toMatch(/^systemd 2[4-9]\d/));

  test('kill, list, restart, as the suite calls them', async () => {
    run('kubelet-20261130T231100', '--v', '4', 'a b', '100%% $$5');
    await logged('began --v 4 a b 100% $5\n');
    expect(sh('sudo', 'systemctl', 'list-units', '*kubelet*', '--state=running')).toMatch(
      /^kubelet-20261130T231100\.service /,
    );

    sh('systemctl', 'kill', 'kubelet-20261130T231100');
    await logged('began --v 4 a b 100% $5\nended\n');
    expect(sh('systemctl', 'list-units', '*kubelet*')).toContain('kubelet-20261130T231100');
    await waitFor('the unit to be ended', { timeout: 60_000 }, () => {
      return sh('systemctl', 'list-units', '*kubelet*', '--state=running') === '';
    });

    sh('systemctl', 'reset-failed', 'kubelet-20261130T231100');
    sh('systemctl', 'restart', 'kubelet-20261130T231100');
    await logged('began --v 4 a b 100% $5\nended\nbegan --v 4 a b 100% $5\n');
  });

  test('a restart ends the running one first; a further unit ends and replaces the last', async () => {
    run('kubelet-1');
    await logged('began \n');
    sh('systemctl', 'restart', 'kubelet-1.service');
    await logged('began \nended\nbegan \n');
    run('kubelet-2');
    await logged('began \nended\nbegan \nended\nbegan \n');
    expect(sh('systemctl', 'list-units', '*kubelet*').match(/^kubelet-\d/gm)).toEqual(['kubelet-2']);
  });

  test('what it does not know it refuses', () => expect(() => sh('systemctl', 'mask', 'x')).toThrow('systemctl mask'));
});
