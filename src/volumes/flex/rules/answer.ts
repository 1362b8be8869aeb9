// What a FlexVolume driver prints.

/** What a driver can do. What it does not mention counts as something that it can do. */
export interface FlexCapabilities {
  /** Its volumes are attached to the node by a controller, and mounted once for all Pods. */
  readonly attach: boolean;
  readonly seLinuxRelabel: boolean;
  readonly fsGroup: boolean;
  readonly requiresFSResize: boolean;
}

/** What a driver said to a command. `unsupported`: it does not know it, and what kubelet does by itself is done instead. */
export type FlexAnswer =
  | { readonly kind: 'success'; readonly device: string; readonly capabilities: FlexCapabilities }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'failure'; readonly message: string };

/** Longer reasons are cut: they stand in Events. */
const MAX_MESSAGE = 1024;

/** A driver's standard output and error as an answer. The words of failures are kubelet's. */
export function readAnswer(command: string, output: string): FlexAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(output);
  } catch {
    return { kind: 'failure', message: notJson(command, output) };
  }
  const status = text(answer, 'status');
  if (status === 'Not supported') return { kind: 'unsupported' };
  if (status !== 'Success') {
    const reason = text(answer, 'message').slice(0, MAX_MESSAGE);
    return { kind: 'failure', message: `${command} command failed, status: ${status.slice(0, 64)}, reason: ${reason}` };
  }
  const told = field(answer, 'capabilities');
  const has = (name: string) => {
    const value = field(told, name);
    return typeof value === 'boolean' ? value : true;
  };
  return {
    kind: 'success',
    device: text(answer, 'device'),
    capabilities: {
      attach: has('attach'),
      seLinuxRelabel: has('selinuxRelabel'),
      fsGroup: has('fsGroup'),
      requiresFSResize: has('requiresFSResize'),
    },
  };
}

/** What it printed is not shown: a driver that prints its arguments would print Secrets. */
function notJson(command: string, output: string): string {
  if (output.trim() === '') return 'unexpected end of JSON input';
  return `the driver did not answer ${command} with one JSON object, but with ${Buffer.byteLength(output)} bytes of something else`;
}

/** As Go reads JSON: the exact name, else one that differs in case only. */
function field(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  if (Object.hasOwn(object, name)) return (object as Record<string, unknown>)[name];
  const lower = name.toLowerCase();
  return Object.entries(object).find(([key]) => key.toLowerCase() === lower)?.[1];
}

function text(object: unknown, name: string): string {
  const value = field(object, name);
  return typeof value === 'string' ? value : '';
}
