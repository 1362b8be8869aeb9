import { isExtendedResource } from '../k8s/extendedResource.ts';
import type { PluginHandler } from '../plugins/handler.ts';
import type { DeviceEndpoints } from './endpoints.ts';
import { DEVICE_API_VERSION, invalidName } from './registrationServer.ts';

/** Device plug-ins that register through plugins_registry: type `DevicePlugin`, the resource as name. */
export function devicePluginHandler(endpoints: DeviceEndpoints): PluginHandler {
  return {
    validate({ name, versions }) {
      if (!versions.includes(DEVICE_API_VERSION))
        throw new Error(
          `manager version, ${DEVICE_API_VERSION}, is not among plugin supported versions [${versions.join(' ')}]`,
        );
      if (!isExtendedResource(name)) throw new Error(`invalid name of device plugin socket: ${invalidName(name)}`);
    },
    register: ({ name, endpoint }, signal) => endpoints.connect(name, endpoint, signal),
    deregister: ({ name, endpoint }) => endpoints.disconnect(name, endpoint),
  };
}
