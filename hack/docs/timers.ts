import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { table, withPart } from './marked.ts';

// Design rule 10: every wait has an event, except the polls of one table. This list says of every file in src/ that sets a timer
// what the timer is for; a test compares it with the source. Run: node hack/docs/timers.ts (writes docs/architecture.md).

/** A look at something that tells nobody when it changes. */
interface Poll {
  readonly poll: string;
  readonly period: string;
  readonly why: string;
}

/**
 * `deadline`: an answer that does not come becomes an error. `retry`: after a failure, with back-off. `schedule`: a time that the
 * API or a certificate names. `settle`: events in quick succession are taken as one. `slice`: long work lets others run.
 */
interface Timer {
  readonly for: 'deadline' | 'retry' | 'schedule' | 'settle' | 'slice';
  readonly what: string;
}

/** What the timers of each file are for. */
export const timers: Readonly<Record<string, readonly (Poll | Timer)[]>> = {
  'api/channel.ts': [
    {
      for: 'deadline',
      what: 'pings of an open connection: a silent dead one is noticed; a connection told to go away drains',
    },
  ],
  'api/apiCalls.ts': [
    { for: 'deadline', what: 'answers of the API server' },
    { for: 'retry', what: 'Retry-After' },
  ],
  'api/runWatch.ts': [{ for: 'deadline', what: 'until the API server has accepted a watch' }],
  'cgroups/keepQos.ts': [
    { poll: 'limits of the QoS cgroups', period: '1 min', why: 'nobody tells who else writes into a cgroup' },
  ],
  'events/recorder.ts': [{ for: 'retry', what: 'an Event that could not be written' }],
  'api/manifests/fileSource.ts': [
    { poll: 'static manifest rescan', period: '`fileCheckFrequency`, 20 s', why: 'repairs lost inotify events' },
    { for: 'settle', what: 'a file that is being written' },
  ],
  'api/manifests/urlSource.ts': [
    { poll: 'static Pod URL', period: '`httpCheckFrequency`, 20 s', why: 'HTTP has no events' },
  ],
  'api/objectStore.ts': [{ for: 'schedule', what: 'an object that nobody wants any more is watched a little longer' }],
  'join/k3s/ask.ts': [{ for: 'deadline', what: 'answers of a k3s supervisor' }],
  'join/k3s/balancer.ts': [{ for: 'deadline', what: 'a server that takes no connection is passed over' }],
  'join/k3s/nodeAnnotations.ts': [{ for: 'retry', what: 'annotations that could not be written' }],
  'join/k3s/prepare.ts': [{ for: 'retry', what: 'a join while the server is not ready' }],
  'join/k3s/renewal.ts': [
    { for: 'schedule', what: 'renewal of the certificates of a k3s node' },
    { for: 'retry', what: 'one that failed' },
  ],
  'join/k3s/serverList.ts': [
    {
      poll: 'servers of a k3s cluster',
      period: '1 min, only after `join k3s`',
      why: 'a node may ask a supervisor for the list, and not watch it',
    },
  ],
  'join/k3s/tunnel/localConnection.ts': [
    { for: 'deadline', what: 'a kubelet that takes no connection, or not the last bytes of one' },
  ],
  'join/k3s/tunnel/session.ts': [
    {
      for: 'deadline',
      what: 'pings of the tunnel to a k3s server, and the list of its connections: dead ones are noticed',
    },
  ],
  'join/k3s/tunnel/tunnels.ts': [{ for: 'retry', what: 'a tunnel that broke' }],
  'join/k3s/tunnel/webSocket.ts': [{ for: 'deadline', what: 'the handshake' }],
  'lib/linux/runProgram.ts': [{ for: 'deadline', what: 'a program of the node (mount, umount, mkfs, fsck) is killed' }],
  'volumes/persistent/persistentVolumes.ts': [
    { for: 'retry', what: 'notes of volumes that cannot be read at the start' },
  ],
  'volumes/certificates/podCertificates.ts': [
    {
      for: 'deadline',
      what: 'a PodCertificateRequest that was deleted; a certificate that is overdue or has expired is told',
    },
  ],
  'volumes/scsi/iscsiPaths.ts': [
    {
      poll: 'the device of an iSCSI disk',
      period: '1 s, for 30 s at most, only while a Pod waits for it',
      why: 'udev makes its directories of links anew, so they cannot be watched before they are there',
    },
  ],
  'volumes/flex/driver.ts': [{ for: 'deadline', what: '`why` says that a FlexVolume driver has not answered' }],
  'volumes/persistent/mountPrograms.ts': [{ for: 'deadline', what: 'a mount that takes long is told in `why`' }],
  'api/polledObject.ts': [
    {
      poll: 'claims and volumes of Pods',
      period: '100 ms doubling to 5 s until bound, then 90 s',
      why: 'the Node authorizer lets a node GET them, and not watch',
    },
  ],
  'volumes/csi/allocatableUpdates.ts': [
    {
      poll: 'how many volumes a CSI driver can take',
      period: '`nodeAllocatableUpdatePeriodSeconds` of its CSIDriver, never without',
      why: 'drivers have no events',
    },
  ],
  'node/localNode.ts': [{ for: 'deadline', what: 'the first status of a Node waits this long for its CSINode' }],
  'volumes/csi/attachLimit.ts': [
    {
      poll: 'why a CSI volume is not attached',
      period: '2 min 3 s, only while a Pod waits for it',
      why: 'the Node authorizer lets a node GET VolumeAttachments, and not watch',
    },
  ],
  'volumes/csi/drivers.ts': [
    { for: 'deadline', what: 'a driver that should register again after a restart of this program' },
  ],
  'volumes/csi/nodeInfo.ts': [{ for: 'retry', what: 'CSINode and Node, which others write too' }],
  'volumes/csi/services.ts': [
    { for: 'retry', what: 'a Secret that the Node authorizer does not connect with the Pod yet' },
  ],
  'api/reflector.ts': [
    { for: 'deadline', what: 'a watch that the server forgets to end' },
    { for: 'retry', what: 'list and watch' },
  ],
  'api/tokens.ts': [
    { for: 'retry', what: 'a token for a Pod that the API server has not seen yet, every 50 ms for a second' },
  ],
  'api/watch.ts': [{ for: 'slice', what: 'decoding of many watch events' }],
  'cgroups/destroy.ts': [{ for: 'retry', what: 'a cgroup whose processes are still dying' }],
  'cli/preflight/report.ts': [{ for: 'deadline', what: 'an API server that does not answer' }],
  'config/certificates/bootstrap.ts': [
    {
      poll: 'API server before the node has a certificate',
      period: '2 s, for a minute',
      why: 'a connection that is refused has no events',
    },
  ],
  'config/certificates/certificateManager.ts': [
    { for: 'schedule', what: 'rotation before a certificate expires' },
    { for: 'retry', what: 'a request that was not granted' },
  ],
  'config/certificates/clientConnection.ts': [{ for: 'deadline', what: 'calls that wait for the first certificate' }],
  'config/certificates/expiryGuard.ts': [{ for: 'schedule', what: 'the end of the client certificate' }],
  'config/certificates/signing.ts': [{ for: 'deadline', what: 'approval of a request' }],
  'config/credentials.ts': [
    { for: 'settle', what: 'credential files that are being replaced' },
    { for: 'schedule', what: 'the end of a client certificate' },
  ],
  'cri/events.ts': [{ for: 'retry', what: "the runtime's event stream" }],
  'cri/gate.ts': [{ for: 'schedule', what: 'a call older than 2 s no longer counts' }],
  'cgroups/open.ts': [
    { for: 'retry', what: "limits of the Pods' cgroup that the kernel refused with EBUSY" },
    { for: 'retry', what: 'a runtime that does not tell its cgroup driver yet' },
  ],
  'node/podCidr.ts': [{ for: 'retry', what: 'a runtime that did not take the addresses of Pods' }],
  'images/imageGc.ts': [
    {
      poll: 'unused images',
      period: '5 min',
      why: 'an image that nobody uses any more, and a disk that fills, have no event',
    },
  ],
  'images/progress/pullWatch.ts': [
    {
      poll: 'how far image pulls have come',
      period: '10 s, only while one is under way',
      why: "containerd's content service tells when asked; read by no Pod's worker but the one that waits",
    },
  ],
  'dra/heldClaims.ts': [
    { for: 'schedule', what: 'how long the health of devices that was told before a restart holds' },
  ],
  'dra/claimLeftovers.ts': [
    { for: 'retry', what: 'claims of a Pod that is gone, which its driver does not take back' },
  ],
  'dra/health.ts': [
    { for: 'schedule', what: 'how long a driver’s word on the health of a device counts' },
    { for: 'settle', what: 'a driver that talks without end is heard once a second' },
    { for: 'retry', what: 'the stream of health of a DRA driver' },
  ],
  'dra/resourceSlices.ts': [
    { for: 'schedule', what: 'how long a DRA driver that is gone may take to come back' },
    { for: 'retry', what: 'ResourceSlices that could not be deleted' },
  ],
  'devices/allocation.ts': [{ for: 'deadline', what: 'a plug-in whose devices a Pod had before a restart' }],
  'devices/endpoints.ts': [{ for: 'schedule', what: 'the grace of a resource whose device plug-in is gone' }],
  'devices/podResources/server.ts': [{ for: 'slice', what: 'a long list of Pods with devices' }],
  'node/housekeeping.ts': [
    {
      poll: 'leftovers of unknown Pods in runtime, cgroups, directories, logs',
      period: '1 min',
      why: 'what a crash left behind has no event',
    },
  ],
  'podworker/runtimeList.ts': [
    {
      poll: 'full list of the runtime',
      period: '45 s; 1 s without an event stream (containerd 1.6)',
      why: 'repairs lost events',
    },
    { for: 'retry', what: 'the first list' },
  ],
  'podworker/sources.ts': [{ for: 'deadline', what: 'sources that keep the first admissions waiting, 1 s' }],
  'pods/resourceRecords.ts': [
    { for: 'settle', what: 'resources that were carried out are written down together (1 s)' },
  ],
  'status/writer.ts': [{ for: 'settle', what: 'statuses on the way of a start or a deletion (500 ms)' }],
  'lib/clock.ts': [{ for: 'schedule', what: 'the clock itself' }],
  'lib/spaced.ts': [{ for: 'schedule', what: 'news of devices, for a Pod and for the Node once a second' }],
  'lib/limiter.ts': [{ for: 'schedule', what: 'the next token of a rate limit' }],
  'lib/linux/dbus/connection.ts': [{ for: 'deadline', what: 'answers of D-Bus' }],
  'lib/linux/logind/inhibitor.ts': [{ for: 'deadline', what: 'a shutdown lock that does not come (10 s)' }],
  'lib/linux/systemd/jobWatch.ts': [{ for: 'deadline', what: 'jobs of systemd' }],
  'lib/linux/watchOpens.ts': [
    { poll: 'the lock file is opened by another program', period: '1 s', why: 'only with --exit-on-lock-contention' },
  ],
  'main.ts': [{ for: 'deadline', what: 'an end that does not end (5 s)' }],
  'images/providers/execProvider.ts': [
    { for: 'deadline', what: 'a credential provider; and what it leaves behind that holds its output open' },
  ],
  'loop/loop.ts': [{ for: 'schedule', what: '`wakeAt` of the last decision' }],
  'node/addressFacts.ts': [{ for: 'deadline', what: 'name resolution of the node' }],
  'node/eviction/evictor.ts': [{ for: 'deadline', what: 'the end of Pods that were evicted, before the next choice' }],
  'node/eviction/pressureKeeper.ts': [
    {
      poll: 'memory, disks, inodes and tasks of the node; local storage of Pods that have limits of it',
      period: '10 s; down to 1 s while a figure falls towards its threshold',
      why: 'file systems and /proc have no events; a cgroup at its limit wakes it too (cgroup v2)',
    },
  ],
  'node/eviction/reclaimer.ts': [
    {
      poll: 'space that removed images and containers give back',
      period: '1 s, for 10 s (hard threshold) or 30 s; only after something was removed',
      why: 'runtimes free it some time after they have answered',
    },
    { for: 'deadline', what: 'the removal of unused images and dead containers' },
  ],
  'node/preflight/iptablesHints.ts': [
    { poll: "kubelet's hint chain in iptables", period: '1 min', why: 'iptables has no events' },
  ],
  'node/preflight/systemdNotify.ts': [
    { poll: 'life sign to systemd', period: 'half of WatchdogSec', why: 'it is a heartbeat' },
  ],
  'node/lease.ts': [
    { poll: 'node lease renewal', period: '10 s (a quarter of its duration)', why: 'it is a heartbeat' },
    { for: 'retry', what: 'the lease before the node has one' },
  ],
  'node/watchedLog.ts': [
    {
      for: 'schedule',
      what: 'the earliest moment at which a log can have grown too large, or a failed rotation is repeated',
    },
  ],
  'node/nodeFacts.ts': [{ for: 'deadline', what: 'the first image list' }],
  'node/nodeStatus.ts': [
    {
      poll: 'node status',
      period: '`nodeStatusUpdateFrequency`, 10 s; PATCH only on change or every 5 min',
      why: 'disk, memory, images have no events here',
    },
  ],
  'node/oom/oomWatch.ts': [{ for: 'retry', what: "the reader of the kernel's log" }],
  'node/registration.ts': [{ for: 'retry', what: 'the Node object' }],
  'node/runtimeStatus.ts': [
    { poll: 'CRI Status', period: '5 s (250 ms until first ready)', why: 'CRI has no event for runtime conditions' },
    { for: 'schedule', what: 'a runtime that is silent for 30 s counts as down' },
  ],
  'node/shutdown/nodeShutdown.ts': [
    {
      for: 'deadline',
      what: "each group's time at the node's end, the Node's status before and Pods' statuses after it",
    },
  ],
  'node/shutdown/shutdownWatch.ts': [
    { for: 'retry', what: 'the connection to logind and its lock; logind that reads its configuration again' },
  ],
  'plugins/deadline.ts': [{ for: 'deadline', what: 'what a handler does with a plug-in' }],
  'plugins/pluginManager.ts': [{ for: 'slice', what: 'the first steps of many sockets that appear at once' }],
  'plugins/pluginSocket.ts': [{ for: 'retry', what: 'the registration of a plug-in' }],
  'plugins/socketTree.ts': [{ poll: 'sockets of plug-ins', period: '1 min', why: 'repairs lost inotify events' }],
  'podworker/runtimeReads.ts': [
    { for: 'retry', what: 'reads of the runtime' },
    { for: 'settle', what: 'echoes of our own calls' },
  ],
  'probes/handlers/deadline.ts': [
    { for: 'deadline', what: 'a probe attempt; in slices, so that a late timer is not a timeout' },
  ],
  'probes/handlers/grpc.ts': [{ for: 'retry', what: 'connecting, within the timeout' }],
  'probes/hooks.ts': [{ for: 'deadline', what: 'a hook; and the sleep hook itself' }],
  'probes/probeLoop.ts': [{ for: 'schedule', what: 'periodSeconds of a probe' }],
  'rpc/channelSockets.ts': [{ for: 'settle', what: 'cancellations are sent before a connection is closed' }],
  'rpc/server.ts': [{ for: 'deadline', what: 'calls under way when a server ends' }],
  'server/debugServer.ts': [{ for: 'deadline', what: 'an explanation that its client does not read' }],
  'server/http/crowd.ts': [{ for: 'settle', what: 'connections that have gone, before their memory goes back' }],
  'server/http/keptServer.ts': [
    {
      for: 'retry',
      what: 'the port of the health endpoint and the place of the explanations while somebody else has it',
    },
  ],
  'server/http/listener.ts': [{ for: 'deadline', what: 'a client that does not close its side after the answer' }],
  'server/http/sendPieces.ts': [{ for: 'slice', what: 'a trace' }],
  'server/logs/followLog.ts': [
    { poll: 'a followed log file', period: '1 s', why: 'only where its directory cannot be watched' },
    { for: 'deadline', what: 'the rest of a rotated file' },
  ],
  'server/podsApi/server.ts': [{ for: 'slice', what: 'a long list of encoded Pods' }],
  'server/routes/podList.ts': [{ for: 'slice', what: 'a long list of Pods' }],
  'server/routes/pprof.ts': [{ for: 'deadline', what: 'a profile that somebody asked for' }],
  'stats/walks.ts': [{ for: 'deadline', what: 'walks over volumes that an answer waits for, 1.5 s' }],
  'server/stream/passThrough.ts': [{ for: 'deadline', what: 'a stream of which one side has ended' }],
  'server/tls/liveTls.ts': [{ for: 'settle', what: 'certificate files that are being replaced' }],
  'tracing/provider.ts': [{ for: 'deadline', what: 'an end of the agent waits a second for the last spans' }],
  'tracing/spanQueue.ts': [
    { for: 'settle', what: 'ended spans are sent together' },
    { for: 'retry', what: 'spans that the collector did not take' },
  ],
  'status/publisher.ts': [{ for: 'retry', what: 'a status that could not be written' }],
};

const root = join(import.meta.dirname, '../..');
const uses = /\b(?:setTimer|setTimeout|setInterval|setImmediate|sleep)\(/;
const isTest = (file: string) => /\.test\.ts$|\/(?:fake|testing)\//.test(file);

/** Files of src/ that set timers, tests and fakes left out. */
export function filesWithTimers(): string[] {
  const src = join(root, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !isTest(`/${file}`))
    .filter((file) => uses.test(readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')))
    .map((file) => relative('.', file))
    .sort();
}

/** For docs/architecture.md. */
function pollTable(): string {
  const rows = Object.entries(timers).flatMap(([file, list]) =>
    list.flatMap((t) => ('poll' in t ? [[t.poll, t.period, t.why, `\`${file}\``]] : [])),
  );
  return table(['poll', 'period', 'why no event', 'where'], rows);
}

/** docs/architecture.md as it is and as it should be. */
export function pageWithPolls(): { now: string; wanted: string } {
  const now = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
  return { now, wanted: withPart(now, 'polls', pollTable()) };
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(root, 'docs/architecture.md'), pageWithPolls().wanted);
