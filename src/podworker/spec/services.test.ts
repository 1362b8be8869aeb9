import type { ServicePort } from '../../types/k8s.ts';
import { serviceVariables } from './services.ts';

const of = (name: string, clusterIP: string, ports: ServicePort[]) =>
  Object.fromEntries(
    serviceVariables([{ metadata: { name, namespace: 'ns' }, spec: { clusterIP, ports } }], 'ns', true),
  );

describe('serviceVariables', () => {
  test('one unnamed port', () => {
    expect(of('foo-bar', '1.2.3.4', [{ port: 8080, protocol: 'TCP' }])).toEqual({
      FOO_BAR_SERVICE_HOST: '1.2.3.4',
      FOO_BAR_SERVICE_PORT: '8080',
      FOO_BAR_PORT: 'tcp://1.2.3.4:8080',
      FOO_BAR_PORT_8080_TCP: 'tcp://1.2.3.4:8080',
      FOO_BAR_PORT_8080_TCP_PROTO: 'tcp',
      FOO_BAR_PORT_8080_TCP_PORT: '8080',
      FOO_BAR_PORT_8080_TCP_ADDR: '1.2.3.4',
    });
  });

  test('named ports; the first one is the default', () => {
    const ports = [
      { name: 'u-d-p', port: 8081, protocol: 'UDP' },
      { name: 't-c-p', port: 8082 },
    ];
    const variables = of('abc-123', '5.6.7.8', ports);
    expect(variables).toMatchObject({
      ABC_123_SERVICE_PORT: '8081',
      ABC_123_SERVICE_PORT_U_D_P: '8081',
      ABC_123_SERVICE_PORT_T_C_P: '8082',
      ABC_123_PORT: 'udp://5.6.7.8:8081',
      ABC_123_PORT_8081_UDP_PROTO: 'udp',
      ABC_123_PORT_8082_TCP: 'tcp://5.6.7.8:8082',
    });
    expect(Object.keys(variables)).toHaveLength(13);
  });

  test('IPv6 has brackets in URLs only', () => {
    expect(of('v6', '2001:DB8::', [{ port: 80 }])).toMatchObject({
      V6_SERVICE_HOST: '2001:DB8::',
      V6_PORT: 'tcp://[2001:DB8::]:80',
      V6_PORT_80_TCP_ADDR: '2001:DB8::',
    });
  });

  test('without an address or ports', () => {
    expect(of('headless', 'None', [{ port: 80 }])).toEqual({});
    expect(of('external', '', [])).toEqual({});
    expect(of('portless', '1.2.3.4', [])).toEqual({ PORTLESS_SERVICE_HOST: '1.2.3.4' });
  });
});
