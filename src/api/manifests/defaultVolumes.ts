import type { Mutable, Volume } from '../../types/k8s.ts';
import { rounded } from './defaultResources.ts';
import { defaultPullPolicy } from './imageTag.ts';

/** Mode of files in volumes made of API objects: 0644. */
const FILE_MODE = 0o644;
const TOKEN_SECONDS = 3600;

type FieldItems =
  | readonly { fieldRef?: { apiVersion?: string }; resourceFieldRef?: { divisor?: string } }[]
  | undefined;

/** Fills in what the API server would for one volume, in place. */
export function defaultVolume(volume: Mutable<Volume>): void {
  const { name: _name, ...sources } = volume;
  if (Object.keys(sources).length === 0) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= '';
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source) source.defaultMode ??= FILE_MODE;
  }
  fieldRefs(volume.downwardAPI?.items);
  for (const source of volume.projected?.sources ?? []) {
    fieldRefs(source.downwardAPI?.items);
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS;
  }
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) {
    claim.volumeMode ??= 'Filesystem';
    if (claim.resources?.limits) claim.resources.limits = rounded(claim.resources.limits);
    if (claim.resources?.requests) claim.resources.requests = rounded(claim.resources.requests);
  }
  defaultBlockStorage(volume);
}

function fieldRefs(items: FieldItems): void {
  for (const { fieldRef, resourceFieldRef } of items ?? []) {
    if (fieldRef) fieldRef.apiVersion ||= 'v1';
    if (resourceFieldRef) resourceFieldRef.divisor ??= '0';
  }
}

/** In-tree block storage that still has defaults in the API. */
function defaultBlockStorage({ iscsi, rbd, azureDisk, scaleIO }: Mutable<Volume>): void {
  if (iscsi) iscsi.iscsiInterface ||= 'default';
  if (rbd) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (azureDisk) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
    azureDisk.kind ??= 'Shared';
  }
  if (scaleIO) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}
