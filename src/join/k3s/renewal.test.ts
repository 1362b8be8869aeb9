import { TestAuthority } from '../../api/fake/certificates.ts';
import { keyText, newKey, readPair } from '../../config/certificates/keyPair.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { type CertificateUse, keyRequest } from './nodeCertificate.ts';
import { Renewal } from './renewal.ts';

const DAY = 86_400_000;

/** A server that issues for `days`, under a clock of the test's. */
async function world(days: number) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const authority = new TestAuthority();
  const key = await newKey();
  const issue = () =>
    readPair(authority.certifyAs(keyRequest(key), 'edge', [], days * 86_400, clock.now().wall), keyText(key), 'test');
  const issued: { use: CertificateUse; at: number }[] = [];
  let refuse = false;
  const away = (is: boolean) => {
    refuse = is;
  };
  let valid = { serving: issue(), client: issue() };
  const renewal = new Renewal({
    pairs: valid,
    request: async (use) => {
      if (refuse) throw new Error('the server is away');
      const pair = issue();
      issued.push({ use, at: clock.now().wall });
      valid = { ...valid, [use]: pair };
      return pair;
    },
    clock,
    log: silentLogger,
    random: () => 0.5,
  });
  return { clock, issued, renewal, valid: () => valid, away };
}

test('over three years of k3s’ certificates, and a year of short ones, none expires', async () => {
  for (const [days, years] of [
    [365, 3],
    [14, 1],
  ] as const) {
    const w = await world(days);
    w.renewal.start();
    for (let day = 0; day < 365 * years; day++) {
      await w.clock.advanceAsync(DAY);
      for (const pair of Object.values(w.valid())) expect(pair.notAfter).toBeGreaterThan(w.clock.now().wall);
    }
    const each = w.issued.filter(({ use }) => use === 'client').length;
    // At 80 % of a life, as random says.
    expect(each).toBe(Math.floor((365 * years) / (days * 0.8)));
    expect(w.issued.length).toBe(2 * each);
    w.renewal[Symbol.dispose]();
    await until(() => w.clock.pending === 0);
  }
});

test('while the server is away it is asked with growing pauses, and at once succeeds when it is back', async () => {
  const w = await world(10);
  w.away(true);
  w.renewal.start();
  await w.clock.advanceAsync(9 * DAY);
  expect(w.issued).toEqual([]);
  expect(w.clock.nextIn).toBeLessThanOrEqual(900_000);
  w.away(false);
  await w.clock.advanceAsync(900_000);
  expect(w.issued.map(({ use }) => use).sort()).toEqual(['client', 'serving']);
  w.renewal[Symbol.dispose]();
});

test('a clock that is set right after the start is followed within six hours', async () => {
  const w = await world(100);
  w.renewal.start();
  await w.clock.advanceAsync(1000);
  w.clock.jumpWall(95 * DAY);
  await w.clock.advanceAsync(6 * 3_600_000);
  expect(w.issued).toHaveLength(2);
  w.renewal[Symbol.dispose]();
});

test('certificates that are due when they come make no busy loop', async () => {
  const w = await world(0);
  w.renewal.start();
  await w.clock.advanceAsync(60_000);
  expect(w.issued.length).toBeLessThan(20);
  w.renewal[Symbol.dispose]();
});
