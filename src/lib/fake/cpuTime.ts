/** ms of CPU time that this thread has had. Other processes and threads do not count: a machine that is busy with them changes nothing. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
