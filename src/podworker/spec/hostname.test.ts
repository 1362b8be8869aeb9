import type { PodSpec } from '../../types/k8s.ts';
import { podHostname, sandboxHostname } from './hostname.ts';
import { SpecError } from './specError.ts';

const domain = 'cluster.local';
const pod = (spec: Partial<PodSpec>, name = 'web-0') => ({
  metadata: { name, namespace: 'shop', uid: 'u' },
  spec: { containers: [], ...spec },
});

describe('podHostname', () => {
  test.each<[string, Partial<PodSpec>, string, string, string]>([
    ['the name', {}, 'web-0', 'web-0', ''],
    ['spec.hostname', { hostname: 'db' }, 'web-0', 'db', ''],
    ['subdomain', { subdomain: 'svc' }, 'web-0', 'web-0', 'svc.shop.svc.cluster.local'],
    ['both', { hostname: 'db', subdomain: 'svc' }, 'web-0', 'db', 'svc.shop.svc.cluster.local'],
    ['override beats both', { hostnameOverride: 'a.b', hostname: 'db', subdomain: 'svc' }, 'web-0', 'a.b', ''],
    ['63 bytes stay', {}, 'a'.repeat(63), 'a'.repeat(63), ''],
    ['64 bytes are cut', {}, 'a'.repeat(64), 'a'.repeat(63), ''],
    ['the cut leaves no dash or dot', {}, `${'a'.repeat(60)}.-.bbb`, 'a'.repeat(60), ''],
    ['a long override is cut', { hostnameOverride: `${'a'.repeat(62)}.bbb` }, 'x', 'a'.repeat(62), ''],
  ])('%s', (_name, spec, name, hostname, hostDomain) => {
    expect(podHostname(pod(spec, name), domain)).toEqual({ hostname, domain: hostDomain });
  });

  test.each<[Partial<PodSpec>, string]>([
    [{ hostname: 'a.b' }, 'pod Hostname "a.b" is not a valid DNS label: must not contain dots'],
    [
      { hostname: 'A' },
      'pod Hostname "A" is not a valid DNS label: a lowercase RFC 1123 label must consist of lower case alphanumeric ' +
        "characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', " +
        "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
    [
      { subdomain: 'a'.repeat(64) },
      `pod Subdomain "${'a'.repeat(64)}" is not a valid DNS label: must be no more than 63 characters`,
    ],
    [
      { hostnameOverride: '-x' },
      'pod HostnameOverride "-x" is not a valid DNS subdomain: a lowercase RFC 1123 subdomain must consist of lower case ' +
        "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', " +
        "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ])('%j is refused', (spec, message) => {
    expect(() => podHostname(pod(spec), domain)).toThrow(new SpecError(message));
  });
});

describe('sandboxHostname', () => {
  test.each<[string, Partial<PodSpec>, string]>([
    ['short by default', { subdomain: 'svc' }, 'web-0'],
    ['qualified', { subdomain: 'svc', setHostnameAsFQDN: true }, 'web-0.svc.shop.svc.cluster.local'],
    ['nothing to qualify with', { setHostnameAsFQDN: true }, 'web-0'],
    ['the override is never qualified', { hostnameOverride: 'x', subdomain: 'svc', setHostnameAsFQDN: true }, 'x'],
    ['none on the host network', { hostNetwork: true, hostname: 'UPPER IS NOT LOOKED AT' }, ''],
  ])('%s', (_name, spec, wanted) => expect(sandboxHostname(pod(spec), domain)).toBe(wanted));

  test('64 bytes are allowed and 65 are not', () => {
    const rest = '.svc.shop.svc.cluster.local'.length;
    const spec = { subdomain: 'svc', setHostnameAsFQDN: true };
    expect(sandboxHostname(pod(spec, 'a'.repeat(64 - rest)), domain)).toHaveLength(64);
    const fqdn = `${'a'.repeat(65 - rest)}.svc.shop.svc.cluster.local`;
    expect(() => sandboxHostname(pod(spec, 'a'.repeat(65 - rest)), domain)).toThrow(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long ` +
        '(64 characters is the max, 65 characters requested)',
    );
  });
});
