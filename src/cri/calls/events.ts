// The runtime's event stream, reduced to what wakes a Pod's worker.
import type { Reader } from 'protobufjs/light.js';
import protobuf from 'protobufjs/light.js';
import type { Connection } from '../../rpc/connection.ts';
import type { RpcError } from '../../rpc/error.ts';
import type { ContainerEventType } from '../generated/runtime.ts';
import { criProtocol } from '../protocol.ts';

/** What is taken from an event. Nothing else in it is to be trusted: events may be minutes old and out of order. */
export interface ContainerEvent {
  /** '' if the runtime sent no sandbox status. */
  podUid: string;
  /** The container's id; the sandbox's own id for events of the sandbox. */
  containerId: string;
  type: ContainerEventType;
}
export interface EventStreamHandlers {
  onEvent(event: ContainerEvent): void;
  /** Called exactly once; without an error the runtime closed the stream in order. */
  onEnd(error: RpcError | undefined): void;
}
export interface EventCalls {
  /** Opens the event stream without a deadline; the returned function ends it. */
  containerEvents(handlers: EventStreamHandlers): () => void;
}

export function eventCalls(connection: Connection): EventCalls {
  return {
    containerEvents(handlers) {
      const method = criProtocol.method('runtime.v1.RuntimeService', 'GetContainerEvents');
      const onMessage = (message: object) => handlers.onEvent(message as ContainerEvent);
      return connection.stream(method, {}, { ...handlers, onMessage }, {}, decodeEvent);
    },
  };
}

// Field numbers of runtime.v1: an event carries the statuses of the sandbox and of all its containers, so a full decode of
// each would cost as much as a list. Only these three are read; the rest is skipped over.
const EVENT = { containerId: 1, containerEventType: 2, podSandboxStatus: 4 };
const SANDBOX_STATUS = { metadata: 2 };
const SANDBOX_METADATA = { uid: 2 };
let eventTypes: Record<number, string> | undefined;

/** Reads ids and type of an encoded ContainerEventResponse. Throws on bytes that are no protobuf message. */
export function decodeEvent(bytes: Uint8Array): ContainerEvent {
  eventTypes ??= criProtocol.root().lookupEnum('runtime.v1.ContainerEventType').valuesById;
  const event: ContainerEvent = { podUid: '', containerId: '', type: 'CONTAINER_CREATED_EVENT' };
  eachField(protobuf.Reader.create(bytes), undefined, (field, reader) => {
    if (field === EVENT.containerId) event.containerId = reader.string();
    else if (field === EVENT.containerEventType) event.type = eventTypes?.[reader.int32()] as ContainerEventType;
    else if (field === EVENT.podSandboxStatus) event.podUid = readUid(reader);
    else return false;
    return true;
  });
  return event;
}

function readUid(reader: Reader): string {
  let uid = '';
  eachField(reader, reader.uint32(), (field, status) => {
    if (field !== SANDBOX_STATUS.metadata) return false;
    eachField(status, status.uint32(), (inner, metadata) => {
      if (inner !== SANDBOX_METADATA.uid) return false;
      uid = metadata.string();
      return true;
    });
    return true;
  });
  return uid;
}

function eachField(reader: Reader, length: number | undefined, read: (field: number, reader: Reader) => boolean): void {
  const end = length === undefined ? reader.len : reader.pos + length;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag >>> 3, reader)) reader.skipType(tag & 7);
  }
}
