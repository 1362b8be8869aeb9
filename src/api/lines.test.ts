import type { KubeObject } from '../types/k8s.ts';
import { LineSplitter } from './lines.ts';
import { decodeWatch, type WatchEvent } from './watch.ts';

describe('line splitter', () => {
  test('gives the same lines however the bytes are cut', () => {
    const text = 'one\n\nzwei äöü\n{"emoji":"😀"}\nlast\n';
    const bytes = Buffer.from(text);
    for (let size = 1; size <= bytes.length; size++) {
      const lines = new LineSplitter(100);
      const seen: string[] = [];
      for (let at = 0; at < bytes.length; at += size) seen.push(...lines.push(bytes.subarray(at, at + size)));
      expect(seen).toEqual(['one', 'zwei äöü', '{"emoji":"😀"}', 'last']);
    }
  });

  test('refuses a line without end', () => {
    const lines = new LineSplitter(1000);
    const chunk = Buffer.alloc(400, 'x');
    expect([...lines.push(chunk), ...lines.push(chunk)]).toEqual([]);
    expect(() => [...lines.push(chunk)]).toThrow(/longer than 1000 bytes/);
  });
});

describe('watch decoder', () => {
  async function* stream(...texts: string[]) {
    for (const text of texts) yield Buffer.from(text);
  }
  const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;

  test('freezes objects, drops managedFields, lets the hook write first', async () => {
    const seen: WatchEvent<KubeObject>[] = [];
    const text = event('ADDED', { metadata: { name: 'a', managedFields: [{}] }, spec: { list: [{}] } });
    await decodeWatch(
      stream(text.slice(0, 7), text.slice(7)),
      (e) => seen.push(e),
      (object) => {
        object.metadata!.name = 'b';
      },
    );
    expect(seen).toEqual([{ type: 'ADDED', object: { metadata: { name: 'b' }, spec: { list: [{}] } } }]);
    expect(Object.isFrozen((seen[0]!.object as unknown as { spec: { list: object[] } }).spec.list[0])).toBe(true);
  });

  test('an ERROR event is thrown with its status', async () => {
    const text = event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
    await expect(decodeWatch(stream(text), () => {})).rejects.toMatchObject({
      status: 410,
      reason: 'Expired',
      message: 'too old',
    });
  });

  test('a flood does not keep others from running', async () => {
    let seen = 0;
    let ticks = 0;
    let running = true;
    const tick = () => {
      ticks++;
      if (running) setImmediate(tick);
    };
    const big = event('MODIFIED', {
      metadata: { name: 'x' },
      spec: { list: Array.from({ length: 60 }, (_, i) => ({ i, s: 'abc' })) },
    });
    const flood = decodeWatch(stream(big.repeat(4000)), () => seen++);
    tick();
    await flood;
    running = false;
    expect(seen).toBe(4000);
    // Decoded in one go it would be the first one alone; a pause each 3 ms makes about fifteen, on a slower machine more.
    expect(ticks).toBeGreaterThan(3);
  });
});
