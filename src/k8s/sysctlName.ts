/**
 * A sysctl's name with dots between its parts: `net/ipv4/conf/eno2.100/x` is `net.ipv4.conf.eno2/100.x`. The first separator tells which
 * form a name has (sysctl.d(5)). Runtimes judge only this form: runc takes `net/…` for a sysctl of no namespace.
 */
export function normalizeSysctl(name = ''): string {
  if (name[name.search(/[./]/)] !== '/') return name;
  return name.replace(/[./]/g, (char) => (char === '.' ? '/' : '.'));
}
