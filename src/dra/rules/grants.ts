// What containers get of prepared claims.
import type { HeldClaim, PodClaims } from '../../pods/facts.ts';
import type { ClaimDevice } from '../../types/grant.ts';
import type { Container, Pod } from '../../types/k8s.ts';

/** What drivers gave for one claim, driver by driver. */
export type PreparedClaims = ReadonlyMap<string, readonly ClaimDevice[]>;

/** The devices of a claim that answer one of these requests; an empty request stands for all, and so does a device without any. */
export function devicesFor(prepared: PreparedClaims, requests: readonly string[]): readonly ClaimDevice[] {
  return [...prepared.values()]
    .flat()
    .filter(
      ({ requestNames }) =>
        requests.includes('') || requestNames.length === 0 || requests.some((one) => requestNames.includes(one)),
    );
}

/** Each once, in the order of their claims. */
export function cdiIds(devices: readonly ClaimDevice[]): readonly string[] {
  return [...new Set(devices.flatMap(({ cdiDeviceIds }) => cdiDeviceIds))];
}

/** Where a status tells of a device. */
export interface GrantPlace {
  readonly container: string;
  readonly claim: string;
  readonly id: string;
}

/** What the Pod's status says of a device's health. */
export function toldBefore(
  { status }: Pod,
  { container, claim, id }: GrantPlace,
): Pick<HeldDevice, 'health' | 'message'> {
  const told = status?.containerStatuses
    ?.find(({ name }) => name === container)
    ?.allocatedResourcesStatus?.find(({ name }) => name === claim)
    ?.resources?.find(({ resourceID }) => resourceID === id);
  const health = (['Healthy', 'Unhealthy'] as const).find((one) => one === told?.health) ?? 'Unknown';
  return { health, ...(told?.message !== undefined && { message: told.message }) };
}

type HeldDevice = HeldClaim['devices'][number];

/**
 * The claims of the Pod's containers by the names that statuses have for them: `claim:NAME`, or `claim:NAME/REQUEST`. A device is its first CDI
 * device, where it has one. What is not prepared is left out.
 */
export function heldClaims(
  pod: Pod,
  prepared: (claim: string) => PreparedClaims | undefined,
  healthOf: (device: ClaimDevice, place: GrantPlace) => Pick<HeldDevice, 'health' | 'message'>,
): PodClaims {
  const claimName = (name: string) =>
    pod.spec?.resourceClaims?.find((one) => one.name === name)?.resourceClaimName ??
    pod.status?.resourceClaimStatuses?.find((one) => one.name === name)?.resourceClaimName;
  const ofContainer = ({ name: container, resources }: Container): HeldClaim[] =>
    (resources?.claims ?? []).flatMap(({ name, request = '' }) => {
      const found = prepared(claimName(name) ?? '');
      // A reference to an alternative of a request is one to the request.
      const devices = found ? devicesFor(found, [request.split('/')[0]!]) : [];
      if (devices.length === 0) return [];
      const claim = `claim:${name}${request === '' ? '' : `/${request}`}`;
      const byId = new Map<string, HeldDevice>();
      for (const device of devices) {
        const id = device.cdiDeviceIds[0] ?? `${device.driver}/${device.pool}/${device.device}`;
        if (!byId.has(id)) byId.set(id, { id, ...healthOf(device, { container, claim, id }) });
      }
      return [{ name: claim, devices: [...byId.values()] }];
    });
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const held = [...initContainers, ...containers].map((one): [string, HeldClaim[]] => [one.name, ofContainer(one)]);
  return Object.fromEntries(held.filter(([, claims]) => claims.length > 0));
}
