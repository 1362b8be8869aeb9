import { Protocol } from '../../rpc/protocol.ts';
import type { RegistrationMethods } from '../generated/registration/registration.ts';
import schema from '../generated/registration/schema.json' with { type: 'json' };

/** The services of pluginregistration v1. */
export interface RegistrationServices {
  'pluginregistration.Registration': RegistrationMethods;
}

/** How plug-ins make themselves known (pluginregistration v1): each serves this on a socket in plugins_registry. */
export const registrationProtocol = new Protocol<RegistrationServices>(schema);
