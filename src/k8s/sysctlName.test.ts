import { normalizeSysctl } from './sysctlName.ts';

test.each([
  ['', ''],
  ['kernel', 'kernel'],
  ['kernel.msgmax', 'kernel.msgmax'],
  ['kernel/msgmax', 'kernel.msgmax'],
  ['net/ipv4/ip_local_port_range', 'net.ipv4.ip_local_port_range'],
  ['net/ipv4/conf/eno2.100/rp_filter', 'net.ipv4.conf.eno2/100.rp_filter'],
  ['net.ipv4.conf.eno2/100.rp_filter', 'net.ipv4.conf.eno2/100.rp_filter'],
])('the first separator decides the form of a name: %j is %j', (name, dotted) => {
  expect(normalizeSysctl(name)).toBe(dotted);
});
