import { dnsLabelErrors } from '../../k8s/nameValidation.ts';
import type { Pod, ProjectedVolumeSource, Volume } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';
import { downwardItems, filePath, files, mode } from './validateVolumeFiles.ts';

const HOST_PATH_TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];

/** Checks the volumes of a Pod. */
export function validateVolumes(pod: Pod, path: FieldPath, findings: Findings): void {
  const names = new Set<string>();
  for (const [index, volume] of (pod.spec?.volumes ?? []).entries()) {
    const at = path.index(index);
    const { name = '' } = volume;
    if (name === '') findings.required(at.child('name'));
    else findings.invalidAll(at.child('name'), name, dnsLabelErrors(name));
    if (names.has(name)) findings.duplicate(at.child('name'), name);
    names.add(name);
    validateSource(volume, at, findings);
  }
}

type Check = (volume: Volume, path: FieldPath, findings: Findings) => void;

/** Checks by kind of volume; kinds that are not here have no check besides their types. */
const CHECKS: Partial<Record<keyof Volume, Check>> = {
  hostPath: ({ hostPath }, path, findings) => {
    if (!hostPath?.path) findings.required(path.child('path'));
    else if (hostPath.path.split('/').includes('..'))
      findings.invalid(path.child('path'), hostPath.path, "must not contain '..'");
    findings.oneOf(path.child('type'), hostPath?.type, HOST_PATH_TYPES);
  },
  emptyDir: ({ emptyDir }, path, findings) => {
    if (emptyDir?.sizeLimit?.startsWith('-')) {
      findings.forbidden(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity');
    }
  },
  configMap: ({ configMap }, path, findings) => {
    if (!configMap?.name) findings.required(path.child('name'));
    files(configMap?.defaultMode, configMap?.items, path, findings);
  },
  secret: ({ secret }, path, findings) => {
    if (!secret?.secretName) findings.required(path.child('secretName'));
    files(secret?.defaultMode, secret?.items, path, findings);
  },
  downwardAPI: ({ downwardAPI }, path, findings) => {
    mode(downwardAPI?.defaultMode, path.child('defaultMode'), findings);
    downwardItems(downwardAPI?.items, path.child('items'), findings);
  },
  projected: ({ projected }, path, findings) => projectedSources(projected!, path, findings),
  nfs: ({ nfs }, path, findings) => {
    if (!nfs?.server) findings.required(path.child('server'));
    if (!nfs?.path) findings.required(path.child('path'));
    else if (!nfs.path.startsWith('/')) findings.invalid(path.child('path'), nfs.path, 'must be an absolute path');
  },
  persistentVolumeClaim: ({ persistentVolumeClaim: claim }, path, findings) => {
    if (!claim?.claimName) findings.required(path.child('claimName'));
  },
  csi: ({ csi }, path, findings) => {
    if (!csi?.driver) findings.required(path.child('driver'));
  },
  image: ({ image }, path, findings) => {
    findings.oneOf(path.child('pullPolicy'), image?.pullPolicy, ['Always', 'IfNotPresent', 'Never']);
  },
};

/** Fields that storage systems of the API cannot do without; they have no other check here. */
const REQUIRED: Partial<Record<keyof Volume, readonly string[]>> = {
  awsElasticBlockStore: ['volumeID'],
  azureDisk: ['diskName', 'diskURI'],
  azureFile: ['secretName', 'shareName'],
  cephfs: ['monitors'],
  cinder: ['volumeID'],
  ephemeral: ['volumeClaimTemplate'],
  flexVolume: ['driver'],
  gcePersistentDisk: ['pdName'],
  gitRepo: ['repository'],
  glusterfs: ['endpoints', 'path'],
  iscsi: ['targetPortal', 'iqn'],
  photonPersistentDisk: ['pdID'],
  portworxVolume: ['volumeID'],
  quobyte: ['registry', 'volume'],
  rbd: ['monitors', 'image'],
  scaleIO: ['gateway', 'system', 'volumeName'],
  storageos: ['volumeName'],
  vsphereVolume: ['volumePath'],
};

function validateRequired(volume: Volume, kind: keyof Volume, path: FieldPath, findings: Findings): void {
  const source = volume[kind] as unknown as Readonly<Record<string, unknown>>;
  for (const field of REQUIRED[kind] ?? []) {
    const value = source[field];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) {
      findings.required(path.child(field));
    }
  }
}

function validateSource(volume: Volume, path: FieldPath, findings: Findings): void {
  const { name: _name, ...sources } = volume;
  const kinds = Object.keys(sources) as (keyof Volume)[];
  if (kinds.length === 0) findings.required(path, 'must specify a volume type');
  for (const extra of kinds.slice(1)) findings.forbidden(path.child(extra), 'may not specify more than 1 volume type');
  const [kind] = kinds;
  if (!kind) return;
  CHECKS[kind]?.(volume, path.child(kind), findings);
  validateRequired(volume, kind, path.child(kind), findings);
}

function projectedSources(projected: ProjectedVolumeSource, path: FieldPath, findings: Findings): void {
  mode(projected.defaultMode, path.child('defaultMode'), findings);
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const at = path.child('sources').index(index);
    const kinds = Object.keys(source);
    if (kinds.length === 0) findings.required(at, 'must specify at least one projected volume source');
    for (const extra of kinds.slice(1))
      findings.forbidden(at.child(extra), 'may not specify more than 1 volume type per source');
    const { configMap, secret, downwardAPI, serviceAccountToken } = source;
    for (const [name, object] of [['configMap', configMap] as const, ['secret', secret] as const]) {
      if (!object) continue;
      if (!object.name) findings.required(at.child(name, 'name'));
      files(undefined, object.items, at.child(name), findings);
    }
    downwardItems(downwardAPI?.items, at.child('downwardAPI', 'items'), findings);
    if (serviceAccountToken) {
      filePath(serviceAccountToken.path, at.child('serviceAccountToken', 'path'), findings);
      const seconds = serviceAccountToken.expirationSeconds ?? 3600;
      if (seconds < 600) {
        findings.invalid(
          at.child('serviceAccountToken', 'expirationSeconds'),
          seconds,
          'may not specify a duration less than 10 minutes',
        );
      }
    }
  }
}
