import type { ContainerAllocateResponseOut } from '../plugins/generated/device/device.ts';
import { deviceProtocol } from '../plugins/protocols/device.ts';

const answerCodec = () => deviceProtocol.message('v1beta1.ContainerAllocateResponse');

/** A plug-in's answer to Allocate for one container, as the checkpoint holds it. */
export function encodeAnswer(response: object): Uint8Array {
  return answerCodec().encode(response);
}

/** An answer of the checkpoint. Throws on bytes that are no answer. */
export function decodeAnswer(bytes: Uint8Array): ContainerAllocateResponseOut {
  return answerCodec().decode(bytes) as ContainerAllocateResponseOut;
}
