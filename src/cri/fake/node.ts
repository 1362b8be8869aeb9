// The fake runtime as a whole: version, conditions, configuration.
import type {
  CgroupDriver,
  RuntimeCondition,
  RuntimeConfig,
  RuntimeFeatures,
  RuntimeHandler,
} from '../generated/runtime.ts';
import type { RuntimeHandlers } from './handlers.ts';

/** What Version, Status and RuntimeConfig answer; tests change it as they like. */
export interface FakeNode {
  runtimeName: string;
  runtimeVersion: string;
  runtimeApiVersion: string;
  cgroupDriver: CgroupDriver;
  conditions: Map<string, { status: boolean; reason: string; message: string }>;
  runtimeHandlers: RuntimeHandler[];
  features: RuntimeFeatures;
  info: Record<string, string>;
  /** What the kubelet sent with UpdateRuntimeConfig. */
  received: RuntimeConfig | null;
}

/** A runtime that is ready in all respects. */
export function readyNode(): FakeNode {
  const good = { status: true, reason: '', message: '' };
  return {
    runtimeName: 'fake',
    runtimeVersion: 'v1.0.0',
    runtimeApiVersion: 'v1',
    cgroupDriver: 'CGROUPFS',
    conditions: new Map([
      ['RuntimeReady', { ...good }],
      ['NetworkReady', { ...good }],
    ]),
    runtimeHandlers: [
      { name: '', features: { recursiveReadOnlyMounts: true, userNamespaces: true } },
      { name: 'test-handler', features: { recursiveReadOnlyMounts: true, userNamespaces: true } },
    ],
    features: { supplementalGroupsPolicy: true },
    info: {},
    received: null,
  };
}

/** The RPCs about the runtime itself. */
export function nodeHandlers(node: FakeNode): RuntimeHandlers {
  return {
    Version: () => ({
      version: '0.1.0',
      runtimeName: node.runtimeName,
      runtimeVersion: node.runtimeVersion,
      runtimeApiVersion: node.runtimeApiVersion,
    }),
    Status: ({ verbose }) => ({
      status: { conditions: [...node.conditions].map(([type, c]): RuntimeCondition => ({ type, ...c })) },
      info: verbose ? node.info : {},
      runtimeHandlers: node.runtimeHandlers,
      features: node.features,
    }),
    RuntimeConfig: () => ({ linux: { cgroupDriver: node.cgroupDriver } }),
    UpdateRuntimeConfig({ runtimeConfig }) {
      node.received = runtimeConfig;
      return {};
    },
  };
}
