import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';

type Port = number | string | undefined;
const HEADER_NAME = /^[-A-Za-z0-9]+$/;

/** Checks the three probes and the hooks of a container. */
export function validateProbes(container: Container, graceSeconds: number, path: FieldPath, findings: Findings): void {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  validateProbe(livenessProbe, path.child('livenessProbe'), findings);
  validateProbe(readinessProbe, path.child('readinessProbe'), findings);
  validateProbe(startupProbe, path.child('startupProbe'), findings);
  for (const [name, probe] of [['livenessProbe', livenessProbe] as const, ['startupProbe', startupProbe] as const]) {
    if (probe?.successThreshold !== undefined && probe.successThreshold > 1) {
      findings.invalid(path.child(name, 'successThreshold'), probe.successThreshold, 'must be 1');
    }
  }
  if (readinessProbe?.terminationGracePeriodSeconds !== undefined) {
    const at = path.child('readinessProbe', 'terminationGracePeriodSeconds');
    findings.invalid(at, readinessProbe.terminationGracePeriodSeconds, 'must not be set for readinessProbes');
  }
  if (lifecycle) validateLifecycle(lifecycle, graceSeconds, path.child('lifecycle'), findings);
}

function validateProbe(probe: Probe | undefined, path: FieldPath, findings: Findings): void {
  if (!probe) return;
  validateHandler(probe, ['exec', 'httpGet', 'tcpSocket', 'grpc'], path, findings);
  const numbers = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const;
  for (const name of numbers) findings.notNegative(path.child(name), probe[name]);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    findings.invalid(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0');
  }
}

function validateLifecycle(lifecycle: Lifecycle, graceSeconds: number, path: FieldPath, findings: Findings): void {
  for (const name of ['postStart', 'preStop'] as const) {
    const hook = lifecycle[name];
    if (!hook) continue;
    validateHandler(hook, ['exec', 'httpGet', 'tcpSocket', 'sleep'], path.child(name), findings);
    const seconds = hook.sleep?.seconds;
    if (seconds !== undefined && (seconds < 0 || seconds > graceSeconds)) {
      const detail = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
      findings.invalid(path.child(name, 'sleep'), seconds, detail);
    }
  }
}

type Handler = Probe & LifecycleHandler;

function validateHandler(
  handler: Handler,
  kinds: readonly (keyof Handler)[],
  path: FieldPath,
  findings: Findings,
): void {
  const given = kinds.filter((kind) => handler[kind] !== undefined);
  if (given.length === 0) findings.required(path, 'must specify a handler type');
  for (const extra of given.slice(1)) findings.forbidden(path.child(extra), 'may not specify more than 1 handler type');
  const [kind] = given;
  if (kind === 'exec' && (handler.exec?.command ?? []).length === 0) findings.required(path.child('exec', 'command'));
  if (kind === 'httpGet') validateHttpGet(handler.httpGet!, path.child('httpGet'), findings);
  if (kind === 'tcpSocket') validatePort(handler.tcpSocket?.port as Port, path.child('tcpSocket', 'port'), findings);
  if (kind === 'grpc') findings.range(path.child('grpc', 'port'), handler.grpc?.port ?? 0, 1, 65535);
}

function validateHttpGet(get: HTTPGetAction, path: FieldPath, findings: Findings): void {
  validatePort(get.port as Port, path.child('port'), findings);
  findings.oneOf(path.child('scheme'), get.scheme, ['HTTP', 'HTTPS']);
  for (const [index, header] of (get.httpHeaders ?? []).entries()) {
    if (HEADER_NAME.test(header.name ?? '')) continue;
    const detail = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name')";
    findings.invalid(path.child('httpHeaders').index(index).child('name'), header.name ?? '', detail);
  }
}

function validatePort(port: Port, path: FieldPath, findings: Findings): void {
  if (typeof port === 'string') findings.invalidAll(path, port, portNameErrors(port));
  else findings.range(path, port ?? 0, 1, 65535);
}

/** Why a text is no name of a port (IANA service name); empty when it is one. */
export function portNameErrors(name: string): string[] {
  const errors: string[] = [];
  if (name.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) errors.push('must contain at least one letter (a-z)');
  if (name.includes('--')) errors.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}
