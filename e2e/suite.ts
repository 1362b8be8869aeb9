import { afterwards } from './cluster/afterwards.ts';
import { autoscaling } from './cluster/autoscaling.ts';
import { badInput } from './cluster/badInput.ts';
import { claims } from './cluster/claims.ts';
import { credentialProviders } from './cluster/credentialProviders.ts';
import { csi } from './cluster/csi.ts';
import { deployments } from './cluster/deployments.ts';
import { devices } from './cluster/devices.ts';
import { dra } from './cluster/dra.ts';
import { endings } from './cluster/endings.ts';
import { events } from './cluster/events.ts';
import { explanations } from './cluster/explanations.ts';
import { flexVolumes } from './cluster/flexVolumes.ts';
import { hostilePods } from './cluster/hostilePods.ts';
import { imageGc } from './cluster/imageGc.ts';
import { inputs } from './cluster/inputs.ts';
import { network } from './cluster/network.ts';
import { nodeShutdown } from './cluster/nodeShutdown.ts';
import { oddFileNames } from './cluster/oddNames.ts';
import { oddRegistries } from './cluster/oddRegistries.ts';
import { order } from './cluster/order.ts';
import { pidPressure } from './cluster/pidPressure.ts';
import { pinnedCpus } from './cluster/pinnedCpus.ts';
import { pressure } from './cluster/pressure.ts';
import { privateImages } from './cluster/privateImages.ts';
import { projections } from './cluster/projections.ts';
import { replaced } from './cluster/replaced.ts';
import { resized } from './cluster/resized.ts';
import { resources } from './cluster/resources.ts';
import { server } from './cluster/server.ts';
import { smallDisks } from './cluster/smallDisks.ts';
import { statefulSets } from './cluster/statefulSets.ts';
import { staticPods } from './cluster/staticPods.ts';
import { swapped } from './cluster/swap.ts';
import { timeline } from './cluster/timeline.ts';
import { traces } from './cluster/traces.ts';
import { userNamespaces } from './cluster/userNamespaces.ts';
import { wholePods } from './cluster/wholePods.ts';
import { demo } from './demo/demo.ts';
import { agentKilled } from './faults/agentKilled.ts';
import { apiAway } from './faults/apiAway.ts';
import { orphans } from './faults/orphans.ts';
import { pluginFaults } from './faults/plugins.ts';
import { restarts } from './faults/restarts.ts';
import { runtimeAway } from './faults/runtimeAway.ts';
import { slowRuntime } from './faults/slowRuntime.ts';
import type { Group } from './lib/test.ts';
import { executable } from './standalone/executable.ts';
import { standalone } from './standalone/standalone.ts';
import { ending } from './waits/ending.ts';
import { nodeWaits } from './waits/node.ts';
import { starting } from './waits/starting.ts';

/** All groups of tests. */
export const groups: readonly Group[] = [
  deployments,
  endings,
  oddFileNames,
  order,
  replaced,
  inputs,
  csi,
  resources,
  claims,
  statefulSets,
  flexVolumes,
  resized,
  userNamespaces,
  network,
  server,
  staticPods,
  events,
  timeline,
  explanations,
  starting,
  ending,
  badInput,
  hostilePods,
  standalone,
  executable,
  demo,
  nodeWaits,
  pressure,
  pidPressure,
  smallDisks,
  imageGc,
  nodeShutdown,
  autoscaling,
  traces,
  swapped,
  privateImages,
  projections,
  credentialProviders,
  oddRegistries,
  devices,
  dra,
  pinnedCpus,
  wholePods,
  slowRuntime,
  restarts,
  agentKilled,
  pluginFaults,
  apiAway,
  orphans,
  runtimeAway,
  afterwards,
];
