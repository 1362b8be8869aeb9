import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCommand } from './command.ts';
import { PROGRAM_VERSION } from './version.ts';

test('--version prints one line as kubeadm reads it', () => {
  expect(parseCommand(['--version'])).toEqual({ kind: 'print', text: 'Kubernetes v1.36.3' });
});

test('`version` and --version=raw tell the version of the program and that of Kubernetes', () => {
  const { version } = JSON.parse(readFileSync(join(process.cwd(), 'package.json'), 'utf8')) as { version: string };
  expect(PROGRAM_VERSION).toBe(version);
  for (const args of [['version'], ['--version=raw']]) {
    const command = parseCommand(args);
    expect(command).toMatchObject({ kind: 'print', text: expect.stringContaining('v1.36.3') });
    expect(command).toMatchObject({ text: expect.stringContaining(`kubelet-ts ${version}`) });
  }
});

test('`version` takes nothing', () => {
  expect(() => parseCommand(['version', 'x'])).toThrow(/version takes no arguments/);
});
