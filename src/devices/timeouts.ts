/** How long each step may take, in milliseconds. */
export interface DeviceTimeouts {
  /** kubelet's. */
  readonly connectMs: number;
  readonly optionsMs: number;
  /** Go's kubelet waits for ever. */
  readonly allocateMs: number;
  /** kubelet's. */
  readonly preStartMs: number;
}

/** What the steps are given, unless a test says otherwise. */
export const DEVICE_TIMEOUTS: DeviceTimeouts = {
  connectMs: 10_000,
  optionsMs: 10_000,
  allocateMs: 45_000,
  preStartMs: 30_000,
};
