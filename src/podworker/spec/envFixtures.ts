import type { Container, Pod } from '../../types/k8s.ts';
import { resolveEnv } from './env.ts';
import type { EnvLookups } from './envTypes.ts';
import { LOOKUPS, testContainer, testPod } from './fixtures.ts';

// What the tests of environments share: a Pod, and a world with a ConfigMap `cm`, a Secret `sec`, both named `gone` absent.

/** A Secret's value. */
export const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
/** The world. */
export const lookups: EnvLookups = {
  ...LOOKUPS,
  configMaps: new Map([
    ['cm', { state: 'found', object: { data: { KEY: 'value', '1-bad key': 'kept' } } }],
    ['gone', { state: 'notFound' }],
    ['denied', { state: 'failed', message: 'no relationship found' }],
  ]),
  secrets: new Map([
    ['sec', { state: 'found', object: { data: { PASS: base64('s3cret'), REF: base64('$(PASS)') } } }],
    ['gone', { state: 'notFound' }],
  ]),
};
/** A scheduled Pod with a label and an annotation. */
export const pod: Pod = testPod(
  { nodeName: 'node-1', serviceAccountName: 'sa' },
  { labels: { app: 'x' }, annotations: { 'a.b/C': 'y' } },
);
/** resolveEnv of a container with these fields. */
export const resolve = (container: Partial<Container>, look: EnvLookups = lookups, p: Pod = pod) =>
  resolveEnv(p, testContainer(container), look);
/** Its variables; fails when there are problems. */
export const values = (container: Partial<Container>, look?: EnvLookups, p?: Pod) => {
  const result = resolve(container, look, p);
  if ('missing' in result) throw new Error(result.missing[0].message);
  return Object.fromEntries(result.env.map(({ name, value }) => [name, value]));
};
/** Its problems. */
export const problems = (container: Partial<Container>, look?: EnvLookups, p?: Pod) => {
  const result = resolve(container, look, p);
  return 'missing' in result ? result.missing : [];
};
