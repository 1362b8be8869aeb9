// Which form of the drivers' API is spoken with a plug-in.
import { goQuote } from '../../k8s/goText.ts';

/** Of the DRA plug-in API, as plug-ins name them when they register. */
const DRA_SERVICES = ['v1.DRAPlugin', 'v1beta1.DRAPlugin'] as const;
export type DraService = (typeof DRA_SERVICES)[number];

/** The first one of the plug-in's list that kubelet knows. Throws in kubelet's words when there is none. */
export function chooseService(driver: string, endpoint: string, offered: readonly string[]): DraService {
  const what = `invalid supported gRPC versions of DRA driver plugin ${driver} at endpoint ${endpoint}`;
  if (offered.length === 0) throw new Error(`${what}: empty list of supported gRPC services (aka supported versions)`);
  const chosen = offered.find((one): one is DraService => (DRA_SERVICES as readonly string[]).includes(one));
  if (chosen) return chosen;
  const quoted = (list: readonly string[]) => `[${list.map(goQuote).join(' ')}]`;
  throw new Error(
    `${what}: none of services supported by the plugin (${quoted(offered)}) are supported by the kubelet (${quoted(DRA_SERVICES)})`,
  );
}
