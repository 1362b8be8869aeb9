import { setImmediate as nextTurn } from 'node:timers/promises';
import { labelText, prometheusText } from '../prometheusText.ts';
import { cadvisorFamilies } from './families.ts';
import type { CgroupReading } from './reading.ts';

/** /metrics/cadvisor, a metric at a time: between two of them others get their turn. */
export async function* cadvisorText(readings: readonly CgroupReading[]): AsyncGenerator<string> {
  const named = readings.map((reading) => ({ reading, own: ownLabels(reading) }));
  for (const { name, help, type, timeless, values } of cadvisorFamilies) {
    const samples = named.flatMap(({ reading, own }) =>
      values(reading).map(({ value, labels }) => ({
        labels: labels === undefined ? own : `${own},${labelText(labels)}`,
        value,
        ...(timeless ? {} : { atMs: reading.atMs }),
      })),
    );
    yield prometheusText({ name, help, type }, samples);
    await nextTurn();
  }
}

function ownLabels({ identity }: CgroupReading): string {
  const { container, path, image, name, namespace, pod } = identity;
  return labelText({ container, id: path, image, name, namespace, pod });
}
