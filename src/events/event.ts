/** A Kubernetes Event to record about the Node. */
export interface NodeEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** A Kubernetes Event to record about a Pod, or about one of its containers. */
export interface PodEvent extends NodeEvent {
  readonly container?: string;
  /** For programs: of the Event object in the API. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The Event that was recorded under this name about the same object gets the message, if there is one. Whoever records it bounds how often. */
  readonly update?: string;
}
