import { Protocol } from '../../rpc/protocol.ts';
import type { DevicePluginMethods, RegistrationMethods } from '../generated/device/device.ts';
import schema from '../generated/device/schema.json' with { type: 'json' };

/** Device plug-ins (v1beta1), and the service that kubelet offers them on its own socket. */
export const deviceProtocol = new Protocol<{
  'v1beta1.DevicePlugin': DevicePluginMethods;
  'v1beta1.Registration': RegistrationMethods;
}>(schema);
