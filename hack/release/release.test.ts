import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { control } from './deb.ts';
import { asKubeletService } from './payload.ts';

const unit = readFileSync(path.join(process.cwd(), 'packaging/kubelet-ts.service'), 'utf8');

test('a release has the unit under the name kubelet.service, which can be enabled because it is no alias', () => {
  const changed = asKubeletService(unit);
  expect(changed).not.toContain('Alias=');
  expect(changed).toMatch(/\[Install\]\nWantedBy=multi-user\.target\n$/);
  expect(changed.split('[Install]')[0]).toBe(unit.split('[Install]')[0]);
});

test('a unit that has changed otherwise is refused rather than shipped with its alias', () => {
  expect(() => asKubeletService(unit.replace('Alias=', 'Also='))).toThrow(/another \[Install\] section/);
});

test('the package stands in for the package kubelet in the version that kubeadm looks for', () => {
  expect(control(1)).toContain('\nProvides: kubelet (= 1.36.3)\nConflicts: kubelet\nReplaces: kubelet\n');
});

test('the install script is a script that sh can read, and refuses words that it does not know', () => {
  const script = path.join(process.cwd(), 'packaging/install.sh');
  execFileSync('sh', ['-n', script]);
  expect(() => execFileSync('sh', [script, 'instal'], { stdio: 'pipe' })).toThrow(/what is "instal"/);
});
