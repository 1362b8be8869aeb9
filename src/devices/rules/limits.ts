// Bounds of what device plug-ins and their clients choose.

/** Resources that are kept; a plug-in of one more is told so. */
export const MAX_RESOURCES = 256;
/** Bytes of a device's id; a device with a longer one is left out and said. */
export const MAX_ID_BYTES = 1024;
/** Devices of one resource; further ones are left out and said. */
export const MAX_DEVICES = 16_384;
/** NUMA nodes that one device may name. */
export const MAX_DEVICE_NODES = 64;
/** Bytes of one message; what Go's client takes. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Fields of one message at all depths: a device of the longest list may have sixteen. */
export const MAX_MESSAGE_PARTS = 16 * MAX_DEVICES;
/** Bytes of what a plug-in answers for one container: it is kept for the life of the Pod, and written down. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
