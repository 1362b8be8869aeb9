import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { waitFor } from '../lib/wait.ts';
import type { VmLayout } from './layout.ts';

/** How a script in the VM ended. */
export interface GuestResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a bash script as root in the VM, through its virtio-serial port. Others wait meanwhile: the port takes one request at a time.
 * Throws when the guest does not answer within `timeout` ms (60 s unless said); it then ends the script by itself.
 */
export async function inGuest(vm: VmLayout, script: string, timeout = 60_000): Promise<GuestResult> {
  const id = randomUUID();
  const socket = connect(vm.agent);
  const timer = setTimeout(
    () => socket.destroy(new Error(`the VM did not answer within ${timeout / 1000} s`)),
    timeout,
  );
  try {
    await once(socket, 'connect');
    const seconds = Math.max(1, Math.ceil(timeout / 1000));
    // The line break in front ends whatever half a line a broken connection left behind.
    socket.write(`\n${id} ${seconds} ${Buffer.from(script).toString('base64')}\n`);
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      const answer = lines.find((line) => line.startsWith(`${id} `));
      if (answer) return parse(answer);
    }
    throw new Error('the VM closed the connection; is it running?');
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** As inGuest; returns stdout, and throws with the output when the script fails. */
export async function mustInGuest(vm: VmLayout, script: string, timeout?: number): Promise<string> {
  const { code, stdout, stderr } = await inGuest(vm, script, timeout);
  if (code !== 0) throw new Error(`in the VM, exit code ${code}: ${script.slice(0, 200)}\n${stderr}${stdout}`);
  return stdout;
}

/** The kernel's id of this boot; undefined while the guest does not answer. */
export async function bootId(vm: VmLayout): Promise<string | undefined> {
  try {
    return (await mustInGuest(vm, 'cat /proc/sys/kernel/random/boot_id', 20_000)).trim();
  } catch {
    return undefined; // it is booting, or going down
  }
}

/** Waits until the guest answers, after a reboot with another boot id than before. Returns its boot id. */
export function untilBooted(vm: VmLayout, before?: string): Promise<string> {
  return waitFor('the VM to boot', { timeout: 900_000, interval: 500 }, async () => {
    const id = await bootId(vm);
    return id === before ? undefined : id;
  });
}

function parse(answer: string): GuestResult {
  const [, code, stdout = '', stderr = ''] = answer.split(' ');
  const text = (field: string): string => Buffer.from(field.slice(1), 'base64').toString('utf8');
  return { code: Number(code), stdout: text(stdout), stderr: text(stderr) };
}
