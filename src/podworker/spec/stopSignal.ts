import type { Signal } from '../../cri/generated/runtime.ts';

const NAMED =
  /^SIG(ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN|RTMAX)$/;
const REAL_TIME = /^SIGRT(MIN\+([1-9]|1[0-5])|MAX-([1-9]|1[0-4]))$/;

/** The runtime's name of a container's stop signal (KEP-4960); RUNTIME_DEFAULT for none and for one that does not exist. */
export function stopSignal(name: string | undefined): Signal {
  if (name === undefined) return 'RUNTIME_DEFAULT';
  if (REAL_TIME.test(name)) return name.replace('+', 'PLUS').replace('-', 'MINUS') as Signal;
  return NAMED.test(name) ? (name as Signal) : 'RUNTIME_DEFAULT';
}
