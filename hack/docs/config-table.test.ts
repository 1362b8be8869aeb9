import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FLAGS } from '../../src/config/flagTable.ts';
import { FIELDS } from '../../src/config/kubeletConfiguration.ts';
import { generateShapes } from '../manifests/shapes.ts';
import { swaggerPath } from '../types/generate.ts';
import { configurationPage } from './config-table.ts';

// Kubernetes' own source comes with a Go module; a checkout without it cannot compare.
const KUBERNETES = join(dirname(swaggerPath()), '../..');
const KUBELET_API = join(KUBERNETES, '../kubelet@v0.36.3/config/v1beta1/types.go');
const whenPresent = existsSync(KUBELET_API) && existsSync(swaggerPath()) ? test : test.skip;

test('docs/generated/configuration.md is what the tables give', () => {
  const page = readFileSync(join(process.cwd(), 'docs/generated/configuration.md'), 'utf8');
  expect(page).toBe(configurationPage());
});

whenPresent('every field of KubeletConfiguration v1beta1 is in the table, and nothing else', () => {
  const source = readFileSync(KUBELET_API, 'utf8');
  const body = /^type KubeletConfiguration struct \{(.*?)^\}/ms.exec(source)?.[1] ?? '';
  const names = [...body.matchAll(/^\t\w+ .*`json:"(\w+)/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(100);
  expect(Object.keys(FIELDS).sort()).toEqual(names.sort());
});

whenPresent('every flag of kubelet is in the table, and nothing else but our own', () => {
  const options = readFileSync(join(KUBERNETES, 'cmd/kubelet/app/options/options.go'), 'utf8');
  const globals = readFileSync(join(KUBERNETES, 'cmd/kubelet/app/options/globalflags_linux.go'), 'utf8');
  const logs = readFileSync(join(KUBERNETES, '../component-base@v0.36.3/logs/api/v1/options.go'), 'utf8');
  const direct = [...options.matchAll(/fs\.\w*Var\(.*?, "([a-z][a-z0-9-]*)",/g)].map(([, name]) => name!);
  const cadvisor = [...globals.matchAll(/register(?:Deprecated)?\(global, local, "([^"]+)"/g)].map(([, name]) =>
    name!.replaceAll('_', '-'),
  );
  const logging = [...logs.matchAll(/fs\.\w*Var\w*\(.*?, "([a-z][a-z-]*)", /g)].map(([, name]) => name!);
  const wanted = new Set([...direct, ...cadvisor, ...logging, 'log-flush-frequency', 'v']);
  expect(wanted.size).toBeGreaterThan(140);
  const ours = [...FLAGS.keys()].filter((name) => !name.startsWith('ts-'));
  expect(ours.sort()).toEqual([...wanted].sort());
});

whenPresent('the shapes of manifests are what the pinned OpenAPI file gives', () => {
  const file = join(process.cwd(), 'src/api/manifests/generated/shapes.ts');
  expect(readFileSync(file, 'utf8')).toBe(generateShapes(readFileSync(swaggerPath(), 'utf8')));
});
