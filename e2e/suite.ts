import { deployments } from './cluster/deployments.ts';
import { endings } from './cluster/endings.ts';
import { events } from './cluster/events.ts';
import { inputs } from './cluster/inputs.ts';
import { network } from './cluster/network.ts';
import { order } from './cluster/order.ts';
import { resources } from './cluster/resources.ts';
import { staticPods } from './cluster/staticPods.ts';
import { timeline } from './cluster/timeline.ts';
import { agentKilled } from './faults/agentKilled.ts';
import { apiAway } from './faults/apiAway.ts';
import { runtimeAway } from './faults/runtimeAway.ts';
import type { Group } from './lib/test.ts';
import { ending } from './waits/ending.ts';
import { starting } from './waits/starting.ts';

/** All groups of tests. */
export const groups: readonly Group[] = [
  deployments,
  endings,
  order,
  inputs,
  resources,
  network,
  staticPods,
  events,
  timeline,
  starting,
  ending,
  agentKilled,
  apiAway,
  runtimeAway,
];
