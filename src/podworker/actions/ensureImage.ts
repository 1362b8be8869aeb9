import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PodSandboxConfig } from '../../cri/generated/runtime.ts';
import { type Keyring, keyringOf, lookupAuth, narrowed, unite } from '../../images/rules/credentials.ts';
import { parseImageName } from '../../images/rules/imageName.ts';
import { toldProgress } from '../../images/rules/toldProgress.ts';
import type { ImageFact, PullPolicy, RegistryLogin } from '../../images/types.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { PullState } from '../../pods/facts.ts';
import type { Pod, Secret } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { imageVolumeOf } from '../rules/imageVolumes.ts';
import { configOf } from './sandbox.ts';
import type { Services } from './services.ts';

/** Has a container's image ready under its pull policy. `anew`: failures of before do not count. Fails with the container's waiting reason (ErrImagePull …). */
export async function ensureImage(
  services: Services,
  context: ActionContext,
  container: string,
  image: string,
  policy: string,
  anew: boolean,
): Promise<Outcome> {
  const { pod, facts, signal } = context;
  using _progress = services.images.onFact((uid, fact) => {
    if (uid === facts.uid && fact.ref === image) context.pull(container, pullState(fact));
  });
  try {
    const outcome = await services.images.ensure({
      podUid: facts.uid,
      image,
      policy: policy as PullPolicy,
      annotations: pod.metadata?.annotations ?? {},
      auths: await authsFor(services, context, image),
      pod: {
        namespace: pod.metadata?.namespace ?? '',
        name: pod.metadata?.name ?? '',
        uid: facts.uid,
        serviceAccount: pod.spec?.serviceAccountName ?? '',
      },
      ...sandboxOf(services, context),
      ...handlerOf(services, pod),
      signal,
      anew,
      onEvent: (event) => context.event({ ...event, container }),
    });
    if (outcome.do === 'fail') throw new KubeletError(outcome.message, { code: outcome.reason });
    const volume = services.tellsImageVolumes ? imageVolumeOf(container) : undefined;
    return volume === undefined ? {} : { imageVolume: { name: volume, imageRef: outcome.imageId } };
  } finally {
    context.pull(container, undefined);
  }
}

/** Of large Secrets one is read at a time: a tenant may name many. */
async function authsFor(services: Services, context: ActionContext, image: string): Promise<RegistryLogin[]> {
  const { pod } = context;
  const secrets = services.pullSecrets(pod);
  tellMissing(context, secrets);
  const name = parseImageName(image);
  if (secrets.length === 0 || 'error' in name) return [];
  const keyrings: Keyring[] = [];
  for (const [i, secret] of secrets.entries()) {
    if (i > 0) await nextTurn();
    const { keyring, problems } = keyringOf([secret]);
    for (const problem of problems) services.log.warn('imagePullSecret cannot be used', { problem });
    keyrings.push(narrowed(keyring, name.repository));
  }
  return lookupAuth(unite(keyrings), name.repository);
}

/** For which sandbox the image is: a runtime may keep the images of its handlers apart. What is wrong with it is createSandbox's to tell. */
function sandboxOf(services: Services, { pod, facts }: ActionContext): { sandboxConfig?: PodSandboxConfig } {
  try {
    return { sandboxConfig: configOf(services, pod, facts.runtime?.sandboxes[0]?.attempt ?? 0) };
  } catch {
    return {};
  }
}

/** With RuntimeClassInImageCriApi a runtime keeps the images of its handlers apart. What is wrong with the class is createSandbox's to tell. */
export function handlerOf(services: Services, pod: Pod): { runtimeHandler?: string } {
  if (!services.imagesByHandler) return {};
  try {
    return { runtimeHandler: services.runtimeHandler(pod) };
  } catch {
    return {};
  }
}

/** kubelet's words: the pull may do without them, if it can. */
function tellMissing({ pod, event }: ActionContext, found: readonly Secret[]): void {
  const names = (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  const missing = names.filter((name) => !found.some((s) => s.metadata?.name === name));
  if (missing.length === 0) return;
  const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
  event({ type: 'Warning', reason: 'FailedToRetrieveImagePullSecret', message });
}

function pullState(fact: ImageFact): PullState | undefined {
  if (fact.provider !== undefined) return { provider: fact.provider };
  if (!fact.pulling) return undefined;
  const { position, progress, untold } = fact.pulling;
  return {
    ...(position === undefined ? {} : { position }),
    ...toldProgress(progress),
    ...(untold && { untold }),
  };
}
