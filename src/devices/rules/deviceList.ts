import type { DeviceOut } from '../../plugins/generated/device/device.ts';
import type { Device, DeviceList } from './inventory.ts';
import { MAX_DEVICE_NODES, MAX_DEVICES, MAX_ID_BYTES } from './limits.ts';

const HEALTHY = 'Healthy';

/** A plug-in's list of devices as it is used, and what of it is left out, as the end of a sentence. */
export function readDevices(said: readonly DeviceOut[]): { readonly devices: DeviceList; readonly leftOut?: string } {
  const devices = new Map<string, Device>();
  let [long, more] = [0, 0];
  for (const { ID: id, health, topology } of said) {
    if (Buffer.byteLength(id) > MAX_ID_BYTES) long += 1;
    else if (devices.size >= MAX_DEVICES && !devices.has(id)) more += 1;
    else devices.set(id, { id, healthy: health === HEALTHY, nodes: nodesOf(topology?.nodes ?? []) });
  }
  const problems = [
    ...(long > 0 ? [`${long} whose id is longer than ${MAX_ID_BYTES} bytes`] : []),
    ...(more > 0 ? [`${more} of more than ${MAX_DEVICES}`] : []),
  ];
  return { devices, ...(problems.length > 0 && { leftOut: problems.join(', ') }) };
}

function nodesOf(nodes: readonly { readonly ID: string }[]): number[] {
  const numbers = nodes.slice(0, MAX_DEVICE_NODES).map(({ ID }) => Number(ID));
  return [...new Set(numbers.filter((node) => Number.isSafeInteger(node) && node >= 0))];
}
