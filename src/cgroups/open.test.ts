import { status } from '@grpc/grpc-js';
import { CriError } from '../cri/error.ts';
import { Metrics } from '../k8s/metrics/metrics.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { driverOf } from './open.ts';

const failure = (grpcCode: number) => new CriError('RuntimeConfig', { code: grpcCode, details: 'the runtime said no' });
const systemd = { linux: { cgroupDriver: 'SYSTEMD' as const } };

function ask(...answers: (Error | object)[]) {
  const clock = new ManualClock();
  let asked = 0;
  const cri = {
    async runtimeConfig() {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer as never;
    },
  };
  const metrics = new Metrics();
  const driver = driverOf(cri, { cgroupDriver: 'cgroupfs' }, { clock, log: silentLogger, metrics });
  return { clock, driver, metrics, asked: () => asked };
}

test('the runtime’s driver wins over the configured one', async () => {
  expect(await ask(systemd).driver).toBe('systemd');
});

test('a runtime that cannot say, and one that says nothing of Linux, leave the configured one', async () => {
  expect(await ask(failure(status.UNIMPLEMENTED)).driver).toBe('cgroupfs');
  expect(await ask({}).driver).toBe('cgroupfs');
});

test('a runtime that cannot say is told of in the metrics, one that can is not', async () => {
  const shown = async ({ driver, metrics }: ReturnType<typeof ask>) => {
    await driver;
    return (await metrics.text()).includes('kubelet_cri_losing_support{version="1.37.0"} 1');
  };
  expect(await shown(ask(failure(status.UNIMPLEMENTED)))).toBe(true);
  expect(await shown(ask(systemd))).toBe(false);
});

test('a runtime that is not up yet is asked again, and never guessed', async () => {
  const { clock, driver, asked } = ask(failure(status.UNAVAILABLE), failure(status.DEADLINE_EXCEEDED), systemd);
  await until(() => asked() === 1 && clock.pending === 1);
  clock.advance(2_000);
  await until(() => asked() === 2 && clock.pending === 1);
  clock.advance(2_000);
  expect(await driver).toBe('systemd');
});
