import { parseCommand } from '../config/command.ts';
import { loadConfiguration } from '../config/load.ts';
import { pullLimits } from './services.ts';

const configOf = (...args: string[]) => {
  const command = parseCommand(['--fail-cgroupv1=false', ...args]);
  if (command.kind !== 'run') throw new Error(`${args.join(' ')} does not run the agent`);
  return loadConfiguration(command.flags).config;
};

test('five images are pulled side by side unless maxParallelImagePulls says otherwise; serializeImagePulls does not count', () => {
  const standard = configOf();
  expect(standard.serializeImagePulls).toBe(true);
  expect(pullLimits(standard)).toEqual({ maxParallel: 5, qps: 5, burst: 10 });
  expect(pullLimits({ ...standard, maxParallelImagePulls: 1 }).maxParallel).toBe(1);
});
