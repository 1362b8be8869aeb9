import { built, differs, type Part } from './part.ts';

/** Pods: their life, resources, images, and what is told of them. */
export const PODS: readonly Part[] = [
  differs('A loop each 2 s that cleans up, a sync of every Pod each minute', 'Nothing polls the runtime once a second'),
  differs('syncFrequency', '`syncFrequency` (nothing is synced without an event)'),
  built(
    'PLEG: a runtime that cannot be listed for three minutes makes the node not ready',
    'src/node/localNode.test.ts',
    'a runtime whose lists hang makes the Node not ready until one comes through',
  ),
  built(
    'ReduceDefaultCrashLoopBackOffDecay: crash loops from 1 s to 60 s',
    'src/podworker/rules/restart.test.ts',
    'the node may begin with a shorter delay, never longer than its maximum',
  ),
  built('ExceededGracePeriod', 'src/podworker/rules/kubeletEvents.test.ts', 'after %i s ExceededGracePeriod, once'),
  built(
    'Sidecars end last, also when the sandbox changed',
    'src/podworker/rules/replacement.test.ts',
    'sidecars stop after the main containers, the last one first, as at the end of a Pod',
  ),
  differs('A Pod whose cgroup is gone', 'A Pod whose cgroup is gone has it again'),
  built(
    'The first liveness attempt',
    'src/probes/prober.test.ts',
    'the first liveness attempt comes with the periods that began when the Pod came',
  ),
  differs('Early attempts of readiness and startup probes', 'Startup and readiness probes without initialDelaySeconds'),
  differs('Two static Pods of one full name', 'A second static Pod of one full name waits for the first'),
  built(
    'Orphans: directories, mirrors, Pods of the runtime, logs',
    'src/node/housekeeping.test.ts',
    'a Pod that comes back while its leftovers are removed waits for the end of that',
  ),
  differs(
    'The cgroup of an orphan whose volumes are still mounted',
    'The cgroup of a Pod that nobody knows any more is destroyed',
  ),
  built('The flags of dead containers', 'src/node/rules/deadContainers.test.ts', 'too many in all'),
  built(
    'ContainerGCFailed',
    'src/node/housekeeping.test.ts',
    'a runtime that cannot be listed is told as ContainerGCFailed',
  ),
  built(
    'Image garbage collection by disk',
    'src/images/imageGc.test.ts',
    'a full disk: the images unused for the longest go until the low threshold',
  ),
  built(
    'Image garbage collection by age',
    'src/images/imageGc.test.ts',
    'the maximum age: unused images go without any shortage',
  ),
  built(
    'A ConfigMap or Secret that cannot be read is told',
    'src/podworker/rules/unread.test.ts',
    'a ConfigMap of a volume that stays unread for a second is told in kubelet’s words, once',
  ),
  built('In-place resize', 'src/podworker/resize.test.ts', 'is carried out without a restart, told, and shown'),
  built(
    'Resizes that are deferred or infeasible, with their conditions and Events',
    'src/podworker/resize.test.ts',
    'is deferred: the Pod goes on with what it has, and nobody waits for it',
  ),
  built(
    'The status of a Pod that is being resized',
    'src/podworker/resize.test.ts',
    'without a record the status says what the Pod has',
  ),
  built(
    'Resize of Pod-level resources',
    'src/podworker/resize.test.ts',
    'the Pod as a whole: its containers without limits of their own follow',
  ),
  built('Exclusive CPUs', 'src/ledger/managers/managers.test.ts', 'static: one container has a CPU alone'),
  built(
    'Memory manager',
    'src/ledger/managers/managers.test.ts',
    'memory Static: a container has the NUMA node that it fits on',
  ),
  built(
    'Topology manager, TopologyAffinityError',
    'src/ledger/managers/managers.test.ts',
    'a Pod whose CPUs cannot be near to each other is refused in kubelet’s words',
  ),
  built('MemoryQoS', 'src/podworker/spec/resources.test.ts', 'MemoryQoS'),
  built(
    'User namespaces',
    'src/podworker/userNamespacePods.test.ts',
    'sandbox, container and each of its mounts have the ids that stand in its file',
  ),
  built('procMount Unmasked, with a user namespace', 'src/podworker/spec/securityContext.test.ts', 'procMount'),
  built(
    'Device plug-ins give Pods their devices',
    'src/podworker/actions/createContainer.test.ts',
    'reach the container, and its status; a second Pod for the only one is rejected',
  ),
  built(
    'Extended resources that another kubelet left in the Node',
    'src/node/localNode.test.ts',
    'from another disk has no extended resources at first',
  ),
  built(
    'Dynamic resource allocation',
    'src/podworker/claimPods.test.ts',
    'prepared before the sandbox, given back before the end is told',
  ),
  built(
    'allocatedResourcesStatus',
    'src/podworker/claimPods.test.ts',
    'stands in the status of its container, with the words of the driver',
  ),
  built(
    'Node-pressure eviction: signals, thresholds, reclaim, ranking',
    'src/node/eviction/pressure.test.ts',
    'memory: the condition comes, the largest above its request goes, alone',
  ),
  built('Soft eviction', 'src/node/eviction/pressure.test.ts', 'soft: within its grace only the condition'),
  built(
    'Limits of local storage: emptyDir.sizeLimit, of containers and Pods',
    'src/node/eviction/pressure.test.ts',
    'every Pod above its own goes at once',
  ),
  differs('FailedNodeDeclaredFeaturesCheck and other Events that are not sent', 'Events that are not sent'),
  built(
    'Graceful node shutdown',
    'src/node/shutdown/nodeShutdown.test.ts',
    'one group after the other, the next as soon as nothing of the last is left and its statuses are written',
  ),
  built('SystemOOM', 'src/node/oom/oomWatch.test.ts', 'tells of each kill once, over restarts too; a boot begins anew'),
  differs('The image in "Failed to inspect image"', '"Failed to inspect image" names the image'),
  differs('serializeImagePulls', 'Five pulls side by side unless maxParallelImagePulls says otherwise'),
  differs('registryPullQPS exceeded', 'Over registryPullQPS a pull waits for its turn'),
  built(
    'Credential provider plug-ins',
    'src/images/providers/providers.test.ts',
    'a provider gets the request on its input, with arguments and environment',
  ),
  built(
    'Credential providers with service account tokens',
    'src/podworker/actions/ensureImage.test.ts',
    'a provider may be asked on behalf of the service account of the Pod',
  ),
  built(
    'KubeletEnsureSecretPulledImages: records, intents, policies',
    'src/agent/stages/images.test.ts',
    'images are their tenants’, on the disk, and in the metrics',
  ),
  built(
    'RuntimeClassInImageCriApi',
    'src/podworker/actions/ensureImage.test.ts',
    'RuntimeClassInImageCriApi: the image is that of the handler',
  ),
  built(
    'ImageVolumeWithDigest',
    'src/podworker/actions/ensureImage.test.ts',
    'ImageVolumeWithDigest: what the runtime calls the image of a volume becomes a fact',
  ),
  built(
    'Container ids in Events are replaced by the name',
    'src/podworker/eventText.test.ts',
    'an id of the container that an event is about is replaced by its name',
  ),
  built(
    'FailedPodSandBoxStatus, MissingClusterDNS on the Node',
    'src/podworker/actions/sandboxEvents.test.ts',
    'a node without cluster DNS is told of at the Pod and at the Node',
  ),
  built(
    'CheckLimitsForResolvConf',
    'src/node/startWarnings.test.ts',
    'a resolv.conf that is too much for Pods, or cannot be read',
  ),
  built(
    'FailedSync',
    'src/podworker/rules/kubeletEvents.test.ts',
    'a runtime that cannot say how the Pod is: FailedSync once',
  ),
  built(
    'HostIPsIPFamilyMismatch',
    'src/podworker/rules/kubeletEvents.test.ts',
    'an address of the node of another family than it has now',
  ),
  built(
    'Every reason of kubelet’s Events',
    'src/events/kubeletEvents.test.ts',
    '%s is sent, or stands in the list with its reason',
  ),
  differs('NetworkNotReady at each sync', 'NetworkNotReady is told once'),
  built(
    'PodResizePending and PodResizeInProgress',
    'src/status/rules/conditions/conditions.test.ts',
    'a resize condition keeps its times while its reason stays',
  ),
  built(
    'status.stopSignal',
    'src/status/rules/containerStatuses.test.ts',
    'the stop signal is shown where statuses have it',
  ),
  built(
    'A Pod that is rejected for its volume’s attach limit',
    'src/podworker/actions/volume.test.ts',
    'a volume that the node can never give rejects the Pod, with its reason',
  ),
  built(
    'UpdateRuntimeConfig with the Pod CIDR',
    'src/node/podCidr.test.ts',
    'the runtime hears of the Node’s addresses once, and of new ones',
  ),
  built(
    'UpdateContainerResources for CPU sets',
    'src/podworker/rules/cpuSets.test.ts',
    'running containers are put on their own or the shared CPUs, until they are there',
  ),
];
