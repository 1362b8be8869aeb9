import type * as k8s from '../types/k8s.ts';

interface Resource {
  readonly apiVersion: string;
  readonly plural: string;
  readonly namespaced: boolean;
}
const resource = (apiVersion: string, plural: string, namespaced: boolean): Resource => ({
  apiVersion,
  plural,
  namespaced,
});

/** Kind → its type, for the methods of the client. */
export interface KindMap {
  Pod: k8s.Pod;
  Node: k8s.Node;
  ConfigMap: k8s.ConfigMap;
  Secret: k8s.Secret;
  Service: k8s.Service;
  ServiceAccount: k8s.ServiceAccount;
  Namespace: k8s.Namespace;
  Event: k8s.Event;
  PersistentVolume: k8s.PersistentVolume;
  PersistentVolumeClaim: k8s.PersistentVolumeClaim;
  Lease: k8s.Lease;
  RuntimeClass: k8s.RuntimeClass;
  VolumeAttachment: k8s.VolumeAttachment;
  CSINode: k8s.CSINode;
  CSIDriver: k8s.CSIDriver;
  ResourceClaim: k8s.ResourceClaim;
  ResourceSlice: k8s.ResourceSlice;
  CertificateSigningRequest: k8s.CertificateSigningRequest;
  ClusterTrustBundle: k8s.ClusterTrustBundle;
  /** The same of an API server that serves only v1alpha1. */
  ClusterTrustBundleAlpha: k8s.ClusterTrustBundle;
  PodCertificateRequest: k8s.PodCertificateRequest;
  TokenReview: k8s.TokenReview;
  SubjectAccessReview: k8s.SubjectAccessReview;
}
export type Kind = keyof KindMap;

/** Where each kind lives in the API. */
export const RESOURCES: Record<Kind, Resource> = {
  Pod: resource('v1', 'pods', true),
  Node: resource('v1', 'nodes', false),
  ConfigMap: resource('v1', 'configmaps', true),
  Secret: resource('v1', 'secrets', true),
  Service: resource('v1', 'services', true),
  ServiceAccount: resource('v1', 'serviceaccounts', true),
  Namespace: resource('v1', 'namespaces', false),
  Event: resource('v1', 'events', true),
  PersistentVolume: resource('v1', 'persistentvolumes', false),
  PersistentVolumeClaim: resource('v1', 'persistentvolumeclaims', true),
  Lease: resource('coordination.k8s.io/v1', 'leases', true),
  RuntimeClass: resource('node.k8s.io/v1', 'runtimeclasses', false),
  VolumeAttachment: resource('storage.k8s.io/v1', 'volumeattachments', false),
  CSINode: resource('storage.k8s.io/v1', 'csinodes', false),
  CSIDriver: resource('storage.k8s.io/v1', 'csidrivers', false),
  ResourceClaim: resource('resource.k8s.io/v1', 'resourceclaims', true),
  ResourceSlice: resource('resource.k8s.io/v1', 'resourceslices', false),
  CertificateSigningRequest: resource('certificates.k8s.io/v1', 'certificatesigningrequests', false),
  ClusterTrustBundle: resource('certificates.k8s.io/v1beta1', 'clustertrustbundles', false),
  ClusterTrustBundleAlpha: resource('certificates.k8s.io/v1alpha1', 'clustertrustbundles', false),
  PodCertificateRequest: resource('certificates.k8s.io/v1beta1', 'podcertificaterequests', true),
  TokenReview: resource('authentication.k8s.io/v1', 'tokenreviews', false),
  SubjectAccessReview: resource('authorization.k8s.io/v1', 'subjectaccessreviews', false),
};

/** The path of a collection, an object or a subresource. Without a namespace: all namespaces. Segments are escaped. */
export function resourcePath(kind: Kind, namespace?: string, name?: string, subresource?: string): string {
  const { apiVersion, plural, namespaced } = RESOURCES[kind];
  const parts = [apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`];
  if (namespaced && namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}

/** The query of a request: '' when nothing is asked, values that are undefined left out. */
export function queryOf(values: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query}`;
}
