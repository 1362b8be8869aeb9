// The kubelet's server as clients of the cluster meet it; the long parts are in server.e2e.ts.
import { group, type TestContext, test } from '../lib/test.ts';
import { Checks } from './checks.ts';
import { type Part, parts } from './server/parts.ts';

async function play(part: Part, t: TestContext): Promise<void> {
  const checks = new Checks({ quiet: true });
  const stage = { cluster: t.lab.cluster, namespace: t.namespace, checks, full: false };
  await part.play(stage);
  const { passed, failures } = checks.result();
  t.note(`${passed} checks`);
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

export const server = group(
  'server',
  Object.entries(parts).flatMap(([name, part]) =>
    part.quick ? [test(name, (t) => play(part, t), { weight: 2 })] : [],
  ),
);
