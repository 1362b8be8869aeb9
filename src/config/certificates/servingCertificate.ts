/** A certificate chain, the leaf first, and its private key, both PEM. Never log the key. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Where the kubelet's server gets its certificate from: files, a self-signed pair, or one that the cluster signs
 * (serverTLSBootstrap: `requestedServingCertificate`). The server asks for it at each handshake or on each change.
 */
export interface ServingCertificateSource extends Disposable {
  /** The pair in force; undefined while there is none (not issued yet, or expired): handshakes fail until then. */
  current(): ServingCertificate | undefined;
  /** Called after `current` began to answer something else. */
  onChange(listener: () => void): Disposable;
}
