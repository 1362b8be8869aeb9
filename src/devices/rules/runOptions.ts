import type { Mount } from '../../cri/generated/runtime.ts';
import type { ContainerAllocateResponseOut } from '../../plugins/generated/device/device.ts';

/** What a container gets of its device plug-ins and resource drivers (DRA): more for its request to the runtime. */
export interface DeviceSettings {
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly permissions: string;
  }[];
  readonly cdiDevices: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** One plug-in's answer for a container. */
export interface AllocateAnswer {
  readonly resource: string;
  readonly response: ContainerAllocateResponseOut;
}

/** The settings, and what plug-ins disagree on, a sentence each (without values: they may be secrets). */
export interface CombinedSettings {
  readonly settings: DeviceSettings;
  readonly conflicts: readonly string[];
}

/** Puts the answers of several plug-ins together: the first that names a variable, path, annotation or CDI device is heard. */
export function combineSettings(answers: readonly AllocateAnswer[]): CombinedSettings {
  const conflicts: string[] = [];
  const seen = new Map<string, string>();
  /** Whether this is the first of its name. */
  const isNew = (what: string, name: string, value: string, resource: string): boolean => {
    const key = `${what} ${name}`;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, value);
    else if (before !== value) conflicts.push(`${what} "${name}" of ${resource} conflicts with another plug-in's`);
    return before === undefined;
  };
  const env: { name: string; value: string }[] = [];
  const mounts: Mount[] = [];
  const devices: { hostPath: string; containerPath: string; permissions: string }[] = [];
  const annotations: Record<string, string> = {};
  const cdiDevices: string[] = [];
  for (const { resource, response } of answers) {
    for (const [name, value] of Object.entries(response.envs))
      if (isNew('variable', name, value, resource)) env.push({ name, value });
    for (const { hostPath, containerPath, permissions } of response.devices)
      if (isNew('device', containerPath, hostPath, resource)) devices.push({ hostPath, containerPath, permissions });
    for (const { hostPath, containerPath, readOnly } of response.mounts)
      if (isNew('mount', containerPath, hostPath, resource))
        mounts.push({ hostPath, containerPath, readonly: readOnly, propagation: 'PROPAGATION_PRIVATE' });
    for (const [name, value] of Object.entries(response.annotations))
      if (isNew('annotation', name, value, resource)) annotations[name] = value;
    for (const { name } of response.cdiDevices) if (isNew('CDI device', name, '', resource)) cdiDevices.push(name);
  }
  return { settings: { env, mounts, devices, cdiDevices, annotations }, conflicts };
}
