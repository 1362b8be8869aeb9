import type { CDIDevice, Device } from '../../cri/generated/runtime.ts';
import type { DeviceSettings } from '../../devices/rules/runOptions.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { Container } from '../../types/k8s.ts';
import type { MappedDevice } from './context.ts';
import { SpecError } from './specError.ts';

/** A container's devices: those allocated to it, then its block volumes. Throws when a block volume is not there. */
export function containerDevices(
  container: Container,
  allocation: DeviceSettings | null,
  blockDevices: ReadonlyMap<string, MappedDevice>,
): Device[] {
  const devices: Device[] = (allocation?.devices ?? []).map((device) => ({ ...device }));
  for (const { name, devicePath } of container.volumeDevices ?? []) {
    if (!devicePath.startsWith('/')) {
      throw new SpecError(`error DevicePath \`${devicePath}\` must be an absolute path`);
    }
    const device = blockDevices.get(name);
    if (!device) {
      throw new SpecError(`cannot find volume ${goQuote(name)} to pass into container ${goQuote(container.name)}`);
    }
    if (device.hostPath === null) continue;
    devices.push({
      hostPath: device.hostPath,
      containerPath: devicePath,
      permissions: device.readOnly ? 'r' : 'mrw',
    });
  }
  return devices;
}

/** The names of the devices that the runtime itself looks up (Container Device Interface). */
export function cdiDevices(allocation: DeviceSettings | null): CDIDevice[] {
  return (allocation?.cdiDevices ?? []).map((name) => ({ name }));
}
