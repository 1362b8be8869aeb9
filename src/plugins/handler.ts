// What whoever uses plug-ins gives to the plug-ins' door, and what it sees there.

/** What a plug-in said of itself. Chosen by the plug-in; bounded in bytes (limits.ts), not checked otherwise. */
export interface PluginInfo {
  /** `CSIPlugin`, `DevicePlugin` or `DRAPlugin`. */
  readonly type: string;
  readonly name: string;
  /** The socket that serves calls; the registration socket if the plug-in named none. */
  readonly endpoint: string;
  readonly versions: readonly string[];
  /** The registration socket. */
  readonly socket: string;
}

/**
 * Uses the plug-ins of one type. Calls for one type and name come one after the other, whichever sockets they are about; another
 * name waits for nobody. What a method rejects with is told to the plug-in and in `PluginManager.plugins()`.
 */
export interface PluginHandler {
  /** Rejects, or throws, with a sentence if the plug-in cannot be used (name, endpoint, versions). Changes nothing. */
  validate(plugin: PluginInfo): void | Promise<void>;
  /**
   * Takes the plug-in into use. Another socket may hold the same name: the newer one then takes its place. `signal` aborts when the
   * socket vanishes or time is up; the plug-in is deregistered afterwards, whatever came of the call.
   */
  register(plugin: PluginInfo, signal: AbortSignal): void | Promise<void>;
  /**
   * The plug-in's socket is gone or was made anew. Only this socket's endpoint is meant: the same name may be registered at another
   * one by now, as in a rolling update. Must be harmless for a plug-in that was never taken into use.
   */
  deregister(plugin: PluginInfo, signal: AbortSignal): void | Promise<void>;
}

/** The handler of each plug-in type. */
export type PluginHandlers = Readonly<Record<string, PluginHandler>>;

/** How it stands with one registration socket. */
export interface PluginStatus {
  readonly socket: string;
  readonly state: 'registering' | 'registered' | 'failed' | 'deregistering';
  /** What the plug-in said of itself, once it did. */
  readonly plugin?: PluginInfo | undefined;
  /** Why the last attempt failed; still there while the next one is under way. */
  readonly error?: string | undefined;
  /** How often registration was tried since the socket was made. */
  readonly attempts: number;
  /** When the state was entered (wall clock, ms). */
  readonly since: number;
  /** When a failed registration is tried again (wall clock, ms). */
  readonly retryAt?: number | undefined;
}
