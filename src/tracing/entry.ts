// All of tracing that an agent runs, and what a build keeps apart: it is loaded only where tracing is configured.
export { PodSpans } from './podSpans.ts';
export { startTracing } from './provider.ts';
