import { goQuote } from '../../k8s/goText.ts';
import { pullProgressText, seconds } from '../../timeline/pullProgressText.ts';
import type { ImageEvent, Pulling } from '../types.ts';
import { goDuration } from './goDuration.ts';
import { toldProgress } from './toldProgress.ts';

/** A pull starts. */
export function pullingEvent(image: string): ImageEvent {
  return { type: 'Normal', reason: 'Pulling', message: `Pulling image ${goQuote(image)}` };
}

/** A pull takes long; one Event of each image is updated. `forMs`: since it was asked for. */
export function progressEvent(image: string, forMs: number, { progress, untold }: Pulling): ImageEvent {
  const text = `${pullProgressText({ ...toldProgress(progress), ...(untold && { untold }) })}`;
  const message = `Pulling image ${goQuote(image)} for ${seconds(forMs)}${text}`;
  return { type: 'Normal', reason: 'ImagePullProgress', message, update: `pull/${image}` };
}

/** A pull succeeded: its own time, and the time with the wait for a place before it. */
export function pulledEvent(image: string, pullMs: number, totalMs: number, size: number | undefined): ImageEvent {
  const times = `${goDuration(pullMs)} (${goDuration(totalMs)} including waiting)`;
  const message = `Successfully pulled image ${goQuote(image)} in ${times}. Image size: ${size ?? 0} bytes.`;
  return { type: 'Normal', reason: 'Pulled', message };
}

/** No pull was needed. `verified`: whether anybody asks who may use an image (KubeletEnsureSecretPulledImages). */
export function presentEvent(image: string, verified: boolean): ImageEvent {
  const end = verified ? ' and can be accessed by the pod' : '';
  const message = `Container image ${goQuote(image)} already present on machine${end}`;
  return { type: 'Normal', reason: 'Pulled', message };
}

/** A pull failed. */
export function pullFailedEvent(image: string, error: string): ImageEvent {
  return { type: 'Warning', reason: 'Failed', message: `Failed to pull image ${goQuote(image)}: ${error}` };
}

/** kubelet's second Warning after each failed attempt to have an image: the reason alone. */
export function errorEvent(reason: string): ImageEvent {
  return { type: 'Warning', reason: 'Failed', message: `Error: ${reason}` };
}

/** A new attempt has to wait. */
export function backOffEvent(image: string): ImageEvent {
  return { type: 'Normal', reason: 'BackOff', message: `Back-off pulling image ${goQuote(image)}` };
}

/** The name is no image name, or the runtime could not be asked about it. */
export function inspectFailedEvent(message: string): ImageEvent {
  return { type: 'Warning', reason: 'InspectFailed', message };
}

/** The image is absent and the policy forbids a pull. */
export function neverPullEvent(message: string): ImageEvent {
  return { type: 'Warning', reason: 'ErrImageNeverPull', message };
}
