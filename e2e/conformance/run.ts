// npm run conformance: runs specs of Kubernetes' suites against a kubelet and keeps their results.
import { main } from '../../hack/lib/log.ts';
import { conformance } from './conformance.ts';
import { conformanceOptions } from './options.ts';

await main(async () => {
  const summary = await conformance(conformanceOptions(process.argv.slice(2)));
  if (summary.failed > 0 || summary.missing > 0) process.exitCode = 1;
});
