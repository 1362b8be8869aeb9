import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { until } from '../../lib/fake/until.ts';
import type { LogOptions } from './options.ts';
import { sendLog } from './sendLog.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sendlog-'));
  path = join(dir, '0.log');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Inodes of the files that this process has open. */
const openInodes = () =>
  readdirSync('/proc/self/fd').flatMap((fd) => statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false })?.ino ?? []);

const base: LogOptions = {
  follow: false,
  previous: false,
  timestamps: false,
  tailLines: undefined,
  limitBytes: undefined,
  since: undefined,
  stream: 'All',
};
const line = (text: string, second = 0, stream = 'stdout', tag = 'F') =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.5Z ${stream} ${tag} ${text}\n`;

function reader(options: Partial<LogOptions>, logPath = path) {
  const pieces: Buffer[] = [];
  const changes = new Listeners<[]>();
  const gone = new AbortController();
  const container = { running: true };
  const state = {
    done: false,
    text: () => Buffer.concat(pieces).toString(),
    end: () => {
      container.running = false;
      changes.emit();
    },
    gone,
    listeners: changes,
    finished: Promise.resolve(),
  };
  state.finished = sendLog(logPath, async (piece) => void pieces.push(piece), {
    options: { ...base, ...options },
    clock: realClock,
    signal: gone.signal,
    following: { maxFiles: 5, running: () => container.running, onChange: (listener) => changes.add(listener) },
  }).finally(() => {
    state.done = true;
  });
  return state;
}

async function read(options: Partial<LogOptions>, content: string): Promise<string> {
  writeFileSync(path, content);
  const state = reader(options);
  await state.finished;
  return state.text();
}

describe('reading', () => {
  const three = line('a', 1) + line('b', 2, 'stderr') + line('c', 3);

  test.each<[string, Partial<LogOptions>, string]>([
    ['everything', {}, 'a\nb\nc\n'],
    ['the tail', { tailLines: 2 }, 'b\nc\n'],
    ['a tail of nothing', { tailLines: 0 }, ''],
    ['a tail longer than the file', { tailLines: 9 }, 'a\nb\nc\n'],
    ['a limit', { limitBytes: 3 }, 'a\nb'],
    ['since', { since: Date.parse('2026-01-01T00:00:02Z') }, 'b\nc\n'],
    ['one stream', { stream: 'Stderr' }, 'b\n'],
    ['timestamps', { timestamps: true, tailLines: 1 }, '2026-01-01T00:00:03.500000000Z c\n'],
    ['a limit with timestamps', { timestamps: true, limitBytes: 32 }, '2026-01-01T00:00:01.500000000Z a'],
  ])('%s', async (_name, options, expected) => {
    expect(await read(options, three)).toBe(expected);
  });

  test('pieces of a line are put together, with one timestamp', async () => {
    const content = line('first ', 1, 'stdout', 'P') + line('second', 2) + line('third', 3);
    expect(await read({ timestamps: true }, content)).toBe(
      '2026-01-01T00:00:01.500000000Z first second\n2026-01-01T00:00:03.500000000Z third\n',
    );
  });

  test('a last line without its newline is sent as it is', async () => {
    expect(await read({}, line('a') + line('b').trimEnd())).toBe('a\nb');
  });

  test('a line that cannot be read is left out; a file of them is an error', async () => {
    expect(await read({}, `${line('a')}garbage\n${line('b')}`)).toBe('a\nb\n');
    await expect(read({}, 'garbage\n')).rejects.toThrow(
      'failed to get parse function: unsupported log format: "garbage\\n"',
    );
  });

  test('the JSON form', async () => {
    expect(await read({}, '{"log":"x\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n')).toBe('x\n');
  });

  test('no file', async () => {
    await expect(reader({}).finished).rejects.toThrow(
      `failed to try resolving symlinks in path "${path}": lstat ${path}: no such file or directory`,
    );
  });

  test('property: a tail of n lines is what tail -n says, over block borders', async () => {
    let seed = 7;
    const random = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % n;
    };
    const lines = Array.from({ length: 3000 }, (_, i) => `${i} ${'x'.repeat(random(200))}`);
    const content = lines.map((text) => line(text)).join('');
    for (const n of [1, 2, 299, 300, 2999, 3000, random(3000)]) {
      expect(await read({ tailLines: n }, content)).toBe(`${lines.slice(-n).join('\n')}\n`);
    }
  });
});

describe('following', () => {
  test('lines come as they are written, until the container is over and all is read', async () => {
    writeFileSync(path, line('a'));
    const state = reader({ follow: true });
    await until(() => state.text() === 'a\n');
    appendFileSync(path, line('b'));
    await until(() => state.text() === 'a\nb\n');
    appendFileSync(path, line('c'));
    state.end();
    await state.finished;
    expect(state.text()).toBe('a\nb\nc\n');
    expect(state.listeners.size).toBe(0);
  });

  test('half a line waits for its other half', async () => {
    const whole = line('whole');
    writeFileSync(path, whole.slice(0, 40));
    const state = reader({ follow: true });
    appendFileSync(path, whole.slice(40));
    await until(() => state.text() === 'whole\n');
    state.end();
    await state.finished;
  });

  test('nothing is lost over rotations, even what is written into the old file afterwards', async () => {
    writeFileSync(path, line('0'));
    const state = reader({ follow: true });
    await until(() => state.text() === '0\n');
    let expected = '0\n';
    for (let round = 1; round <= 20; round += 1) {
      const rotated = `${path}.20260101-0000${String(round).padStart(2, '0')}`;
      renameSync(path, rotated);
      appendFileSync(rotated, line(`${round} late`));
      writeFileSync(path, line(`${round} new`));
      expected += `${round} late\n${round} new\n`;
      if (round % 3 === 0) await until(() => state.text().endsWith(`${round} new\n`));
    }
    await until(() => state.text().length === expected.length);
    state.end();
    await state.finished;
    expect(state.text()).toBe(expected);
  });

  test.each([
    [4, [1, 2, 3, 4]],
    [5, [1, 2, 3, 4, 5]],
    [7, [3, 4, 5, 6, 7]], // five files are kept for it: what was begun before them is lost
  ])(
    'a slow follower, %d compressed rotations behind, gets every line of the last five files',
    async (rounds, left) => {
      const first = line('x'.repeat(1000)).repeat(200); // more than is read at once
      writeFileSync(path, first);
      let free = () => {};
      const held = new Promise<void>((resolve) => {
        free = resolve;
      });
      const pieces: Buffer[] = [];
      const sink = (piece: Buffer) => {
        pieces.push(piece);
        return held;
      };
      const gone = new AbortController();
      let running = true;
      const changes = new Listeners<[]>();
      const following = { maxFiles: 5, running: () => running, onChange: (l: () => void) => changes.add(l) };
      const options = { ...base, follow: true };
      const finished = sendLog(path, sink, { options, clock: realClock, signal: gone.signal, following });
      await until(() => pieces.length > 0);
      for (let round = 1; round <= rounds; round += 1) {
        const rotated = `${path}.20260101-0000${String(round).padStart(2, '0')}`;
        renameSync(path, rotated);
        writeFileSync(path, line(`round ${round}`));
        const inode = statSync(path).ino;
        await until(() => openInodes().includes(inode)); // it looks, though nobody takes anything from it
        rmSync(rotated); // compressed away
      }
      free();
      await until(() => Buffer.concat(pieces).toString().includes(`round ${rounds}\n`));
      running = false;
      changes.emit();
      await finished;
      const text = Buffer.concat(pieces).toString();
      expect(text.match(/^x+$/gm)).toHaveLength(200);
      expect([...text.matchAll(/^round (\d+)$/gm)].map((m) => Number(m[1]))).toEqual(left);
      expect(openInodes().filter((inode) => inode === statSync(path).ino)).toEqual([]);
    },
  );

  test('a file that is cut short is read from its start', async () => {
    writeFileSync(path, line('a long first line'));
    const state = reader({ follow: true });
    await until(() => state.text() !== '');
    truncateSync(path, 0);
    appendFileSync(path, line('b'));
    await until(() => state.text().endsWith('b\n'));
    state.end();
    await state.finished;
  });

  test('a client that is gone ends the reading, and nothing stays behind', async () => {
    writeFileSync(path, line('a'));
    const state = reader({ follow: true });
    await until(() => state.listeners.size === 1);
    state.gone.abort();
    await state.finished;
    expect(state.listeners.size).toBe(0);
  });

  test('a limit ends the following', async () => {
    writeFileSync(path, line('abc'));
    const state = reader({ follow: true, limitBytes: 6 });
    await until(() => state.text() === 'abc\n');
    appendFileSync(path, line('def'));
    await state.finished;
    expect(state.text()).toBe('abc\nde');
  });

  test('a slow client holds the reading back', async () => {
    const content = line('x'.repeat(1000)).repeat(2000);
    writeFileSync(path, content);
    let taken = 0;
    let release: () => void = () => {};
    const gone = new AbortController();
    const sink = (piece: Buffer) => {
      taken += piece.length;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    };
    const options = { ...base, follow: true };
    const following = { maxFiles: 5, running: () => true, onChange: () => ({ [Symbol.dispose]: () => {} }) };
    const finished = sendLog(path, sink, { options, clock: realClock, signal: gone.signal, following });
    await until(() => taken > 0);
    expect(taken).toBeLessThan(70_000);
    gone.abort();
    release();
    await finished;
    expect(taken).toBeLessThan(70_000);
  });
});

describe('a log that is a link', () => {
  const send = async (containerId: string, target: string) => {
    const logs = join(dir, 'pods');
    symlinkSync(target, join(logs, '0.log'));
    const pieces: Buffer[] = [];
    const context = {
      options: base,
      following: { maxFiles: 5, running: () => false, onChange: () => ({ [Symbol.dispose]: () => {} }) },
      clock: realClock,
      signal: new AbortController().signal,
      owner: { podLogsDir: logs, containerId },
    };
    await sendLog(join(logs, '0.log'), async (piece) => void pieces.push(piece), context);
    return Buffer.concat(pieces).toString();
  };
  beforeEach(() => mkdirSync(join(dir, 'pods')));

  test('to any other file of the node is refused: a Pod may have put it there', async () => {
    const secret = join(dir, 'shadow');
    writeFileSync(secret, line('root'));
    await expect(send('abc123', secret)).rejects.toThrow(
      /shadow" is outside of .*pods and not named after its container/,
    );
  });

  test.each(['abc123-json.log', 'pods/real'])('to %s is followed: a runtime makes such', async (name) => {
    writeFileSync(join(dir, name), line('hello'));
    expect(await send('abc123', join(dir, name))).toContain('hello\n');
  });
});
