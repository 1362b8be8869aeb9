import type { Route } from '../http/route.ts';
import { attach } from './attach.ts';
import { checkpoint } from './checkpoint.ts';
import { configz } from './configz.ts';
import { containerLogs } from './containerLogs.ts';
import { debugFlags } from './debugFlags.ts';
import { debugPods } from './debugPods.ts';
import { exec } from './exec.ts';
import { flagz } from './flagz.ts';
import { healthz } from './healthz.ts';
import { cadvisorMetrics, metrics, probeMetrics, resourceMetrics, sliMetrics } from './metrics.ts';
import { pods } from './pods.ts';
import { portForward } from './portForward.ts';
import { pprof } from './pprof.ts';
import { run } from './run.ts';
import { runningPods } from './runningPods.ts';
import { statsSummary } from './statsSummary.ts';
import { statusz } from './statusz.ts';
import { systemLogs } from './systemLogs.ts';

/** Every endpoint of the server. The first whose path matches answers. */
const routeNames = [
  'healthz',
  'pods',
  'statsSummary',
  'metrics',
  'probeMetrics',
  'resourceMetrics',
  'cadvisorMetrics',
  'sliMetrics',
  'containerLogs',
  'exec',
  'attach',
  'portForward',
  'run',
  'runningPods',
  'configz',
  'checkpoint',
  'systemLogs',
  'debugFlags',
  'debugPods',
  'pprof',
  'flagz',
  'statusz',
] as const;
export type RouteName = (typeof routeNames)[number];

export const routes: Readonly<Record<RouteName, Route>> = {
  healthz,
  pods,
  statsSummary,
  metrics,
  probeMetrics,
  resourceMetrics,
  cadvisorMetrics,
  sliMetrics,
  containerLogs,
  exec,
  attach,
  portForward,
  run,
  runningPods,
  configz,
  checkpoint,
  systemLogs,
  debugFlags,
  debugPods,
  pprof,
  flagz,
  statusz,
};
