import { createHash } from 'node:crypto';
import { goJson } from '../k8s/goText.ts';
import type { RegistryLogin } from './types.ts';

/**
 * The hash by which kubelet's records know a login again: SHA-256 of the JSON that Go makes of its docker AuthConfig, in hex. Both kubelets
 * must agree on it, or every private image is asked for anew when a node goes from one to the other.
 */
export function credentialHash({ username, password, email }: RegistryLogin): string {
  const config = { ...(username && { username }), ...(password && { password }), ...(email && { email }) };
  return createHash('sha256').update(goJson(config)).digest('hex');
}
